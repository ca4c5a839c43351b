//! What closes a layer: the files that carboy writes about what is in it.

use super::application::root_path;
use super::error::BuildError;
use super::extract::Work;
use super::reasons::{self, Because};
use super::runtime::is_libpython;
use crate::debian::ld_so_cache::{self, Machine};
use crate::debian::ld_so_conf;
use crate::progress::LayerKind;
use crate::rootfs::{Entry, RootPath};

const CACHE: &str = "etc/ld.so.cache";

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
        let mut wanted: Vec<RootPath> = Vec::new();
        for (path, reason) in self.reasons.iter() {
            let library = match reason.because {
                Because::NeededBy(_) | Because::Dlopen => true,
                Because::Python => is_libpython(path),
                _ => false,
            };
            let folder = path.parent().unwrap_or_default();
            if library && !wanted.contains(&folder) {
                wanted.push(folder);
            }
        }
        wanted.sort();
        let folders = self.cached_folders(&wanted);
        let real: Vec<_> = folders.iter().filter_map(|folder| self.image.resolve(folder).ok()).collect();
        let in_layer = self.recipes.get(&kind).into_iter().flat_map(crate::layer::Recipe::entries);
        let adds = in_layer.into_iter().any(|(path, entry)| {
            let library = path.name().is_some_and(|name| name.windows(3).any(|part| part == b".so"));
            library && !entry.is_folder() && path.parent().is_some_and(|folder| real.contains(&folder))
        });
        let Some(machine) = Machine::of(self.triplet).filter(|_| adds) else { return Ok(()) };
        let text = |path: &RootPath| self.text(&self.image, path).ok().flatten();
        for (path, bytes) in ld_so_conf::configuration(&self.image, &mut { text }, &wanted) {
            self.put(kind, &path, Entry::bytes(0o644, bytes), Because::Record)?;
        }
        self.image_folders = folders;
        let named = ld_so_conf::folders(&self.image, &mut |path| self.text(&self.image, path).ok().flatten());
        let libraries = ld_so_cache::libraries(&self.image, &named, machine, &self.objects)?;
        let Some(cache) = ld_so_cache::cache(&libraries, machine) else { return Ok(()) };
        self.put(kind, &root_path(CACHE), Entry::bytes(0o644, cache), Because::Record)?;
        Ok(())
    }

    /// What the loader's cache covers once the configuration names `wanted` too, in
    /// ldconfig's order.
    pub(super) fn cached_folders(&self, wanted: &[RootPath]) -> Vec<RootPath> {
        let mut text = |path: &RootPath| self.text(&self.image, path).ok().flatten();
        let files = ld_so_conf::configuration(&self.image, &mut text, wanted);
        let mut future = self.image.clone();
        for (path, _) in &files {
            future.insert(path.clone(), Entry::bytes(0o644, *b""));
        }
        let mut folders = ld_so_conf::folders(&future, &mut |path| {
            let real = future.resolve(path).ok()?;
            match files.iter().find(|(path, _)| *path == real) {
                Some((_, bytes)) => String::from_utf8(bytes.clone()).ok(),
                None => text(path),
            }
        });
        folders.extend(
            ["lib", "usr/lib"]
                .map(root_path)
                .into_iter()
                .filter(|folder| !folders.contains(folder))
                .collect::<Vec<_>>(),
        );
        folders
    }
}
