//! The place that states the version of a project.

use super::dunamai::DunamaiSettings;
use super::scm_settings::ScmSettings;
use super::versioneer::VersioneerSettings;
use crate::python::project::module::inner;

/// The place that states the version of a project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum VersionSource {
    Stated(String),
    /// The first of these files that exists.
    File {
        paths: Vec<String>,
        reading: Reading,
    },
    /// The argument `version` of `setup()` in `setup.py`.
    SetupPy,
    /// The tags of the repository.
    Scm(Box<ScmSettings>),
    /// The tags of the repository, as dunamai reads them.
    Dunamai(Box<DunamaiSettings>),
    /// The tags of the repository, or the version file, as versioneer reads them.
    Versioneer(Box<VersioneerSettings>),
    /// A tool that carboy does not replace, and the variable that the tool takes a version from.
    Tool {
        name: &'static str,
        variable: Option<&'static str>,
    },
    #[default]
    Unknown,
}

/// The way to read a version from a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    /// A line `__version__ = "1.2"`.
    Line,
    /// A regular expression with a group.
    Pattern(String),
    /// A name of a module: its first literal at the top, or else its value after the module has
    /// run, as setuptools and flit read it.
    Attribute(String),
    /// The value of a name after a module has run.
    Executed(String),
    /// The whole text.
    Whole,
}

/// Tools by the requirement of `build-system.requires`, or the table under `[tool]`.
const TOOLS: [(&str, &str, Option<&str>); 7] = [
    ("uv-dynamic-versioning", "uv-dynamic-versioning", Some("UV_DYNAMIC_VERSIONING_BYPASS")),
    ("poetry-dynamic-versioning", "poetry-dynamic-versioning", Some("POETRY_DYNAMIC_VERSIONING_BYPASS")),
    ("versioneer", "versioneer", None),
    ("pbr", "pbr", Some("PBR_VERSION")),
    ("versioningit", "versioningit", None),
    ("setuptools-git-versioning", "setuptools-git-versioning", None),
    ("versioneer-518", "versioneer", None),
];

/// Returns the tool of a name.
pub(in crate::python::project) fn tool(name: &str) -> Option<VersionSource> {
    let (_, name, variable) = TOOLS.into_iter().find(|(known, ..)| *known == name)?;
    Some(VersionSource::Tool { name, variable })
}

/// Returns the place of a name in a module below one of several directories.
pub(in crate::python::project) fn module(dotted: &str, name: &str, roots: &[&str]) -> VersionSource {
    let path = dotted.replace('.', "/");
    let each = roots.iter().flat_map(|root| {
        let below = inner(&format!("{root}/{path}"));
        [format!("{below}.py"), inner(&format!("{below}/__init__.py"))]
    });
    VersionSource::File { paths: each.collect(), reading: Reading::Attribute(name.to_owned()) }
}
