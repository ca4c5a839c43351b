//! A line of a requirements file about a distribution.

use crate::python::lock::{Hash, PackageOrigin, Pinned};
use crate::python::marker::Marker;
use crate::python::requirement::Requirement;

/// A line about a distribution.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The file and the line number.
    pub at: String,
    /// The requirement as written, without options.
    pub text: String,
    pub name: String,
    pub pinned_by: PinnedBy,
    pub marker: Option<Marker>,
    pub hashes: Vec<Hash>,
}

/// The version or the reference that a line names.
#[derive(Clone, Debug)]
pub(super) enum PinnedBy {
    /// One or more versions of an index.
    Versions(Requirement),
    /// A URL, a path, a repository.
    Reference(PackageOrigin),
}

impl Item {
    /// Returns whether the line names one version or one archive.
    pub(super) fn is_exact(&self) -> bool {
        match &self.pinned_by {
            PinnedBy::Versions(requirement) => requirement.exact().is_some(),
            PinnedBy::Reference(_) => true,
        }
    }

    /// Returns whether the line has no hash.
    pub(super) fn is_unhashed(&self) -> bool {
        match &self.pinned_by {
            PinnedBy::Versions(_) => self.hashes.is_empty(),
            PinnedBy::Reference(origin) => origin.is_unhashed(),
        }
    }

    /// Returns the distribution of a line with a URL, path or repository.
    pub(super) fn reference(&self) -> Option<Pinned> {
        let PinnedBy::Reference(origin) = &self.pinned_by else { return None };
        Some(Pinned { name: self.name.clone(), version: origin.version(), origin: origin.clone() })
    }
}
