//! The name, version, scripts and modules of a project.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::build_backend::{self, Layout, at};
use super::declared::DeclaredDependencies;
use super::declared_version::Declared;
use super::extension::{self, Extensions};
use super::own_version::needs_metadata;
use super::setup::{self, Setup};
use super::version::{self, GivenVersions, ProjectFiles, ResolvedVersion, VersionFile, VersionSource};
use super::{Module, ProjectError, src_layout};
use crate::python::normalised;
use crate::python::sdist::discovery::{is_reserved_module, is_reserved_package};

/// A project as its `pyproject.toml` describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProjectMetadata {
    /// The name as written.
    pub name: Option<String>,
    /// The version; `None` if the configuration does not state it and it is not resolved.
    pub version: Option<String>,
    /// The outcome of [`Self::resolve_version`].
    pub resolved: ResolvedVersion,
    /// Commands with the objects that they call: `shop.cli:main`.
    pub scripts: BTreeMap<String, String>,
    /// The table that has the scripts.
    pub scripts_table: String,
    /// `entrypoint` of `[tool.fastapi]`: `shop.web:app`.
    pub fastapi: Option<String>,
    pub gui_scripts: BTreeMap<String, String>,
    pub dependencies: DeclaredDependencies,
    /// Other entry points, by group.
    pub entry_points: BTreeMap<String, BTreeMap<String, String>>,
    /// `build-system.build-backend`.
    backend: Option<String>,
    /// The modules that the settings of the build backend name.
    layout: Layout,
    extensions: Extensions,
    version_source: VersionSource,
    version_files: Vec<VersionFile>,
}

/// The texts of the files that describe a project.
#[derive(Clone, Copy, Default)]
pub struct ProjectTexts<'t> {
    /// `pyproject.toml`
    pub pyproject: Option<&'t str>,
    /// `setup.cfg`
    pub setup_cfg: Option<&'t str>,
    /// `setup.py`
    pub setup_py: Option<&'t str>,
}

/// The largest number of modules that are searched for calls.
const MODULES: usize = 2000;

impl ProjectMetadata {
    /// Parses `pyproject.toml`.
    ///
    /// # Errors
    /// Returns an error for text that is not TOML.
    pub fn parse(text: &str) -> Result<Self, ProjectError> {
        Self::read(ProjectTexts { pyproject: Some(text), ..ProjectTexts::default() })
    }

