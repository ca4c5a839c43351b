//! The finished image with the libraries that its own loader finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compose::composition::Composition;
use crate::compose::contents::{Result, root_path};
use crate::compose::elf_reader::ElfReader;
use crate::compose::loader::LOADER_CACHE;
use crate::elf::{self, Abi, Closure, Loader as _, Object};
use crate::image::Process;
use crate::rootfs::RootPath;

/// The finished image with the libraries that each of its objects loads.
pub struct LoadedImage<'a> {
    pub composition: &'a Composition<'a>,
    pub abi: Abi,
    /// The objects of the platform, by real path.
    pub objects: Vec<RootPath>,
    pub outcome: elf::Resolution,
    /// The program of the image's own entrypoint, by its real path.
    pub entrypoint: Option<RootPath>,
    /// The directories of `LD_LIBRARY_PATH`.
    pub library_path: Vec<RootPath>,
}

impl<'a> LoadedImage<'a> {
    pub fn load(composition: &'a Composition<'a>) -> Result<Self> {
        let abi = composition.cx.abi();
        let own = composition.objects.iter().filter(|(_, of)| **of == abi);
        let objects: Vec<_> = own.map(|(path, _)| path.clone()).collect();
        let outcome = composition.closure(|closure| closure.run(objects.iter().cloned()))?;
        let program = composition.process.program().and_then(|program| RootPath::new(program).ok());
        let entrypoint = program.and_then(|program| composition.image.tree.resolve(&program).ok());
        let library_path = library_path(&composition.process);
        Ok(Self { composition, abi, objects, outcome, entrypoint, library_path })
    }
}

impl Composition<'_> {
    /// Walks the libraries of the finished image without adding any.
    pub(super) fn closure<T>(&self, walk: impl FnOnce(&Closure<'_, ElfReader>) -> Result<T>) -> Result<T> {
        let has_cache = self.image.tree.follow(&root_path(LOADER_CACHE)).is_some();
        walk(&Closure {
            image: &self.image.tree,
            origins: &BTreeMap::new(),
            donor: None,
            donor_folders: &[],
            image_folders: if has_cache { &self.image.covered_folders } else { &[] },
            architecture: self.cx.architecture,
            loader: self.cx.elf.as_ref(),
            process: &self.image.process,
        })
    }

    /// Returns the object at a real path.
    pub(super) fn object_at(&self, path: &RootPath) -> Option<Arc<Object>> {
        let content = self.image.tree.get(path)?.content()?;
        self.cx.elf.object(path, content).ok().flatten()
    }
}

/// Returns the absolute directories of a process's `LD_LIBRARY_PATH`.
fn library_path(process: &Process) -> Vec<RootPath> {
    let value = process.env.iter().rev().find_map(|line| line.strip_prefix("LD_LIBRARY_PATH=")).unwrap_or_default();
    let folders = value.split([':', ';']).filter(|folder| folder.starts_with('/') && !folder.contains('$'));
    folders.filter_map(|folder| RootPath::new(folder).ok()).collect()
}
