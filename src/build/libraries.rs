//! Shared libraries of one platform's image: which are taken, which are missing,
//! and what of that stops the build.

use super::error::{BuildError, DLOPEN};
use super::extract::Work;
use super::objects::Objects;
use super::report::{Missing, Taken};
use crate::debian::ld_so_conf;
use crate::elf::{self, Abi, Closure, Loader as _};
use crate::layer::contents;
use crate::progress::{Event, LayerKind};
use crate::rootfs::{Entry, RootPath, Tree};

impl Work<'_> {
    /// Libraries that are opened by name at run time.
    pub(super) fn by_name(&mut self, names: &[String], donor: &Tree) -> Result<(), BuildError> {
        let Some(abi) = self.abi else { return Ok(()) };
        for name in names {
            let mut outcome = elf::Outcome::default();
            let found = self.closure(donor, |closure| closure.take_by_name(name.as_bytes(), abi, &mut outcome))?;
            if !found {
                self.fatal.push((name.clone(), DLOPEN.to_owned()));
            }
            self.note(LayerKind::Runtime, outcome)?;
        }
        Ok(())
    }

    pub(super) fn close(
        &mut self,
        kind: LayerKind,
        donor: &Tree,
        roots: Vec<RootPath>,
    ) -> Result<elf::Outcome, BuildError> {
        let outcome = self.closure(donor, |closure| closure.run(roots))?;
        self.note(kind, outcome.clone())?;
        Ok(outcome)
    }

    fn closure<T>(
        &mut self,
        donor: &Tree,
        walk: impl FnOnce(&mut Closure<'_, Objects>) -> Result<T, BuildError>,
    ) -> Result<T, BuildError> {
        let folders = ld_so_conf::folders(donor, &mut |path| self.text(donor, path).ok().flatten());
        walk(&mut Closure {
            image: &mut self.image,
            origins: &mut self.origins,
            donor: Some(donor),
            donor_folders: &folders,
            image_folders: &[],
            triplet: self.triplet,
            loader: &self.objects,
            process: &self.process,
        })
    }

    /// Puts what a walk took into a layer, and sorts what it missed.
    fn note(&mut self, kind: LayerKind, outcome: elf::Outcome) -> Result<(), BuildError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for taken in outcome.taken {
            for file in &taken.files {
                self.put(kind, &file.path, file.entry.clone())?;
            }
            let path = taken.files.first().map(|file| file.path.to_string()).unwrap_or_default();
            let by_name = taken.needed_by.is_root();
            let needed_by = if by_name { "runtime.dlopen".to_owned() } else { taken.needed_by.to_string() };
            self.taken.push(Taken { soname: text(&taken.soname), path, needed_by, layer: kind });
        }
        for missing in outcome.missing {
            let soname = text(&missing.soname);
            let needed_by = missing.needed_by.to_string();
            let elsewhere = || self.image.iter().any(|(path, _)| path.name() == Some(&missing.soname));
            if self.is_optional(&missing.needed_by) || self.plan.allow_missing.contains(&soname) {
                self.missing.push(Missing { soname, needed_by });
            } else if elsewhere() {
                let warning = format!(
                    "{needed_by} needs {soname}, which the image has, but not where the loader looks: it must be loaded before"
                );
                self.inputs.progress.on(Event::Warning(warning));
                self.missing.push(Missing { soname, needed_by });
            } else {
                self.fatal.push((soname, needed_by));
            }
        }
        Ok(())
    }

    /// Modules of the standard library may lack their library (`_tkinter` does).
    fn is_optional(&self, path: &RootPath) -> bool {
        path.parts().any(|part| part == b"lib-dynload") && self.origins.contains_key(path)
    }

    pub(super) fn elf_files(&self, paths: Vec<RootPath>) -> Result<Vec<RootPath>, BuildError> {
        let mut out = Vec::new();
        for path in paths {
            let Some(content) = self.image.get(&path).and_then(Entry::content) else { continue };
            let magic = contents::magic(content, self.inputs.tars.as_ref());
            let magic = magic.map_err(|cause| BuildError::Read { path: path.to_string(), cause: cause.to_string() })?;
            if elf::is_elf(magic) {
                out.push(path);
            }
        }
        Ok(out)
    }

    pub(super) fn object_abi(&self, path: &RootPath) -> Result<Option<Abi>, BuildError> {
        let Some((real, entry)) = self.image.follow(path) else { return Ok(None) };
        let Some(content) = entry.content() else { return Ok(None) };
        Ok(self.objects.object(&real, content)?.map(|object| object.abi))
    }
}
