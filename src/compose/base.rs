//! The lowest stage: the unchanged base image.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::contents::{Result, unreadable_in};
use super::context::Context;
use super::database::database;
use super::loader;
use super::reasons::Reasons;
use super::stage::{Changes, ImageState, Stage};
use crate::elf;
use crate::oci::Digest;
use crate::rootfs::Tree;

/// Makes a stage of the base image. It has no layers of its own.
///
/// # Errors
/// Package records or a loader configuration that cannot be read.
pub fn base(cx: &Context, key: Digest, tree: Tree) -> Result<Stage> {
    let in_base = |error| unreadable_in(&cx.plan.base_name, error);
    let packages = database(cx, &tree).map_err(in_base)?;
    let covered_folders = loader::configuration(cx, &tree, &[]).map_err(in_base)?.folders;
    let image = ImageState {
        tree,
        covered_folders,
        process: elf::LoaderState::default(),
        packages,
        reasons: Reasons::default(),
        origins: vec![super::source_image::Origins::new(); cx.sources.len()],
        programs: Vec::new(),
        without_libraries: BTreeSet::new(),
    };
    Ok(Stage { key, changes: Changes::default(), image: Arc::new(image) })
}
