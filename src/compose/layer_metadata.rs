//! The files that carboy writes about the content of a layer: package records, the dynamic
//! loader's configuration and cache, and the reason for each file.

use std::collections::BTreeSet;

use super::context::root_path;
use super::draft::Draft;
use super::reason_file::{self, reason_file};
use super::reasons::Because;
use super::runtime::is_libpython;
use super::stage::ImageState;
use super::verify::is_called_library;
use super::{Context, Result, package_records};
use crate::elf::search;
use crate::glibc::ld_so_cache;
use crate::glibc::ld_so_conf::{self, Configuration};
use crate::image::LayerKind;
use crate::layer::recipe::Recipe;
use crate::rootfs::{Entry, RootPath, Tree};

/// The cache of the dynamic loader.
pub(super) const LOADER_CACHE: &str = "etc/ld.so.cache";

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

    /// Adds the loader's configuration and cache, when the layer has libraries that they
    /// should name, or configuration.
    fn add_loader_cache(&mut self, kind: LayerKind) -> Result<()> {
        let wanted = library_folders(self.cx, &self.image);
        let Configuration { files, folders } = configuration(self.cx, &self.image.tree, &wanted)?;
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

/// The folders that the image's loader cache covers, or will once its stage is finished.
///
/// # Errors
/// A loader configuration that cannot be read.
pub(super) fn covered_folders(cx: &Context, image: &ImageState) -> Result<Vec<RootPath>> {
    Ok(configuration(cx, &image.tree, &library_folders(cx, image))?.folders)
}

/// The loader configuration that names the `wanted` folders too, and all folders that the
/// cache covers with it, in ldconfig's order.
///
/// # Errors
/// A configuration that cannot be read.
pub(super) fn configuration(cx: &Context, tree: &Tree, wanted: &[RootPath]) -> Result<Configuration> {
    let mut text = package_records::reader(tree, cx.contents.as_ref());
    let mut out = ld_so_conf::configuration(tree, &mut text, wanted)?;
    for always in search::trusted_folders(cx.architecture) {
        if !out.folders.contains(&always) {
            out.folders.push(always);
        }
    }
    Ok(out)
}

/// The folders of libraries that were taken so that the loader finds them: libraries that an
/// object needs, and libraries that the source image's own loader finds by a bare name.
/// Plugins have folders of their own, which are not named. In the order of the source images'
/// configurations, as far as these name them.
fn library_folders(cx: &Context, image: &ImageState) -> Vec<RootPath> {
    let needed = image.reasons.iter().filter(|(path, reason)| match reason.because {
        Because::NeededBy(_) | Because::Dlopen => true,
        Because::Python => is_libpython(path),
        Because::Application => is_local_library(cx, path),
        _ => false,
    });
    let needed: BTreeSet<_> = needed.filter_map(|(path, _)| path.parent()).collect();
    let listed = cx.sources.iter().zip(&image.origins);
    let mut out: Vec<_> = listed.flat_map(|(source, origins)| source.listed(origins, cx.architecture)).collect();
    out.extend(needed);
    out
}

/// Whether a file of the application is a library in a folder where Debian's ldconfig looks
/// for local ones (`/etc/ld.so.conf.d` of its libc-bin).
fn is_local_library(cx: &Context, path: &RootPath) -> bool {
    let local = root_path("usr/local/lib");
    let folder = path.parent();
    is_called_library(path)
        && (folder.as_ref() == Some(&local) || folder == Some(local.child(cx.architecture.triplet.as_bytes())))
}

/// Whether a file makes a difference to the cache of `folders`, by their real paths.
fn concerns(path: &RootPath, folders: &BTreeSet<RootPath>) -> bool {
    let (Some(name), Some(folder)) = (path.name(), path.parent()) else { return false };
    let capable =
        folder.parent().filter(|above| above.name() == Some(b"glibc-hwcaps")).and_then(|above| above.parent());
    let covered = folders.contains(&folder) || capable.is_some_and(|above| folders.contains(&above));
    covered && search::is_cacheable(name) || path.as_bytes().starts_with(b"etc/ld.so.conf")
}
