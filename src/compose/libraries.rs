//! Takes the shared libraries that objects of the image need.

use super::contents::Result;
use super::context::Context;
use super::draft::Draft;
use super::elf_reader::ElfReader;
use super::loader;
use super::reasons::Because;
use super::source_image::SourceImageId;
use super::stage::TakenLibrary;
use crate::elf::{self, Abi, Closure, Loader as _};
use crate::image::LayerKind;
use crate::rootfs::{Entry, RootPath, Tree};

impl Draft<'_> {
    /// Takes libraries that programs open by name at run time.
    pub(super) fn take_by_name(&mut self, names: &[String], source: SourceImageId) -> Result<()> {
        let abi = self.cx.abi();
        for name in names {
            let mut outcome = elf::Resolution::default();
            self.closure(source, |closure| closure.take_by_name(name.as_bytes(), abi, &mut outcome))?;
            self.take(LayerKind::Runtime, source, outcome)?;
        }
        Ok(())
    }

    /// Takes the libraries that objects of the image need and the image lacks. Returns the loader
    /// state of the first program among the objects.
    pub(super) fn take_needed(
        &mut self,
        kind: LayerKind,
        source: SourceImageId,
        objects: Vec<RootPath>,
    ) -> Result<elf::LoaderState> {
        let mut outcome = self.closure(source, |closure| closure.run(objects))?;
        let process = std::mem::take(&mut outcome.process);
        self.take(kind, source, outcome)?;
        Ok(process)
    }

    fn closure<T>(&self, source: SourceImageId, walk: impl FnOnce(&Closure<'_, ElfReader>) -> Result<T>) -> Result<T> {
        let source_image = &self.cx.sources[source];
        walk(&Closure {
            image: &self.image.tree,
            origins: &self.image.origins[source],
            donor: Some(&source_image.tree),
            donor_folders: &source_image.folders,
            image_folders: &loader::covered_folders(self.cx, &self.image)?,
            architecture: self.cx.architecture,
            loader: self.cx.elf.as_ref(),
            process: &self.image.process,
        })
    }

    /// Puts the libraries of a closure into a layer. `verify` reports missing libraries.
    fn take(&mut self, kind: LayerKind, source: SourceImageId, outcome: elf::Resolution) -> Result<()> {
        for taken in outcome.taken {
            let by_name = taken.needed_by.is_root();
            for file in &taken.files {
                let because = if by_name { Because::Dlopen } else { Because::NeededBy(vec![taken.needed_by.clone()]) };
                self.put_from((source, &file.donor), kind, &file.path, because)?;
            }
            self.changes.facts.libraries.push(TakenLibrary {
                soname: String::from_utf8_lossy(&taken.soname).into_owned(),
                path: taken.files.first().map(|file| file.path.to_string()).unwrap_or_default(),
                needed_by: if by_name { "runtime.dlopen".to_owned() } else { taken.needed_by.to_string() },
                layer: kind,
            });
        }
        for edge in outcome.edges {
            let Some(to) = &edge.to else { continue };
            // The file, and the link beside it that has the needed name.
            for path in [Some(to.clone()), to.parent().map(|folder| folder.child(&edge.soname))].into_iter().flatten() {
                self.also_needed_by(&path, &edge.from);
            }
        }
        Ok(())
    }

    /// Takes the libraries that files need from the builder. Skips files that the image's own
    /// programs cannot load.
    pub(super) fn take_needed_by_files(&mut self, kind: LayerKind, files: &[RootPath]) -> Result<()> {
        let Some(builder) = self.cx.builder() else { return Ok(()) };
        let mut objects = Vec::new();
        for path in elf_files(self.cx, &self.image.tree, files)? {
            if object_abi(self.cx, &self.image.tree, &path)? == Some(self.cx.abi()) {
                objects.push(path);
            }
        }
        self.take_needed(kind, builder, objects).map(|_| ())
    }
}

/// Returns the paths of a tree that are ELF files by their first bytes.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn elf_files(cx: &Context, tree: &Tree, paths: &[RootPath]) -> Result<Vec<RootPath>> {
    let mut out = Vec::new();
    for path in paths {
        let Some(content) = tree.get(path).and_then(Entry::content) else { continue };
        if cx.elf.is_elf(content).map_err(|cause| super::contents::unreadable(path, cause))? {
            out.push(path.clone());
        }
    }
    Ok(out)
}

/// Returns the machine of the object at a path, links followed; none for anything else.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn object_abi(cx: &Context, tree: &Tree, path: &RootPath) -> Result<Option<Abi>> {
    let Some((real, entry)) = tree.follow(path) else { return Ok(None) };
    let Some(content) = entry.content() else { return Ok(None) };
    Ok(cx.elf.object(&real, content)?.map(|object| object.abi))
}
