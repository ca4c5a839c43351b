//! The configuration and the cache of the image's dynamic loader.

use std::collections::BTreeSet;

use super::contents::{Result, root_path};
use super::context::Context;
use super::reasons::Because;
use super::stage::ImageState;
use super::text_files::reader;
use crate::elf::search;
use crate::glibc::ld_so_conf::{self, Configuration};
use crate::rootfs::{RootPath, Tree};

/// The cache of the dynamic loader.
pub(super) const LOADER_CACHE: &str = "etc/ld.so.cache";

/// Returns the directories that the image's loader cache covers once its stage is finished.
///
/// # Errors
/// A loader configuration that cannot be read.
pub(super) fn covered_folders(cx: &Context, image: &ImageState) -> Result<Vec<RootPath>> {
    Ok(configuration(cx, &image.tree, &library_folders(cx, image))?.folders)
}

/// Returns the loader configuration extended by `library_folders`, and all directories that the
/// cache covers with it, in ldconfig's order.
///
/// # Errors
/// A configuration that cannot be read.
pub(super) fn configuration(cx: &Context, tree: &Tree, library_folders: &[RootPath]) -> Result<Configuration> {
    let mut text = reader(tree, cx.contents.as_ref());
    let mut out = ld_so_conf::configuration(tree, &mut text, library_folders)?;
    for always in search::trusted_folders(cx.architecture) {
        if !out.folders.contains(&always) {
            out.folders.push(always);
        }
    }
    Ok(out)
}

/// Returns the directories of taken libraries that the loader has to find: libraries that an
/// object needs, and libraries that the source image's own loader finds by a bare name. Leaves out
/// the directories of plugins. Directories in the source images' configurations come first, in
/// their order there.
pub(super) fn library_folders(cx: &Context, image: &ImageState) -> Vec<RootPath> {
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

/// Returns whether a file of the application is a library in a directory that Debian's ldconfig
/// searches for local ones (`/etc/ld.so.conf.d` of its libc-bin).
fn is_local_library(cx: &Context, path: &RootPath) -> bool {
    let local = root_path("usr/local/lib");
    let folder = path.parent();
    is_called_library(path)
        && (folder.as_ref() == Some(&local) || folder == Some(local.child(cx.architecture.triplet.as_bytes())))
}

/// Returns whether a file of the runtime is the interpreter's shared library.
fn is_libpython(path: &RootPath) -> bool {
    path.name().is_some_and(|name| name.starts_with(b"libpython"))
}

/// Returns whether a file has the name of a shared library: `libz.so.1`.
pub(super) fn is_called_library(path: &RootPath) -> bool {
    path.name().is_some_and(|name| name.windows(3).any(|part| part == b".so"))
}
