//! Adds the entries that a pattern selects in a source image.

use super::contents::Result;
use super::draft::Draft;
use super::reasons::Because;
use super::source_image::SourceImageId;
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint as _;
use crate::image::LayerKind;
use crate::rootfs::RootPath;
use crate::rootfs::select::{SelectError, Selected};

impl Draft<'_> {
    /// Returns the entries that a pattern selects. Errors mention their `purpose`.
    ///
    /// # Errors
    /// A pattern that selects nothing, or too much.
    pub(super) fn select(&self, purpose: &str, source: SourceImageId, pattern: &str) -> Result<Selected> {
        let source = &self.cx.sources[source];
        source.tree.select(pattern).map_err(|error| {
            let code = match &error {
                SelectError::Missing { .. } => Code::MissingPath,
                SelectError::Loop(_) => Code::LinkLoop,
                _ => Code::InvalidConfiguration,
            };
            let message = format!("cannot take {purpose} from {}", source.name);
            Box::new(Diagnostic::caused(code, message, &error).image(&source.name).hint(error.hint()))
        })
    }

    /// Adds selected entries below `to`, and the targets of links among them. Returns their new
    /// paths.
    ///
    /// # Errors
    /// A path that cannot be written.
    pub(super) fn add_selected(
        &mut self,
        kind: LayerKind,
        (source, selected): (SourceImageId, &Selected),
        to: Option<&RootPath>,
        because: &Because,
    ) -> Result<Vec<RootPath>> {
        let mut out = Vec::new();
        for (path, chosen) in selected {
            let path = to.map_or_else(|| path.clone(), |to| to.join(path));
            if chosen.entry.is_folder() && self.is_folder(&path) {
                continue; // the image's own directories keep mode and owner
            }
            out.extend(self.put_from((source, &chosen.real), kind, &path, because.clone())?);
        }
        out.extend(self.add_link_targets(kind, source, &out, because)?);
        Ok(out)
    }

    /// Returns whether a path is a directory of the image, links followed.
    pub(super) fn is_folder(&self, path: &RootPath) -> bool {
        self.image.tree.resolve(path).is_ok_and(|real| self.image.tree.is_folder(&real))
    }
}
