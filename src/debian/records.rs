//! The package records of files that come into an image, as distroless keeps them.
//!
//! `status.d/NAME` has a package's fields, `status.d/NAME.md5sums` its files: those
//! that are in the image. What scanners make of it was read in their sources. syft
//! (1.50, and grype with it) and trivy take every file of `status.d` for a record,
//! whatever its name, but `*.md5sums`; the files they look up by the package's name.
//! So of two versions of one package both are listed, and scanners that want to know
//! whose a file is see the first one's files only.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::dpkg::{self, ReadOnce, status_d};
use super::md5sums;
use crate::package_db::{FileOwners, Md5, Package, PackageDatabase, PackagedFile};
use crate::rootfs::{FileReader, RootPath, Tree};

/// dpkg's database: the records of an image, read once and kept as layers change it.
#[derive(Clone, Default)]
pub struct Dpkg {
    records: Vec<Record>,
}

#[derive(Clone)]
struct Record {
    package: Arc<Package>,
    /// The path of its list of files, which need not exist.
    list: RootPath,
    sums: Vec<u8>,
}

impl PackageDatabase for Dpkg {
    fn owners<E>(image: &Tree, read: &mut FileReader<'_, E>) -> Result<FileOwners, E> {
        dpkg::owners(image, read)
    }

    /// Reads the records. A list that several of them share is the first one's.
    fn read<E>(image: &Tree, read: &mut FileReader<'_, E>) -> Result<Self, E> {
        let mut out = Self::default();
        let (mut known, mut once) = (BTreeSet::new(), ReadOnce::new(image));
        let installed = dpkg::installed(image, read)?;
        for record in installed.iter().filter(|record| known.insert(key(&record.package))) {
            let list = record.md5sums();
            let sums = once.read(&list, read)?.unwrap_or_default();
            out.records.push(Record { package: record.package.clone(), list, sums });
        }
        Ok(out)
    }

    /// Returns files below `/var/lib/dpkg`. A package that is there in the same version gets
    /// its list of files extended, another version a record of its own.
    fn record(
        &mut self,
        image: &Tree,
        files: &[PackagedFile],
        written: &BTreeSet<RootPath>,
    ) -> BTreeMap<RootPath, Vec<u8>> {
        let mut packages: BTreeMap<Key<'_>, (&Arc<Package>, Files<'_>)> = BTreeMap::new();
        for file in files {
            let (_, files) = packages.entry(key(&file.package)).or_insert_with(|| (&file.package, Files::new()));
            files.extend(file.md5.map(|md5| (&file.path, md5)));
        }
        let names = written.iter().chain(files.iter().map(|file| &file.path)).filter_map(RootPath::name).collect();
        let layer = Layer { image, written, names };
        let mut out = BTreeMap::new();
        for record in &mut self.records {
            let files = packages.remove(&key(&record.package)).map(|(_, files)| files).unwrap_or_default();
            if let Some(changed) = layer.merged(&record.sums, &files) {
                out.insert(record.list.clone(), changed.clone());
                record.sums = changed;
            }
        }
        let mut new = Vec::new();
        for (package, files) in packages.into_values() {
            let record = free(image, &out, package);
            let (list, sums) = (beside(&record), layer.merged(b"", &files).unwrap_or_default());
            out.insert(list.clone(), sums.clone());
            out.insert(record, package.control.clone());
            new.push(Record { package: package.clone(), list, sums });
        }
        self.records.extend(new);
        out
    }
}

type Key<'a> = (&'a str, &'a str, &'a str);

fn key(package: &Package) -> Key<'_> {
    (&package.name, &package.version, &package.architecture)
}

/// Files of a package that came, with their sums.
type Files<'a> = BTreeMap<&'a RootPath, Md5>;

/// The changes of a layer to lists of files.
struct Layer<'a> {
    image: &'a Tree,
    written: &'a BTreeSet<RootPath>,
    /// The last names of all that is written: no other line of a list need be looked at.
    names: HashSet<&'a [u8]>,
}

impl Layer<'_> {
    /// Returns a list of files without those that others took over, and with those added; none when
    /// nothing changes.
    fn merged(&self, text: &[u8], files: &Files<'_>) -> Option<Vec<u8>> {
        let mut new: BTreeMap<&RootPath, Vec<u8>> =
            files.iter().filter_map(|(path, md5)| Some((*path, md5sums::line(path, md5)?))).collect();
        let mut gone = false;
        let mut kept = Vec::new();
        for line in text.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            if self.stays(line, &mut new) {
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

    /// Returns whether a line is as true as before. One that is among the new ones is removed
    /// there.
    fn stays(&self, line: &[u8], new: &mut BTreeMap<&RootPath, Vec<u8>>) -> bool {
        let last = line.get(34..).and_then(|path| path.rsplit(|&b| b == b'/').next());
        if !last.is_some_and(|last| self.names.contains(last)) {
            return true;
        }
        let Some(name) = md5sums::path(line) else { return true };
        let path = self.image.resolve_parent(&name).unwrap_or(name);
        let same = new.get(&path).is_some_and(|new| new.get(..32) == line.get(..32));
        if same {
            new.remove(&path);
        }
        same || !(self.written.contains(&path) || new.contains_key(&path))
    }
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
