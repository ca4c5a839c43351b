//! What closes a layer: the files that carboy writes about what is in it.

use std::collections::BTreeSet;

use super::application::root_path;
use super::error::BuildError;
use super::extract::Work;
use super::lacking::is_called_library;
use super::reasons::{self, Because};
use super::records;
use super::runtime::is_libpython;
use crate::elf::search;
use crate::glibc::ld_so_cache;
use crate::glibc::ld_so_conf::{self, Configuration};
use crate::layer::Recipe;
use crate::progress::LayerKind;
use crate::rootfs::{Entry, RootPath};

pub(super) const CACHE: &str = "etc/ld.so.cache";

impl Work<'_> {
    /// Adds to a layer what tells of its files: package records, the loader's cache,
    /// why they are there. Nothing when the layer has none.
    pub(super) fn seal(&mut self, kind: LayerKind) -> Result<(), BuildError> {
        if self.layers_of(kind).next().is_none() {
            return Ok(());
        }
        self.loader_cache(kind)?;
        self.records(kind)?; // after what may replace a package's file
        if let Some(text) = self.reasons.keep(kind) {
            self.put(kind, &reasons::file(kind), Entry::bytes(0o644, text), Because::Record)?;
        }
        Ok(())
    }

    /// The loader's cache and configuration, when the layer has libraries that they
    /// ought to name, or configuration.
    fn loader_cache(&mut self, kind: LayerKind) -> Result<(), BuildError> {
        let Configuration { files, folders } = self.configuration(&self.library_folders())?;
        if !self.concerns_cache(kind, &folders) {
            return Ok(());
        }
        for (path, bytes) in files {
            self.put(kind, &path, Entry::bytes(0o644, bytes), Because::Record)?;
        }
        let libraries = ld_so_cache::libraries(&self.image, &folders, self.architecture, &self.objects)?;
        self.image_folders = folders;
        let Some(cache) = ld_so_cache::cache(&libraries, self.architecture) else { return Ok(()) };
        self.put(kind, &root_path(CACHE), Entry::bytes(0o644, cache), Because::Record)?;
        Ok(())
    }

    fn concerns_cache(&self, kind: LayerKind, folders: &[RootPath]) -> bool {
        let real: BTreeSet<_> = folders.iter().filter_map(|folder| self.image.resolve(folder).ok()).collect();
        let mut in_layer = self.layers_of(kind).flat_map(Recipe::entries);
        in_layer.any(|(path, entry)| !entry.is_folder() && concerns(path, &real))
    }

    /// What the cache will cover with all that was put so far: a walk finds it there.
    pub(super) fn refresh_folders(&mut self) -> Result<(), BuildError> {
        self.image_folders = self.configuration(&self.library_folders())?.folders;
        Ok(())
    }

    /// Where the libraries went that were taken to be found: what something needs, and
    /// what the donor's own loader finds by a bare name. Plugins are in folders of
    /// their own, which stay unnamed. In the donors' order, as far as they name them.
    fn library_folders(&self) -> Vec<RootPath> {
        let needed = self.reasons.iter().filter(|(path, reason)| match reason.because {
            Because::NeededBy(_) | Because::Dlopen => true,
            Because::Python => is_libpython(path),
            Because::Application => self.is_for_local_libraries(path),
            _ => false,
        });
        let needed: BTreeSet<_> = needed.filter_map(|(path, _)| path.parent()).collect();
        let mut out: Vec<_> = self.donors.iter().flat_map(|donor| donor.listed(self.architecture)).collect();
        out.extend(needed);
        out
    }

    /// Whether a file of the application's is a library where Debian's ldconfig looks for
    /// local ones (`/etc/ld.so.conf.d` of its libc-bin).
    fn is_for_local_libraries(&self, path: &RootPath) -> bool {
        let local = root_path("usr/local/lib");
        let folder = path.parent();
        is_called_library(path)
            && (folder.as_ref() == Some(&local) || folder == Some(local.child(self.architecture.triplet.as_bytes())))
    }

    /// What makes the loader's cache cover `wanted` too, and all that it covers then, in
    /// ldconfig's order.
    pub(super) fn configuration(&self, wanted: &[RootPath]) -> Result<Configuration, BuildError> {
        let mut text = records::reader(&self.image, &self.inputs.tars);
        let mut out = ld_so_conf::configuration(&self.image, &mut text, wanted)?;
        for always in search::trusted_folders(self.architecture) {
            if !out.folders.contains(&always) {
                out.folders.push(always);
            }
        }
        Ok(out)
    }
}

/// Whether a file makes a difference to the cache of `folders`, by their real paths.
fn concerns(path: &RootPath, folders: &BTreeSet<RootPath>) -> bool {
    let (Some(name), Some(folder)) = (path.name(), path.parent()) else { return false };
    let capable =
        folder.parent().filter(|above| above.name() == Some(b"glibc-hwcaps")).and_then(|above| above.parent());
    let covered = folders.contains(&folder) || capable.is_some_and(|above| folders.contains(&above));
    covered && search::is_cacheable(name) || path.as_bytes().starts_with(b"etc/ld.so.conf")
}
