//! The lowest stage: the base image as it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::unreadable_in;
use super::stage::{Changes, ImageState, Stage};
use super::{Context, Reasons, Result, layer_metadata, package_records};
use crate::elf;
use crate::oci::Digest;
use crate::rootfs::Tree;

/// The base image as a stage without layers of its own.
///
/// # Errors
/// Package records or a loader configuration that cannot be read.
pub fn base(cx: &Context, key: Digest, tree: Tree) -> Result<Stage> {
    let in_base = |error| unreadable_in(&cx.plan.base_name, error);
    let packages = package_records::database(cx, &tree).map_err(in_base)?;
    let covered_folders = layer_metadata::configuration(cx, &tree, &[]).map_err(in_base)?.folders;
    let image = ImageState {
        tree,
        covered_folders,
        process: elf::LoaderState::default(),
        packages,
        reasons: Reasons::default(),
        origins: vec![super::stage::Origins::new(); cx.sources.len()],
        programs: Vec::new(),
        without_libraries: BTreeSet::new(),
    };
    Ok(Stage { key, changes: Changes::default(), image: Arc::new(image) })
}
