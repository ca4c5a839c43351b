//! The files that carboy writes about the content of a layer: package records, the dynamic
//! loader's configuration and cache, and the reason for each file.

use std::collections::BTreeSet;

use super::contents::{Result, root_path};
use super::draft::Draft;
use super::loader::{LOADER_CACHE, configuration, library_folders};
use super::reason_file::{self, reason_file};
use super::reasons::Because;
use crate::elf::search;
use crate::glibc::ld_so_cache;
use crate::glibc::ld_so_conf::Configuration;
use crate::image::LayerKind;
use crate::layer::recipe::Recipe;
use crate::rootfs::{Entry, RootPath};

impl Draft<'_> {
    /// Adds its metadata to the layers of a kind.
    pub(super) fn add_metadata(&mut self, kind: LayerKind) -> Result<()> {
        self.add_loader_cache(kind)?;
        self.add_records(kind)?; // after the cache, which may replace a package's file
        if let Some(text) = reason_file::encode(&self.image.reasons, kind) {
            self.put(kind, &reason_file(kind), Entry::bytes(0o644, text), Because::Record)?;
        }
        Ok(())
    }

    /// Adds the loader's configuration and cache, if the layer has libraries for the cache or a
    /// loader configuration.
    fn add_loader_cache(&mut self, kind: LayerKind) -> Result<()> {
        let library_folders = library_folders(self.cx, &self.image);
        let Configuration { files, folders } = configuration(self.cx, &self.image.tree, &library_folders)?;
        if !self.concerns_cache(kind, &folders) {
            return Ok(());
        }
        for (path, bytes) in files {
            self.put(kind, &path, Entry::bytes(0o644, bytes), Because::Record)?;
        }
        let libraries = ld_so_cache::libraries(&self.image.tree, &folders, self.cx.architecture, self.cx.elf.as_ref())?;
        if let Some(cache) = ld_so_cache::cache(&libraries, self.cx.architecture) {
            self.put(kind, &root_path(LOADER_CACHE), Entry::bytes(0o644, cache), Because::Record)?;
        }
        Ok(())
    }

    fn concerns_cache(&self, kind: LayerKind, folders: &[RootPath]) -> bool {
        let real: BTreeSet<_> = folders.iter().filter_map(|folder| self.image.tree.resolve(folder).ok()).collect();
        let mut in_layer = self.layers_of(kind).flat_map(Recipe::entries);
        in_layer.any(|(path, entry)| !entry.is_folder() && concerns(path, &real))
    }
}

/// Returns whether a file changes the loader cache of `folders`, which are real paths.
fn concerns(path: &RootPath, folders: &BTreeSet<RootPath>) -> bool {
    let (Some(name), Some(folder)) = (path.name(), path.parent()) else { return false };
    let capable =
        folder.parent().filter(|above| above.name() == Some(b"glibc-hwcaps")).and_then(|above| above.parent());
    let covered = folders.contains(&folder) || capable.is_some_and(|above| folders.contains(&above));
    covered && search::is_cacheable(name) || path.as_bytes().starts_with(b"etc/ld.so.conf")
}
