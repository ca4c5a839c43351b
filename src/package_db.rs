//! The package database of an image: the owners of its files, and the records of files
//! that come into it. Pure.
//!
//! dpkg's is in `debian`; a distribution with apk or rpm is another implementor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::rootfs::{FileReader, RootPath, Tree};

/// The MD5 of a file's content.
pub type Md5 = [u8; 16];

/// An installed package.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub architecture: String,
    /// The name and the version of the source package that it was built from.
    pub source: (String, String),
    /// The package's own fields, in the form of its database.
    pub control: Vec<u8>,
}

/// A file or link that came into an image from a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackagedFile {
    pub package: Arc<Package>,
    /// Its real path in the image.
    pub path: RootPath,
    /// None for links.
    pub md5: Option<Md5>,
}

/// The packages that the files of an image belong to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileOwners(BTreeMap<RootPath, Arc<Package>>);

impl FileOwners {
    /// Adds a file or link by its real path, unless another package has it.
    pub fn add(&mut self, path: RootPath, package: &Arc<Package>) {
        self.0.entry(path).or_insert_with(|| package.clone());
    }

    /// Returns the package that a file or link belongs to, by its real path in the tree.
    #[must_use]
    pub fn of(&self, path: &RootPath) -> Option<&Arc<Package>> {
        self.0.get(path)
    }

    /// Returns all files and links with their packages, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RootPath, &Arc<Package>)> {
        self.0.iter()
    }
}

/// The directories and files of package databases that carboy does not read.
const FOREIGN: [(&str, &str); 6] = [
    ("lib/apk/db/installed", "apk"),
    ("usr/lib/apk/db/installed", "apk"),
    ("var/lib/rpm", "rpm"),
    ("usr/lib/sysimage/rpm", "rpm"),
    ("usr/share/rpm", "rpm"),
    ("var/lib/pacman/local", "pacman"),
];

/// Returns the name of the package manager whose database an image has, if carboy does not read it.
#[must_use]
pub fn foreign_database(image: &Tree) -> Option<&'static str> {
    let has = |path: &str| RootPath::new(path).is_ok_and(|path| image.follow(&path).is_some());
    FOREIGN.into_iter().find(|(path, _)| has(path)).map(|(_, name)| name)
}

/// A kind of package database.
pub trait PackageDatabase: Sized {
    /// Reads the owners of an image's files.
    ///
    /// # Errors
    /// The errors of `read`.
    fn owners<E>(image: &Tree, read: &mut FileReader<'_, E>) -> Result<FileOwners, E>;

    /// Reads an image's records, which layers are going to change.
    ///
    /// # Errors
    /// The errors of `read`.
    fn read<E>(image: &Tree, read: &mut FileReader<'_, E>) -> Result<Self, E>;

    /// Records the packaged files of a layer. Returns the files of the database that the
    /// layer has to write or to replace.
    ///
    /// `written` is every path of the layer, packaged or not: a file that it replaces
    /// belongs to no package any more.
    fn record(
        &mut self,
        image: &Tree,
        files: &[PackagedFile],
        written: &BTreeSet<RootPath>,
    ) -> BTreeMap<RootPath, Vec<u8>>;
}
