//! Restores a stage that an earlier run composed.

use std::sync::Arc;

use super::contents::Result;
use super::context::Context;
use super::database::database;
use super::loader;
use super::stage::{Changes, ImageState, Stage};
use crate::oci::Digest;

impl Stage {
    /// Restores a stage from its changes over the stage below.
    ///
    /// # Errors
    /// Package records or a loader configuration that cannot be read.
    pub fn restore(cx: &Context, below: &Self, key: Digest, changes: Changes) -> Result<Self> {
        let mut image = ImageState::clone(&below.image);
        for (path, entry) in changes.entries() {
            image.tree.insert(path.clone(), entry.clone());
        }
        changes.add_reasons_to(&mut image.reasons);
        for (path, origin) in &changes.origins {
            image.set_origin(path, origin.clone());
        }
        if let Some(process) = &changes.process {
            image.process = process.clone();
        }
        image.programs.extend(changes.programs.iter().cloned());
        image.without_libraries.extend(changes.without_libraries.iter().cloned());
        image.packages = database(cx, &image.tree)?;
        image.covered_folders = loader::covered_folders(cx, &image)?;
        Ok(Self { key, changes, image: Arc::new(image) })
    }
}
