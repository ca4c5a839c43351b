//! Shared libraries of one platform's image: which are taken, and where they go.

use std::collections::BTreeMap;
use std::time::Instant;

use super::application::root_path;
use super::donor::DonorId;
use super::error::BuildError;
use super::extract::Work;
use super::objects::Objects;
use super::reasons::Because;
use super::report::Taken;
use super::seal::CACHE;
use crate::elf::{self, Abi, Closure, Loader as _};
use crate::progress::LayerKind;
use crate::rootfs::{Entry, RootPath};

impl Work<'_> {
    /// Takes libraries that are opened by name at run time.
    pub(super) fn by_name(&mut self, names: &[String], donor: DonorId) -> Result<(), BuildError> {
        let Some(abi) = self.abi else { return Ok(()) };
        for name in names {
            let mut outcome = elf::Resolution::default();
            self.closure(donor, |closure| closure.take_by_name(name.as_bytes(), abi, &mut outcome))?;
            self.note(LayerKind::Runtime, donor, outcome)?;
        }
        Ok(())
    }

    pub(super) fn close(
        &mut self,
        kind: LayerKind,
        donor: DonorId,
        roots: Vec<RootPath>,
    ) -> Result<elf::Resolution, BuildError> {
        let started = Instant::now();
        let outcome = self.closure(donor, |closure| closure.run(roots))?;
        self.resolved.elapsed += started.elapsed();
        self.note(kind, donor, outcome.clone())?;
        Ok(outcome)
    }

    fn closure<T>(
        &self,
        donor: DonorId,
        walk: impl FnOnce(&Closure<'_, Objects>) -> Result<T, BuildError>,
    ) -> Result<T, BuildError> {
        let donor = &self.donors[donor];
        walk(&Closure {
            image: &self.image,
            origins: &donor.origins,
            donor: Some(&donor.image.tree),
            donor_folders: &donor.folders,
            image_folders: &self.image_folders,
            architecture: self.architecture,
            loader: &self.objects,
            process: &self.process,
        })
    }

    /// Walks in the image as it is, of which nothing more comes.
    pub(super) fn in_image<T>(
        &self,
        walk: impl FnOnce(&Closure<'_, Objects>) -> Result<T, BuildError>,
    ) -> Result<T, BuildError> {
        let has_cache = self.image.follow(&root_path(CACHE)).is_some();
        walk(&Closure {
            image: &self.image,
            origins: &BTreeMap::new(),
            donor: None,
            donor_folders: &[],
            image_folders: if has_cache { &self.image_folders } else { &[] },
            architecture: self.architecture,
            loader: &self.objects,
            process: &self.process,
        })
    }

    /// Puts what a walk took into a layer. What it missed is told of when the image is
    /// whole.
    fn note(&mut self, kind: LayerKind, donor: DonorId, outcome: elf::Resolution) -> Result<(), BuildError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for taken in outcome.taken {
            let by_name = taken.needed_by.is_root();
            for file in &taken.files {
                let because = if by_name { Because::Dlopen } else { Because::NeededBy(vec![taken.needed_by.clone()]) };
                self.put_from(donor, &file.donor, kind, &file.path, because)?;
            }
            let path = taken.files.first().map(|file| file.path.to_string()).unwrap_or_default();
            let needed_by = if by_name { "runtime.dlopen".to_owned() } else { taken.needed_by.to_string() };
            self.taken.push(Taken { soname: text(&taken.soname), path, needed_by, layer: kind });
        }
        for edge in outcome.edges {
            let Some(to) = &edge.to else { continue };
            // The file, and the link beside it that has the name it is asked by.
            for path in [Some(to.clone()), to.parent().map(|folder| folder.child(&edge.soname))].into_iter().flatten() {
                self.reasons.also_needed_by(&path, &edge.from);
            }
        }
        Ok(())
    }

    /// The application's own compiled code gets its libraries too, in its layer.
    pub(super) fn application_libraries(&mut self, files: Vec<RootPath>) -> Result<(), BuildError> {
        let Some(builder) = self.builder() else { return Ok(()) };
        let objects = self.own_objects(files)?;
        self.close(LayerKind::Application, builder, objects).map(|_| ())
    }

    /// The objects among files that the image's own programs can load.
    pub(super) fn own_objects(&self, files: Vec<RootPath>) -> Result<Vec<RootPath>, BuildError> {
        let mut out = Vec::new();
        for path in self.elf_files(files)? {
            if self.object_abi(&path)?.is_some_and(|abi| self.abi.is_none_or(|own| own == abi)) {
                out.push(path);
            }
        }
        Ok(out)
    }

    pub(super) fn elf_files(&self, paths: Vec<RootPath>) -> Result<Vec<RootPath>, BuildError> {
        let mut out = Vec::new();
        for path in paths {
            let Some(content) = self.image.get(&path).and_then(Entry::content) else { continue };
            if self.objects.is_elf(content).map_err(|cause| BuildError::read(&path, cause))? {
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
