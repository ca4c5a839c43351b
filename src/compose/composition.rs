//! All stages of one platform's image together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contents::{Result, unreadable};
use super::context::Context;
use super::stage::{Facts, ImageState, Stage};
use crate::diagnostic::{Code, Diagnostic};
use crate::elf::Abi;
use crate::image::{LayerId, Process};
use crate::layer::recipe::Recipe;
use crate::rootfs::RootPath;

/// The finished stages of one platform's image.
pub struct Composition<'a> {
    pub cx: &'a Context,
    pub stages: Vec<Stage>,
    /// The image with all stages.
    pub image: Arc<ImageState>,
    pub process: Process,
    /// The machine of each program and library of the image, by real path. Static ones are
    /// included.
    pub objects: BTreeMap<RootPath, Abi>,
}

impl<'a> Composition<'a> {
    /// Puts stages together. The application stage is the last.
    ///
    /// # Errors
    /// A file that cannot be read; no application stage.
    pub fn new(cx: &'a Context, stages: Vec<Stage>) -> Result<Self> {
        let incomplete = || Box::new(Diagnostic::error(Code::Internal, "the composition has no application stage"));
        let last = stages.last().ok_or_else(incomplete)?;
        let image = last.image.clone();
        let process = last.changes.facts.process.clone().ok_or_else(incomplete)?;
        let mut objects = BTreeMap::new();
        for (path, entry) in image.tree.iter() {
            let Some(content) = entry.content() else { continue };
            let failed = |cause| unreadable(path, cause);
            if cx.elf.is_elf(content).map_err(failed)?
                && let Some(abi) = cx.elf.abi(content).map_err(failed)?
            {
                objects.insert(path.clone(), abi);
            }
        }
        Ok(Self { cx, stages, image, process, objects })
    }

    /// Returns the layers of all stages, from the lowest up.
    pub fn layers(&self) -> impl Iterator<Item = (&LayerId, &Arc<Recipe>)> {
        self.stages.iter().flat_map(|stage| &stage.changes.layers)
    }

    /// Returns the facts of all stages.
    pub fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.stages.iter().map(|stage| &stage.changes.facts)
    }

    /// Returns whether the image lacks the program of its entrypoint.
    #[must_use]
    pub fn lacks_entrypoint(&self) -> bool {
        let codes = [Code::EntrypointNotFound, Code::CannotStart, Code::NoEntrypoint];
        let mut found = self.facts().flat_map(|facts| &facts.diagnostics);
        self.process.entrypoint.is_none() && found.any(|one| one.is_error() && codes.contains(&one.code))
    }
}
