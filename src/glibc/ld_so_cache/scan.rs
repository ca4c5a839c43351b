//! Lists the libraries that ldconfig finds in the directories of a tree.
//!
//! Source: glibc's `elf/ldconfig.c` (`add_dir_1`, `search_dir`).
//! It lists a library by its soname, whatever the file is called, and makes a link
//! of that name. A tree is not to change under its cache, so:
//!
//! - names that lead nowhere in the tree are not listed (`ldconfig -X`, which makes
//!   no links, lists them);
//! - objects for other machines are not listed. ldconfig for x86-64 lists 32-bit ones
//!   under flags that no 64-bit process takes; ldconfig for AArch64 never looks at the
//!   machine.
//!
//! glibc 2.36 also lists subfolders such as `haswell`, `tls` and `atomics`, which
//! 2.37 no longer knows; nothing in Debian puts libraries there (assumed), and they
//! are left out. 2.41 skips what dpkg and RPM are still writing; so does this.

use std::collections::{BTreeMap, BTreeSet};

use super::{Library, compare};
use crate::elf::search::{is_cacheable, trusted_folders};
use crate::elf::{Abi, Loader};
use crate::oci::Architecture;
use crate::rootfs::{Entry, Kind, RootPath, Tree};

/// No file system has longer names (`NAME_MAX`), nor the loader longer paths (`PATH_MAX`).
const NAME: usize = 255;
const PATH: usize = 4096;
/// The most directories that are searched, including those of capabilities.
const FOLDERS: usize = 2000;

/// Returns the libraries in `folders`, which are those of `ld.so.conf`, and in those that Debian's
/// ldconfig adds (measured for 2.36 and 2.41), in the order of searching.
///
/// A folder that is reached twice counts where it comes first, under that name.
///
/// # Errors
/// Errors of the loader.
pub fn libraries<L: Loader>(
    tree: &Tree,
    folders: &[RootPath],
    architecture: &Architecture,
    loader: &L,
) -> Result<Vec<Library>, L::Error> {
    let mut out = Vec::new();
    for folder in searched(tree, folders, architecture) {
        folder.libraries(tree, architecture, loader, &mut out)?;
    }
    Ok(out)
}

/// A folder that is searched.
struct Folder {
    /// The path as the configuration names it.
    path: RootPath,
    real: RootPath,
    hwcaps: Option<Vec<u8>>,
}

fn searched(tree: &Tree, folders: &[RootPath], architecture: &Architecture) -> Vec<Folder> {
    let mut seen = BTreeSet::new();
    let mut out: Vec<Folder> = Vec::new();
    for path in folders.iter().cloned().chain(trusted_folders(architecture)) {
        let Some(real) = folder(tree, &path).filter(|real| seen.insert(real.clone())) else { continue };
        let capable = capable(tree, &path, &real);
        out.push(Folder { path, real, hwcaps: None });
        out.extend(capable.into_iter().filter(|sub| seen.insert(sub.real.clone())));
        if out.len() > FOLDERS {
            break;
        }
    }
    out.truncate(FOLDERS);
    out
}

/// Returns the real path of what is a folder; the root is none to ldconfig.
fn folder(tree: &Tree, path: &RootPath) -> Option<RootPath> {
    if path.is_root() {
        return None;
    }
    tree.resolve(path).ok().filter(|real| tree.is_folder(real))
}

/// Returns the folders below a folder's `glibc-hwcaps`. Files and names that the loader cannot look
/// up are no folders.
fn capable(tree: &Tree, path: &RootPath, real: &RootPath) -> Vec<Folder> {
    let Some(top) = folder(tree, &real.child(b"glibc-hwcaps")) else { return Vec::new() };
    let mut out = Vec::new();
    for (below, _) in tree.children(&top) {
        let Some(name) = below.name().filter(|name| !name.starts_with(b".") && !name.contains(&b':')) else { continue };
        if let Some(real) = folder(tree, below) {
            let path = path.child(b"glibc-hwcaps").child(name);
            out.push(Folder { path, real, hwcaps: Some(name.to_vec()) });
        }
    }
    out
}

/// The file that a name was listed for.
struct Found<'a> {
    file: &'a [u8],
    is_link: bool,
}

impl Folder {
    fn libraries<L: Loader>(
        &self,
        tree: &Tree,
        architecture: &Architecture,
        loader: &L,
        out: &mut Vec<Library>,
    ) -> Result<(), L::Error> {
        let abi = Abi::of(architecture);
        let mut names: BTreeMap<Vec<u8>, Found> = BTreeMap::new();
        for (path, entry) in tree.children(&self.real) {
            let Some(file) = path.name().filter(|name| self.looks_right(name, entry)) else { continue };
            let Some((real, content)) = tree.follow(path).and_then(|(real, entry)| Some((real, entry.content()?)))
            else {
                continue;
            };
            let Some(object) =
                loader.object(&real, content)?.filter(|object| object.abi == abi && !object.only_program)
            else {
                continue;
            };
            let soname = object.soname.as_deref().unwrap_or(file);
            let is_link = is_link(entry) && is_name_of(file, soname);
            let name = if is_link { file } else { soname };
            let found = Found { file, is_link };
            match names.get_mut(name) {
                Some(known) if found.beats(known, architecture) => *known = found,
                Some(_) => {}
                None => _ = names.insert(name.to_vec(), found),
            }
        }
        out.extend(names.into_iter().filter_map(|(name, found)| {
            let file = if self.hwcaps.is_some() { found.file } else { &name };
            let path = self.path.child(file);
            let there = !file.contains(&b'/') && tree.follow(&path).is_some_and(|(_, entry)| entry.content().is_some());
            let fits = (1..=NAME).contains(&name.len()) && path.as_bytes().len() < PATH;
            (there && fits).then(|| Library { name, path, hwcaps: self.hwcaps.clone() })
        }));
        Ok(())
    }

    /// Returns whether ldconfig looks into a file. It takes links of any name in folders of
    /// `glibc-hwcaps`.
    fn looks_right(&self, name: &[u8], entry: &Entry) -> bool {
        let kind = match entry.kind {
            Kind::File(_) => is_cacheable(name),
            Kind::Link(_) => is_cacheable(name) || self.hwcaps.is_some(),
            Kind::Folder | Kind::Special => false,
        };
        kind && name.len() <= NAME && !is_unfinished(name)
    }
}

impl Found<'_> {
    /// Returns whether the first is listed: a file before a link, a later version
    /// before an earlier one.
    fn beats(&self, other: &Self, architecture: &Architecture) -> bool {
        (!self.is_link && other.is_link)
            || (self.is_link == other.is_link && compare(other.file, self.file, architecture).is_lt())
    }
}

fn is_link(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Link(_))
}

/// Returns whether a link is one by which its library is meant to be found: the soname itself, or
/// what ld(1) looks for.
fn is_name_of(link: &[u8], soname: &[u8]) -> bool {
    link == soname || link.ends_with(b".so") && soname.starts_with(link)
}

/// Returns whether a name is one of the temporary files of prelink, RPM and dpkg
/// (`skip_dso_based_on_name`).
fn is_unfinished(name: &[u8]) -> bool {
    const PRELINK: &[u8] = b".#prelink#";
    let before = name.len().saturating_sub(PRELINK.len() + ".XXXXXX".len());
    name.ends_with(PRELINK)
        || name.get(before..).is_some_and(|tail| tail.starts_with(b".#prelink#.") && tail.len() == 17)
        || name.contains(&b';')
        || name.ends_with(b".dpkg-new")
        || name.ends_with(b".dpkg-tmp")
}
