//! The graph of packages in a `uv.lock`.

use std::collections::BTreeMap;

use pep440_rs::Version;
use serde::Deserialize;

use crate::python::lock::{PackageOrigin, StatedRequirements};
use crate::python::marker::Marker;

/// A parsed `uv.lock` with resolved references.
#[derive(Clone, Debug)]
pub(in crate::python::lock) struct Uv {
    /// `requires-python`.
    pub(super) requires: Option<String>,
    /// The platforms that the file was resolved for; empty for all platforms.
    pub(super) supported: Vec<Marker>,
    pub(super) conflicts: Vec<Vec<Conflict>>,
    pub(super) packages: Vec<Package>,
    /// The project at the root of the workspace, if there is one.
    pub(super) root: Option<usize>,
    /// The members of the workspace, by name.
    pub(super) members: BTreeMap<String, usize>,
    /// The groups of a workspace without a project.
    pub(super) groups: BTreeMap<String, Vec<Loose>>,
    pub(in crate::python::lock) stated: StatedRequirements,
}

/// A package with its dependencies.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub name: String,
    pub version: Option<Version>,
    /// The directory of a project.
    pub folder: Option<String>,
    /// The origin; `None` for a package that has only dependencies.
    pub origin: Option<PackageOrigin>,
    /// The markers of its platforms, if several packages have the name.
    pub forks: Vec<Marker>,
    pub dependencies: Vec<Edge>,
    pub optional: BTreeMap<String, Vec<Edge>>,
    pub groups: BTreeMap<String, Vec<Edge>>,
}

/// A dependency on one package.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub to: usize,
    pub extras: Vec<String>,
    pub marker: Option<Marker>,
}

/// A dependency on one of the packages of a name.
#[derive(Clone, Debug)]
pub(super) struct Loose {
    pub name: String,
    pub extras: Vec<String>,
    pub marker: Option<Marker>,
}

/// An extra, group or package of a set that cannot be installed together.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Conflict {
    pub package: String,
    pub extra: Option<String>,
    pub group: Option<String>,
}
