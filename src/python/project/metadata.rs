//! The name, version, scripts and modules of a project.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::build_backend::{self, at};
use super::declared::DeclaredDependencies;
use super::{Module, ProjectError, src_layout};
use crate::python::normalised;

/// A project as its `pyproject.toml` describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProjectMetadata {
    /// The name as written.
    pub name: Option<String>,
    /// The version; `None` if a build backend determines it.
    pub version: Option<String>,
    /// Commands with the objects that they call: `shop.cli:main`.
    pub scripts: BTreeMap<String, String>,
    pub gui_scripts: BTreeMap<String, String>,
    pub dependencies: DeclaredDependencies,
    /// Other entry points, by group.
    pub entry_points: BTreeMap<String, BTreeMap<String, String>>,
    /// `build-system.build-backend`.
    backend: Option<String>,
    /// The modules that the settings of the build backend name.
    modules: Option<Vec<Module>>,
    /// A setting that only the build backend can apply.
    unsupported: Option<&'static str>,
}

/// Build backends for compiled projects.
const COMPILERS: [&str; 6] =
    ["maturin", "scikit_build_core", "skbuild", "mesonpy", "setuptools_rust", "py_build_cmake"];

/// The endings of files that are compiled into extension modules.
const SOURCES: [&str; 9] = [".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".rs", ".f90", ".so"];

impl ProjectMetadata {
    /// Parses `pyproject.toml`.
    ///
    /// # Errors
    /// Returns an error for text that is not TOML.
    pub fn parse(text: &str) -> Result<Self, ProjectError> {
        let table: toml::Table =
            toml::from_str(text).map_err(|cause| ProjectError::Syntax(cause.message().to_owned()))?;
        let root = Value::Table(table);
        let project = at(&root, &["project"]);
        let poetry = at(&root, &["tool", "poetry"]);
        let word = |key: &str| {
            [project, poetry].into_iter().flatten().find_map(|table| Some(table.get(key)?.as_str()?.to_owned()))
        };
        let scripts = [project, poetry].into_iter().flatten().find_map(|table| table.get("scripts"));
        let groups = project.and_then(|project| project.get("entry-points")?.as_table());
        let plugins = poetry.and_then(|poetry| poetry.get("plugins")?.as_table());
        let (modules, unsupported) = match build_backend::modules(&root) {
            Ok(modules) => (modules, None),
            Err(key) => (None, Some(key)),
        };
        Ok(Self {
            dependencies: DeclaredDependencies::read(&root),
            name: word("name"),
            version: word("version"),
            scripts: scripts.map(texts).unwrap_or_default(),
            gui_scripts: project.and_then(|project| project.get("gui-scripts")).map(texts).unwrap_or_default(),
            entry_points: groups
                .or(plugins)
                .into_iter()
                .flatten()
                .map(|(group, points)| (group.clone(), texts(points)))
                .collect(),
            backend: at(&root, &["build-system", "build-backend"]).and_then(|value| Some(value.as_str()?.to_owned())),
            modules,
            unsupported,
        })
    }

    /// Returns the command that writes the lock file of the project.
    #[must_use]
    pub fn locks(&self) -> &'static str {
        if self.backend.as_deref().is_some_and(|backend| backend.starts_with("poetry")) {
            "poetry lock"
        } else {
            "uv lock"
        }
    }

    /// Returns the modules among the files of the project, which are paths below its directory.
    ///
    /// # Errors
    /// Returns an error for a project that must be built, or with modules that only its backend finds.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is made on the spot, and copied here")]
    pub fn modules<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Module>, ProjectError> {
        let name = self.name.as_deref().ok_or(ProjectError::NoName)?;
        self.check_pure()?;
        if let Some(key) = self.unsupported {
            return Err(ProjectError::Backend(key));
        }
        let found = match &self.modules {
            Some(modules) => modules.iter().flat_map(|module| module.each(files.clone())).collect(),
            None => vec![self.guess(name, &files).ok_or_else(|| ProjectError::NoModule(folder_name(name)))?],
        };
        if found.is_empty() {
            return Err(ProjectError::NoModule("__init__.py".to_owned()));
        }
        for module in &found {
            if !files.clone().any(|file| module.has(file)) {
                return Err(ProjectError::NoModule(module.name.clone().unwrap_or_else(|| module.root.clone())));
            }
        }
        let compiled =
            |file: &&str| found.iter().any(|module| module.has(file)) && SOURCES.iter().any(|end| file.ends_with(end));
        match files.clone().find(compiled) {
            Some(file) => Err(ProjectError::NotPure(format!("there is `{file}`"))),
            None => Ok(found),
        }
    }

    /// Returns the directories that the modules are imported from, if the files show them. The
    /// directory of the project is the empty string.
    #[must_use]
    pub fn roots<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> BTreeSet<String> {
        let roots = self.modules(files.clone()).map(|modules| modules.into_iter().map(|module| module.root).collect());
        roots.unwrap_or_else(|_| src_layout(files).then(|| "src".to_owned()).into_iter().collect())
    }

    /// Returns the module that the backend finds by default: a package or module with the name of the
    /// project, below `src` or beside `pyproject.toml`. Setuptools, the default backend, and PDM
    /// take everything below `src`.
    fn guess<'a>(&self, name: &str, files: &(impl Iterator<Item = &'a str> + Clone)) -> Option<Module> {
        let all = || src_layout(files.clone()).then(|| Module { root: "src".to_owned(), name: None });
        let backend = self.backend.as_deref().unwrap_or("setuptools");
        let first = if ["setuptools", "pdm"].iter().any(|all| backend.starts_with(all)) { all() } else { None };
        let named = |root: &str| Module { root: root.to_owned(), name: Some(folder_name(name)) };
        let own = || [named("src"), named("")].into_iter().find(|module| files.clone().any(|file| module.has(file)));
        first.or_else(own).or_else(all)
    }

    /// Checks that the backend compiles nothing.
    fn check_pure(&self) -> Result<(), ProjectError> {
        let backend = self.backend.as_deref().unwrap_or_default();
        match COMPILERS.iter().find(|compiler| backend.starts_with(**compiler)) {
            Some(compiler) => Err(ProjectError::NotPure(format!("its build backend is {compiler}"))),
            None => Ok(()),
        }
    }
}

/// Returns the name of the package of a distribution.
fn folder_name(name: &str) -> String {
    normalised(name).replace('-', "_")
}

/// Returns the string values of a table.
fn texts(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_table().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
