//! What closes a layer: the files that carboy writes about what is in it.

use std::collections::BTreeSet;

use super::application::root_path;
use super::error::BuildError;
use super::extract::Work;
use super::reasons::{self, Because};
use super::records;
use super::runtime::is_libpython;
use crate::debian::ld_so_cache::{self, Machine};
use crate::debian::ld_so_conf::{self, Configuration};
use crate::progress::LayerKind;
use crate::rootfs::{Entry, RootPath};

pub(super) const CACHE: &str = "etc/ld.so.cache";

impl Work<'_> {
    /// Adds to a layer what tells of its files: package records, the loader's cache,
    /// why they are there. Nothing when the layer has none.
    pub(super) fn seal(&mut self, kind: LayerKind) -> Result<(), BuildError> {
        if !self.recipes.contains_key(&kind) {
            return Ok(());
        }
        self.records(kind)?;
        self.loader_cache(kind)?;
        if let Some(text) = self.reasons.keep(kind) {
            self.put(kind, &reasons::file(kind), Entry::bytes(0o644, text), Because::Record)?;
        }
        Ok(())
    }

    /// The loader's cache and configuration, when the layer has libraries that they
    /// ought to name.
    fn loader_cache(&mut self, kind: LayerKind) -> Result<(), BuildError> {
        let libraries = self.reasons.iter().filter(|(path, reason)| match reason.because {
            Because::NeededBy(_) | Because::Dlopen => true,
            Because::Python => is_libpython(path),
            Because::Application => self.is_for_local_libraries(path),
            _ => false,
        });
        let wanted: BTreeSet<_> = libraries.filter_map(|(path, _)| path.parent()).collect();
        let Configuration { files, folders } = self.configuration(&Vec::from_iter(wanted))?;
        let real: Vec<_> = folders.iter().filter_map(|folder| self.image.resolve(folder).ok()).collect();
        let in_layer = self.recipes.get(&kind).into_iter().flat_map(crate::layer::Recipe::entries);
        let adds = in_layer.into_iter().any(|(path, entry)| {
            let library = path.name().is_some_and(|name| name.windows(3).any(|part| part == b".so"));
            library && !entry.is_folder() && path.parent().is_some_and(|folder| real.contains(&folder))
        });
        let Some(machine) = Machine::of(self.triplet).filter(|_| adds) else { return Ok(()) };
        for (path, bytes) in files {
            self.put(kind, &path, Entry::bytes(0o644, bytes), Because::Record)?;
        }
        let libraries = ld_so_cache::libraries(&self.image, &folders, machine, &self.objects)?;
        self.image_folders = folders;
        let Some(cache) = ld_so_cache::cache(&libraries, machine) else { return Ok(()) };
        self.put(kind, &root_path(CACHE), Entry::bytes(0o644, cache), Because::Record)?;
        Ok(())
    }

    /// Whether a file of the application's is a library where Debian's ldconfig looks for
    /// local ones (`/etc/ld.so.conf.d` of its libc-bin).
    fn is_for_local_libraries(&self, path: &RootPath) -> bool {
        let local = root_path("usr/local/lib");
        let folder = path.parent();
        let library = path.name().is_some_and(|name| name.windows(3).any(|part| part == b".so"));
        library && (folder.as_ref() == Some(&local) || folder == Some(local.child(self.triplet.as_bytes())))
    }

    /// What makes the loader's cache cover `wanted` too, and all that it covers then, in
    /// ldconfig's order.
    pub(super) fn configuration(&self, wanted: &[RootPath]) -> Result<Configuration, BuildError> {
        let mut text = records::reader(&self.image, &self.inputs.tars);
        let mut out = ld_so_conf::configuration(&self.image, &mut text, wanted)?;
        for always in ["lib", "usr/lib"].map(root_path) {
            if !out.folders.contains(&always) {
                out.folders.push(always);
            }
        }
        Ok(out)
    }
}