    /// Parses all files that describe a project. `pyproject.toml` takes precedence.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn read(texts: ProjectTexts<'_>) -> Result<Self, ProjectError> {
        let table: toml::Table = toml::from_str(texts.pyproject.unwrap_or_default())
            .map_err(|cause| ProjectError::Syntax(cause.message().to_owned()))?;
        let setup = setup::read(texts.setup_cfg, texts.setup_py);
        let mut out = Self::described(&Value::Table(table), setup);
        if let VersionSource::Stated(version) = &out.version_source {
            out.version = Some(version.clone());
        }
        Ok(out)
    }

    fn described(root: &Value, setup: Setup) -> Self {
        let project = at(root, &["project"]);
        let poetry = at(root, &["tool", "poetry"]);
        let word = |key: &str| {
            [project, poetry].into_iter().flatten().find_map(|table| Some(table.get(key)?.as_str()?.to_owned()))
        };
        let backend = at(root, &["build-system", "build-backend"]).and_then(Value::as_str);
        let name = word("name").or_else(|| setup.name.clone());
        let declared =
            Declared { root, backend: backend.unwrap_or("setuptools"), name: name.as_deref(), setup: &setup };
        let version_source = declared.source();
        let version_files = declared.files(&version_source);
        let layout = build_backend::layout(root, &setup);
        let extensions = Extensions::of(root, backend.unwrap_or("setuptools"), &setup);
        let scripts = [project, poetry].into_iter().flatten().find_map(|table| table.get("scripts"));
        let own_scripts = project.is_some_and(|project| project.get("scripts").is_some());
        let groups = project.and_then(|project| project.get("entry-points")?.as_table());
        let plugins = poetry.and_then(|poetry| poetry.get("plugins")?.as_table());
        let mut entry_points: BTreeMap<_, _> =
            groups.or(plugins).into_iter().flatten().map(|(group, points)| (group.clone(), texts(points))).collect();
        let mut scripts = scripts.map(texts).unwrap_or_default();
        let mut gui_scripts = project.and_then(|project| project.get("gui-scripts")).map(texts).unwrap_or_default();
        let mut scripts_table = if own_scripts { "[project.scripts]" } else { "[tool.poetry.scripts]" };
        // Entry points of setup.cfg and setup.py count where pyproject.toml has none.
        if scripts.is_empty() && gui_scripts.is_empty() && entry_points.is_empty() {
            entry_points = setup.entry_points;
            scripts = entry_points.remove("console_scripts").unwrap_or_default();
            gui_scripts = entry_points.remove("gui_scripts").unwrap_or_default();
            scripts_table = "console_scripts of setup.cfg or setup.py";
        }
        Self {
            dependencies: DeclaredDependencies::read(root).with_setup(setup.requires),
            name,
            version: None,
            resolved: ResolvedVersion::default(),
            scripts,
            scripts_table: scripts_table.to_owned(),
            fastapi: at(root, &["tool", "fastapi", "entrypoint"]).and_then(|value| Some(value.as_str()?.to_owned())),
            gui_scripts,
            entry_points,
            backend: backend.map(str::to_owned),
            layout,
            extensions,
            version_source,
            version_files,
        }
    }

    /// Finds the version: the one that the user gives for this project, the one of a variable, or the
    /// one that the configuration leads to.
    pub fn resolve_version(&mut self, given: Option<&str>, variables: &GivenVersions, files: &dyn ProjectFiles) {
        let name = self.name.as_deref().unwrap_or_default();
        let place = (name, &self.version_source, self.version_files.as_slice());
        self.resolved = version::resolve(place, given, variables, files);
        self.version = self.resolved.version.clone();
    }

    /// Returns the reason why the version is not known.
    #[must_use]
    pub fn unknown_version(&self) -> String {
        let fault = self.resolved.fault.as_ref().map(|fault| fault.cause.clone());
        fault.unwrap_or_else(|| "its configuration does not state it".to_owned())
    }

    /// Returns the files of the project that ask for the project's own metadata whenever they are
    /// imported.
    #[must_use]
    pub fn files_that_need_metadata<'a>(
        &self,
        files: impl Iterator<Item = &'a str> + Clone,
        read: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Vec<String> {
        let (Some(name), Ok(modules)) = (&self.name, self.modules(files.clone())) else { return Vec::new() };
        let own = files.filter(|file| file.strip_suffix(".py").is_some());
        let own = own.filter_map(|file| Some((file, modules.iter().find_map(|module| module.place(file))?)));
        let needs = own.take(MODULES).filter(|(file, place)| {
            read(file).is_some_and(|text| text.contains("import") && needs_metadata(&text, place, name))
        });
        needs.map(|(file, _)| file.to_owned()).collect()
    }

    /// Returns the file with a module that the build backend writes with the version, if it writes
    /// one: `src/shop/_version.py` for `shop._version`.
    #[must_use]
    pub fn version_file(&self, module: &str) -> Option<&str> {
        let path = format!("{}.py", module.replace('.', "/"));
        let is_it = |file: &str| file == path || file.strip_suffix(path.as_str()).is_some_and(|dir| dir.ends_with('/'));
        self.version_files.iter().map(|file| file.path.as_str()).find(|file| is_it(file))
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
        if self.name.is_none() {
            return Err(ProjectError::NoName);
        }
        if let Some(reason) = self.extensions.compiler() {
            return Err(ProjectError::NotPure(reason));
        }
        if let Some(key) = self.layout.unsupported {
            return Err(ProjectError::Backend(key));
        }
        let found = self.found(files.clone())?;
        match extension::source(&found, files.clone()) {
            Some(file) => Err(ProjectError::NotPure(format!("there is `{file}`"))),
            None => Ok(found),
        }
    }

    /// Returns the modules as far as the settings and files tell them.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is made on the spot, and copied here")]
    fn found<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Module>, ProjectError> {
        let name = self.name.as_deref().ok_or(ProjectError::NoName)?;
        let is_there = |module: &Module| files.clone().any(|file| module.has(file));
        let mut found: Vec<_> = match &self.layout.modules {
            Some(modules) => modules.iter().flat_map(|module| module.each(files.clone())).collect(),
            None => vec![self.guess(name, &files).ok_or_else(|| ProjectError::NoModule(folder_name(name)))?],
        };
        if let Some(patterns) = &self.layout.found {
            found.retain(|module| {
                !module.root.is_empty() || module.name.as_ref().is_some_and(|name| patterns.has(name))
            });
        }
        if self.layout.may_lack && found.iter().any(is_there) {
            found.retain(is_there);
        }
        if found.is_empty() {
            return Err(ProjectError::NoModule("__init__.py".to_owned()));
        }
        match found.iter().find(|module| !is_there(module)) {
            Some(module) => Err(ProjectError::NoModule(module.name.clone().unwrap_or_else(|| module.root.clone()))),
            None => Ok(found),
        }
    }

    /// Returns the reason why an image with these files would lack extension modules of the project.
    #[must_use]
    pub fn missing_extensions<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
        let modules = self.found(files.clone()).unwrap_or_default();
        self.extensions.missing(&modules, files)
    }

    /// Returns the directories that the modules are imported from, if the files show them. The
    /// directory of the project is the empty string.
    #[must_use]
    pub fn roots<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> BTreeSet<String> {
        let found = self.found(files.clone()).ok();
        let known = found.or_else(|| self.layout.modules.clone()).unwrap_or_default();
        let is_there = |root: &String| {
            !root.split('/').any(|part| part == "..")
                && (root.is_empty() || files.clone().any(|file| file.starts_with(&format!("{root}/"))))
        };
        let known = known.into_iter().filter(|module| module.renamed.is_none()).map(|module| module.root);
        let roots: BTreeSet<_> = known.chain(self.layout.roots.iter().cloned()).filter(is_there).collect();
        if !roots.is_empty() {
            return roots;
        }
        src_layout(files).then(|| "src".to_owned()).into_iter().collect()
    }

    /// Returns the packages that are imported by another name than their directory's: the path
    /// below site-packages, and the path in the project.
    #[must_use]
    pub fn renamed<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> Vec<(String, String)> {
        let found = self.found(files).unwrap_or_default();
        found.into_iter().filter_map(|module| Some((module.renamed.clone()?, module.path()))).collect()
    }

    /// Returns the module that the backend finds by default: a package or module with the name of the
    /// project, below `src` or beside `pyproject.toml`. Setuptools, the default backend, and PDM
    /// take everything below `src`, and setuptools the only package or module beside `pyproject.toml`.
    fn guess<'a>(&self, name: &str, files: &(impl Iterator<Item = &'a str> + Clone)) -> Option<Module> {
        let all = || src_layout(files.clone()).then(|| Module::all("src"));
        let backend = self.backend.as_deref().unwrap_or("setuptools");
        let is_setuptools = backend.starts_with("setuptools");
        let first = if is_setuptools || backend.starts_with("pdm") { all() } else { None };
        let named = |root: &str| Module::new(root, &folder_name(name));
        let roots = self.layout.roots.iter().map(String::as_str).chain(["src", ""]);
        let own = || roots.map(named).find(|module| files.clone().any(|file| module.has(file)));
        first.or_else(own).or_else(all).or_else(|| is_setuptools.then(|| only(files.clone())).flatten())
    }
}

/// Returns the only package at the top of the project, or else the only module, as setuptools'
/// discovery finds them (`setuptools/discovery.py`): directories of tests and tools do not count.
fn only<'a>(files: impl Iterator<Item = &'a str> + Clone) -> Option<Module> {
    let packages: BTreeSet<_> = files
        .clone()
        .filter_map(|file| file.split_once('/').filter(|(_, rest)| *rest == "__init__.py").map(|(name, _)| name))
        .filter(|name| !is_reserved_package(name))
        .collect();
    let modules = files.filter_map(|file| file.strip_suffix(".py")).filter(|name| !name.contains('/'));
    let modules: BTreeSet<_> = modules.filter(|name| !is_reserved_module(name)).collect();
    let found = if packages.is_empty() { modules } else { packages };
    let mut found = found.into_iter();
    found.next().filter(|_| found.next().is_none()).map(|name| Module::new("", name))
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
