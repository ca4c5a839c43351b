//! The package records of files that come into an image, as distroless keeps them.
//!
//! `status.d/NAME` has a package's fields, `status.d/NAME.md5sums` its files: those
//! that are in the image. What scanners make of it was read in their sources. syft
//! (1.50, and grype with it) and trivy take every file of `status.d` for a record,
//! whatever its name, but `*.md5sums`; the files they look up by the package's name.
//! So of two versions of one package both are listed, and scanners that want to know
//! whose a file is see the first one's files only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dpkg::{Installed, Package, Reader, status_d};
use super::md5sums::{self, Md5};
use crate::rootfs::{RootPath, Tree};

/// A file or link that came into an image from a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    pub package: Arc<Package>,
    /// Its real path in the image.
    pub path: RootPath,
    /// None for links.
    pub md5: Option<Md5>,
}

/// The files below `/var/lib/dpkg` to write or to replace.
///
/// `installed` is what the image has on record, and `read` reads its files. A package
/// that is there in the same version gets its list of files extended, another version
/// a record of its own. `came` is everything that came, from packages or not: whatever
/// it replaces is not there any more, and no other package's.
///
/// # Errors
/// What `read` says.
pub fn records<E>(
    image: &Tree,
    installed: &[Installed],
    taken: &[Taken],
    came: &BTreeSet<RootPath>,
    read: &mut Reader<'_, E>,
) -> Result<BTreeMap<RootPath, Vec<u8>>, E> {
    let mut packages: BTreeMap<Key<'_>, (&Package, BTreeMap<&RootPath, Md5>)> = BTreeMap::new();
    for taken in taken {
        let (_, files) = packages.entry(key(&taken.package)).or_insert_with(|| (&taken.package, BTreeMap::new()));
        files.extend(taken.md5.map(|md5| (&taken.path, md5)));
    }
    let mut out = BTreeMap::new();
    let mut on_record = BTreeSet::new();
    for record in installed.iter().filter(|record| on_record.insert(key(&record.package))) {
        let files = packages.remove(&key(&record.package)).map(|(_, files)| files).unwrap_or_default();
        let text = read(&record.md5sums())?.unwrap_or_default();
        let changed = merged(image, &text, &files, came);
        out.extend(changed.map(|changed| (record.md5sums(), changed)));
    }
    for (package, files) in packages.into_values() {
        let record = free(image, &out, package);
        out.insert(beside(&record), merged(image, b"", &files, came).unwrap_or_default());
        out.insert(record, package.control.clone());
    }
    Ok(out)
}

type Key<'a> = (&'a str, &'a str, &'a str);

fn key(package: &Package) -> Key<'_> {
    (&package.name, &package.version, &package.architecture)
}

/// A list of files without those that others took over, and with those added; none when nothing
/// changes.
fn merged(image: &Tree, text: &[u8], files: &BTreeMap<&RootPath, Md5>, came: &BTreeSet<RootPath>) -> Option<Vec<u8>> {
    let mut new: BTreeMap<&RootPath, Vec<u8>> =
        files.iter().filter_map(|(path, md5)| Some((*path, md5sums::line(path, md5)?))).collect();
    let mut gone = false;
    let mut kept = Vec::new();
    for (name, line) in md5sums::lines(text) {
        let path = image.resolve_parent(&name).unwrap_or(name);
        let same = new.get(&path).is_some_and(|new| new.get(..32) == line.get(..32));
        if same {
            new.remove(&path);
        }
        if same || !(came.contains(&path) || new.contains_key(&path)) {
            kept.extend_from_slice(line);
            kept.push(b'\n');
        } else {
            gone = true;
        }
    }
    if new.is_empty() && !gone {
        return None;
    }
    for line in new.values() {
        kept.extend_from_slice(line);
        kept.push(b'\n');
    }
    Some(kept)
}

/// `NAME`, or `NAME_VERSION_ARCHITECTURE` where another version has that name.
fn free(image: &Tree, out: &BTreeMap<RootPath, Vec<u8>>, package: &Package) -> RootPath {
    let Package { name, version, architecture, .. } = package;
    let short = status_d().child(name.as_bytes());
    let taken = |path: &RootPath| out.contains_key(path) || image.follow(path).is_some();
    if taken(&short) || taken(&beside(&short)) {
        return status_d().child(format!("{name}_{version}_{architecture}").as_bytes());
    }
    short
}

fn beside(record: &RootPath) -> RootPath {
    let name = [record.name().unwrap_or_default(), b".md5sums"].concat();
    record.parent().unwrap_or_default().child(&name)
}

#[cfg(test)]
mod tests;
