//! What `[[extract]]` takes out of the builder or other images.

use super::donor::DonorId;
use super::error::BuildError;
use super::extract::Work;
use super::reasons::Because;
use crate::plan::Extract;
use crate::progress::LayerKind;
use crate::rootfs::RootPath;
use crate::rootfs::select::Selected;

impl Work<'_> {
    pub(super) fn extra(&mut self, extract: &Extract) -> Result<(), BuildError> {
        let Some(donor) = self.donors.iter().position(|donor| donor.name == extract.from_name) else {
            return Err(BuildError::Internal(format!("no image for [[extract]] from {}", extract.from_name)));
        };
        let mut taken = Vec::new();
        for pattern in &extract.paths {
            let selected = match self.select("[[extract]]", donor, pattern) {
                Ok(selected) => selected,
                Err(cause) => {
                    self.wrong(&cause);
                    continue;
                }
            };
            let because = Because::Extract(pattern.clone());
            taken.extend(self.add_selected(LayerKind::Libraries, donor, &selected, extract.to.as_ref(), &because)?);
        }
        let programs = self.script_interpreters(LayerKind::Libraries, donor, &taken)?;
        if !extract.libraries {
            self.unresolved.append(&mut taken.drain(..).collect()); // but of a script's program
        }
        taken.extend(programs);
        if !taken.is_empty() {
            let objects = self.elf_files(taken)?;
            self.refresh_folders()?; // what was just taken need not be taken again
            self.close(LayerKind::Libraries, donor, objects)?;
        }
        Ok(())
    }

    pub(super) fn select(&self, what: &str, donor: DonorId, pattern: &str) -> Result<Selected, BuildError> {
        let donor = &self.donors[donor];
        donor.image.tree.select(pattern).map_err(|cause| BuildError::Select {
            what: what.to_owned(),
            image: donor.name.clone(),
            platform: self.inputs.platform.clone(),
            cause,
        })
    }

    /// Adds selected entries below `to`, and what links among them lead to; returns
    /// where they went.
    pub(super) fn add_selected(
        &mut self,
        kind: LayerKind,
        donor: DonorId,
        selected: &Selected,
        to: Option<&RootPath>,
        because: &Because,
    ) -> Result<Vec<RootPath>, BuildError> {
        let mut out = Vec::new();
        for (path, chosen) in selected {
            let path = to.map_or_else(|| path.clone(), |to| to.join(path));
            if chosen.entry.is_folder() && self.image.resolve(&path).is_ok_and(|real| self.image.is_folder(&real)) {
                continue; // the image's own folders keep mode and owner
            }
            out.extend(self.put_from(donor, &chosen.real, kind, &path, because.clone())?);
        }
        out.extend(self.add_targets(kind, donor, &out, because)?);
        Ok(out)
    }
}
