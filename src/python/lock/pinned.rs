//! A distribution that a lock file pins, and its origin.

use std::path::PathBuf;

use pep440_rs::Version;
use url::Url;

use super::hash::Hash;
use crate::python::wheel::WheelName;

/// A distribution that a lock file pins for an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// Normalised (PEP 503).
    pub name: String,
    /// The version; `None` if only the distribution itself has it: a directory, a URL.
    pub version: Option<Version>,
    pub origin: PackageOrigin,
}

impl Pinned {
    /// Returns the distribution as a requirement: `numpy==2.3.1`.
    #[must_use]
    pub fn requirement(&self) -> String {
        match &self.version {
            Some(version) => format!("{}=={version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The origin of a distribution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PackageOrigin {
    /// An index.
    Index {
        /// The URL of the index without credentials, if the lock file names one.
        index: Option<String>,
        /// The locked files, including sdists. Empty if the lock file has only hashes.
        files: Vec<LockedFile>,
        /// The allowed hashes, if the lock file does not assign hashes to files. Without files
        /// and hashes, any file of this version is allowed.
        hashes: Vec<Hash>,
    },
    /// One archive at a URL.
    Url(LockedFile),
    /// One archive on the disk, relative to the lock file.
    File { path: PathBuf, hashes: Vec<Hash> },
    /// A project directory, relative to the lock file.
    Folder { path: PathBuf },
    /// A repository, as written in the lock file.
    Git { url: String },
}

/// A file that a lock file names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedFile {
    /// The file name of a wheel or sdist: `numpy-2.3.1-cp313-cp313-manylinux_2_28_x86_64.whl`.
    pub name: String,
    /// The absolute URL; `None` if the lock file has only names.
    pub url: Option<String>,
    pub hashes: Vec<Hash>,
    /// The size in bytes.
    pub size: Option<u64>,
}

impl PackageOrigin {
    /// Returns whether the lock file has no hash for the distribution, or none for one of its wheels.
    pub(super) fn is_unhashed(&self) -> bool {
        let bare = |files: &[LockedFile]| {
            let mut without = files.iter().filter(|file| file.hashes.is_empty());
            files.iter().all(|file| file.hashes.is_empty())
                || without.any(|file| WheelName::parse(&file.name).is_some())
        };
        match self {
            Self::Index { files, hashes, .. } => hashes.is_empty() && bare(files),
            Self::Url(file) => file.hashes.is_empty(),
            Self::File { hashes, .. } => hashes.is_empty(),
            Self::Folder { .. } | Self::Git { .. } => false,
        }
    }

    /// Returns all URLs of the origin.
    pub(super) fn urls(&mut self) -> impl Iterator<Item = &mut String> {
        let (one, files) = match self {
            Self::Index { index, files, .. } => (index.as_mut(), files.as_mut_slice()),
            Self::Url(file) => (None, std::slice::from_mut(file)),
            Self::Git { url } => (Some(url), [].as_mut_slice()),
            Self::File { .. } | Self::Folder { .. } => (None, [].as_mut_slice()),
        };
        one.into_iter().chain(files.iter_mut().filter_map(|file| file.url.as_mut()))
    }

    /// Returns the local paths of the origin.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let local = |file: &LockedFile| {
            let url = Url::parse(file.url.as_deref()?).ok().filter(|url| url.scheme() == "file")?;
            url.to_file_path().ok()
        };
        match self {
            Self::File { path, .. } | Self::Folder { path } => vec![path.clone()],
            Self::Index { files, .. } => files.iter().filter_map(local).collect(),
            Self::Url(file) => local(file).into_iter().collect(),
            Self::Git { .. } => Vec::new(),
        }
    }

    /// Returns the version in the name of a wheel.
    pub(super) fn version(&self) -> Option<Version> {
        let wheel = match self {
            Self::Url(file) => WheelName::parse(&file.name),
            Self::File { path, .. } => path.file_name().and_then(|name| WheelName::parse(name.to_str()?)),
            _ => None,
        };
        wheel.map(|wheel| wheel.version)
    }

    /// Merges an equal origin, of which only one may have an index. Returns whether the two are equal.
    pub(super) fn merge(&mut self, other: Self) -> bool {
        match (&mut *self, other) {
            (
                Self::Index { index, files, hashes },
                Self::Index { index: other_index, files: other_files, hashes: other_hashes },
            ) => {
                let one_index = index.is_none() || other_index.is_none() || *index == other_index;
                *index = index.take().or(other_index);
                one_index && *files == other_files && *hashes == other_hashes
            }
            (own, other) => *own == other,
        }
    }
}
