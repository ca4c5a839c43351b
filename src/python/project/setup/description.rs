//! The facts about a project in `setup.cfg` and `setup.py`.

use std::collections::BTreeMap;

use crate::python::project::version::{VersionFile, VersionSource, VersioneerSettings};

/// The facts about a project in `setup.cfg` and `setup.py`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::python::project) struct Setup {
    pub name: Option<String>,
    /// The place of the version. An attribute of a module has no paths yet.
    pub version: Option<VersionSource>,
    /// Directories by package; the empty name is the root of all packages.
    pub package_dir: BTreeMap<String, String>,
    pub packages: Option<SetupPackages>,
    pub modules: Vec<String>,
    /// Entry points by group and name.
    pub entry_points: BTreeMap<String, BTreeMap<String, String>>,
    /// The argument that describes extension modules.
    pub compiled: Option<&'static str>,
    pub version_files: Vec<VersionFile>,
    /// The section `[versioneer]`.
    pub versioneer: Option<VersioneerSettings>,
    /// The literal `install_requires`, without requirements that a function computes.
    pub requires: Vec<String>,
}

/// The packages of a project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::python::project) enum SetupPackages {
    /// Dotted names.
    Named(Vec<String>),
    /// Everything below these directories.
    Found(Vec<String>),
}

/// Reads entry points as lines `name = module:object`.
pub(super) fn points<'l>(lines: impl Iterator<Item = &'l str>) -> BTreeMap<String, String> {
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, object)| (name.trim().to_owned(), object.trim().to_owned())).collect()
}
