//! What a lock file pins, in one form for all formats. Pure.
//!
//! Each format has a module that reads its text; what of it one platform gets is
//! chosen with that platform's [`Environment`](super::marker::Environment).

use std::path::PathBuf;

use pep440_rs::Version;

use crate::oci::Digest;

/// What of a lock file is wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// Of the project, or of the member chosen. Normalised names.
    pub extras: Vec<String>,
    /// Dependency groups beside the project's own dependencies. Normalised names.
    pub groups: Vec<String>,
    /// A workspace member, instead of the project that the lock file lies with.
    pub member: Option<String>,
}

/// A distribution that an image gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// Normalised (PEP 503).
    pub name: String,
    /// None where only the distribution itself tells: a folder, a URL.
    pub version: Option<Version>,
    pub origin: Origin,
}

/// Where a distribution comes from, as the lock file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// An index.
    Index {
        /// The index's URL, where the lock file names one, without credentials.
        index: Option<String>,
        /// The files that are locked, sdists too. Empty where the lock file has hashes only.
        files: Vec<LockedFile>,
        /// Hashes of which a file must have one, where the lock file does not say whose
        /// they are. With neither files nor hashes anything of this version is taken.
        hashes: Vec<Hash>,
    },
    /// One archive at a URL.
    Url(LockedFile),
    /// One archive on the disk, relative to the lock file.
    File { path: PathBuf, hashes: Vec<Hash> },
    /// A project's folder, relative to the lock file.
    Folder { path: PathBuf },
    /// A repository, as it is written in the lock file.
    Git { url: String },
}

/// A file that a lock file names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedFile {
    /// `numpy-2.3.1-cp313-cp313-manylinux_2_28_x86_64.whl`, or an sdist's.
    pub name: String,
    /// Absolute; none where the lock file has names only.
    pub url: Option<String>,
    pub hashes: Vec<Hash>,
    /// In bytes.
    pub size: Option<u64>,
}

/// A hash of a whole file. Weaker kinds than these are not read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hash {
    Sha256(Digest),
    Sha384(Box<[u8; 48]>),
    Sha512(Box<[u8; 64]>),
}
