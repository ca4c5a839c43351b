//! The extract stage: the files that `[[extract]]` takes from the builder or from other images.

use super::compose_stage::compose_stage;
use super::contents::Result;
use super::context::Context;
use super::draft::Draft;
use super::libraries::elf_files;
use super::reasons::Because;
use super::stage::Stage;
use super::stage::StageResult;
use crate::diagnostic::{Code, Diagnostic};
use crate::image::LayerKind;
use crate::oci::Digest;
use crate::plan::Extract;

/// The layer of this stage.
const LAYER: LayerKind = LayerKind::Extract;

/// Takes the files of every `[[extract]]` table, with the libraries and interpreters that they
/// need.
///
/// # Errors
/// Files that cannot be read or put in place.
pub fn extract(cx: &Context, below: &Stage, key: Digest) -> StageResult {
    compose_stage(cx, below, key, |draft| cx.plan.extracts.iter().try_for_each(|table| draft.add_extract(table)))
}

impl Draft<'_> {
    fn add_extract(&mut self, table: &Extract) -> Result<()> {
        let Some(source) = self.cx.sources.iter().position(|source| source.name == table.from_name) else {
            let message = format!("no image was pulled for [[extract]] from {}", table.from_name);
            return Err(Box::new(Diagnostic::error(Code::Internal, message)));
        };
        let mut taken = Vec::new();
        for pattern in &table.paths {
            let selected = match self.select("files for [[extract]]", source, pattern) {
                Ok(selected) => selected,
                Err(error) => {
                    self.error(error);
                    continue;
                }
            };
            let because = Because::Extract(pattern.clone());
            taken.extend(self.add_selected(LAYER, (source, &selected), table.to.as_ref(), &because)?);
        }
        let programs = self.take_script_interpreters(LAYER, source, &taken)?;
        if !table.libraries {
            // The interpreter of a script still gets its libraries.
            self.image.without_libraries.extend(taken.iter().cloned());
            self.changes.without_libraries.extend(taken.drain(..));
        }
        taken.extend(programs);
        if !taken.is_empty() {
            let objects = elf_files(self.cx, &self.image.tree, &taken)?;
            self.take_needed(LAYER, source, objects)?;
        }
        Ok(())
    }
}
