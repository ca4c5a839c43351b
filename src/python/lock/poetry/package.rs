//! The packages of a `poetry.lock`.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;

use super::constraint::Constraint;
use crate::python::lock::PackageOrigin;
use crate::python::marker::Marker;

/// The group of the project's own dependencies.
pub(super) const MAIN: &str = "main";

/// The packages of a lock file, and the extras of its project.
#[derive(Clone, Debug)]
pub(super) struct Packages {
    pub list: Vec<Package>,
    /// The extras of the project, with the names of the packages that each adds.
    pub extras: BTreeMap<String, BTreeSet<String>>,
}

/// A package.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub name: String,
    pub version: Version,
    pub origin: PackageOrigin,
    /// The groups of the package, each with the marker of the package in that group.
    pub groups: BTreeMap<String, Option<Marker>>,
    /// The versions of Python that the package supports.
    pub python: Option<Constraint>,
}
