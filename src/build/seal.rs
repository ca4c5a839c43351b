//! What closes a layer: the files that carboy writes about what is in it.

use super::error::BuildError;
use super::extract::Work;
use super::reasons::{self, Because};
use crate::progress::LayerKind;
use crate::rootfs::Entry;

impl Work<'_> {
    /// Adds to a layer what tells of its files: package records, the loader's cache,
    /// why they are there. Nothing when the layer has none.
    pub(super) fn seal(&mut self, kind: LayerKind) -> Result<(), BuildError> {
        if let Some(text) = self.reasons.keep(kind) {
            self.put(kind, &reasons::file(kind), Entry::bytes(0o644, text), Because::Record)?;
        }
        Ok(())
    }
}
