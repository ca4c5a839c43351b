//! What `pyproject.toml` says of the project itself: name, version, scripts, and where
//! its modules are.
//!
//! Source: PyPA, "pyproject.toml specification" (`[project]`) and "Entry points"; the
//! documentations of setuptools, hatchling, poetry-core, flit and `uv_build` for where
//! modules are looked for. Only what these say in `pyproject.toml` is read: no build
//! backend runs.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::normalised;
use crate::hint::Hint;

/// A project, as it describes itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProjectMetadata {
    /// As written.
    pub name: Option<String>,
    /// None where a build backend would find it out.
    pub version: Option<String>,
    /// Commands and the objects that they call: `shop.cli:main`.
    pub scripts: BTreeMap<String, String>,
    pub gui_scripts: BTreeMap<String, String>,
    /// How many other distributions it names as its dependencies.
    pub needs: usize,
    /// Other entry points, by group.
    pub entry_points: BTreeMap<String, BTreeMap<String, String>>,
    /// `build-system.build-backend`.
    backend: Option<String>,
    /// What the build backend's own table says.
    modules: Option<Vec<Module>>,
    /// Settings of a build backend that only it can follow.
    unread: Option<&'static str>,
}

/// A package or module of a project, and the folder that it is imported from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Module {
    /// `src`, or nothing for the project's folder; no `/` at its end.
    pub root: String,
    /// A package's folder below it, or a module without `.py`; `None` is everything.
    pub name: Option<String>,
}

/// Why a project cannot be installed from its files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    #[error("not TOML: {0}")]
    Syntax(String),
    #[error("it has no `[project]` with a name")]
    NoName,
    #[error("it is called `{0}` in its pyproject.toml")]
    OtherName(String),
    #[error("it has no `version`: only its build backend could tell")]
    NoVersion,
    #[error("`{0}` is not a version")]
    Version(String),
    #[error("`[project.scripts]`: {0}")]
    Scripts(String),
    #[error("it is not pure Python: {0}")]
    NotPure(String),
    #[error("its `{0}` leads to what is no file of it")]
    Link(String),
    #[error("`{0}` is for its build backend only")]
    Backend(&'static str),
    #[error("there is no `{0}` among its files, neither below `src` nor beside pyproject.toml")]
    NoModule(String),
}

impl Hint for ProjectError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax(_) | Self::Version(_) | Self::Scripts(_) | Self::OtherName(_) => None,
            _ => Some("build a wheel of it into a wheelhouse: uv build --wheel --out-dir wheels".to_owned()),
        }
    }
}

/// Backends that exist to compile something.
const COMPILERS: [&str; 6] =
    ["maturin", "scikit_build_core", "skbuild", "mesonpy", "setuptools_rust", "py_build_cmake"];
/// What is compiled into extension modules.
const SOURCES: [&str; 9] = [".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".rs", ".f90", ".so"];

impl ProjectMetadata {
    /// Reads the text.
    ///
    /// # Errors
    /// Text that is not TOML.
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
        let (modules, unread) = modules(&root);
        let list = |value: &Value| value.as_array().map_or(0, Vec::len);
        let own = project.and_then(|project| project.get("dependencies")).map(list);
        let poetrys = poetry.and_then(|poetry| poetry.get("dependencies")?.as_table());
        let poetrys = poetrys.map(|table| table.keys().filter(|name| *name != "python").count());
        Ok(Self {
            needs: own.or(poetrys).unwrap_or(0),
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
            unread,
        })
    }

    /// The command that makes its lock file.
    #[must_use]
    pub fn locks(&self) -> &'static str {
        if self.backend.as_deref().is_some_and(|backend| backend.starts_with("poetry")) {
            "poetry lock"
        } else {
            "uv lock"
        }
    }

    /// Where its modules are, among its files (paths below its folder).
    ///
    /// # Errors
    /// A project that has to be built, or whose modules only its backend finds.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is made on the spot, and copied here")]
    pub fn modules<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Module>, ProjectError> {
        let name = self.name.as_deref().ok_or(ProjectError::NoName)?;
        self.is_pure()?;
        if let Some(key) = self.unread {
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

    /// The folders that its modules are imported from, as far as its files tell:
    /// nothing for the project's own folder.
    #[must_use]
    pub fn roots<'a>(&self, files: impl Iterator<Item = &'a str> + Clone) -> BTreeSet<String> {
        let told = self.modules(files.clone()).map(|modules| modules.into_iter().map(|module| module.root).collect());
        told.unwrap_or_else(|_| src_layout(files).then(|| "src".to_owned()).into_iter().collect())
    }

    /// Where its backend looks by itself: a package or module of the project's name, below
    /// `src` or beside `pyproject.toml`. Setuptools, which builds where no backend is named,
    /// and PDM take all that is below `src`.
    fn guess<'a>(&self, name: &str, files: &(impl Iterator<Item = &'a str> + Clone)) -> Option<Module> {
        let all = || src_layout(files.clone()).then(|| Module { root: "src".to_owned(), name: None });
        let backend = self.backend.as_deref().unwrap_or("setuptools");
        let first = if ["setuptools", "pdm"].iter().any(|all| backend.starts_with(all)) { all() } else { None };
        let named = |root: &str| Module { root: root.to_owned(), name: Some(folder_name(name)) };
        let own = || [named("src"), named("")].into_iter().find(|module| files.clone().any(|file| module.has(file)));
        first.or_else(own).or_else(all)
    }

    fn is_pure(&self) -> Result<(), ProjectError> {
        let backend = self.backend.as_deref().unwrap_or_default();
        match COMPILERS.iter().find(|compiler| backend.starts_with(**compiler)) {
            Some(compiler) => Err(ProjectError::NotPure(format!("its build backend is {compiler}"))),
            None => Ok(()),
        }
    }
}

impl Module {
    /// Whether a file of the project is part of it.
    #[must_use]
    pub fn has(&self, file: &str) -> bool {
        self.place(file).is_some()
    }

    /// This one; or all packages of the project's folder, where all of it is meant: those of
    /// its folders that have an `__init__.py` somewhere.
    fn each<'a>(&self, files: impl Iterator<Item = &'a str>) -> BTreeSet<Self> {
        if !self.root.is_empty() || self.name.is_some() {
            return BTreeSet::from([self.clone()]);
        }
        let packages = files.filter(|file| file.ends_with("/__init__.py")).filter_map(|file| file.split('/').next());
        let packages = packages.filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        packages.map(|name| Self { root: String::new(), name: Some(name.to_owned()) }).collect()
    }

    /// Where a file of the project goes below site-packages, if it is part of it.
    #[must_use]
    pub fn place<'a>(&self, file: &'a str) -> Option<&'a str> {
        let below = if self.root.is_empty() { file } else { file.strip_prefix(&self.root)?.strip_prefix('/')? };
        // What an editable installation leaves there is no module.
        let Some(name) = &self.name else {
            return (!below.split('/').next()?.ends_with(".egg-info")).then_some(below);
        };
        let rest = below.strip_prefix(name.as_str())?;
        let is_module = [".py", ".pyi"].contains(&rest);
        (rest.starts_with('/') || is_module).then_some(below)
    }
}

/// Whether files lie in a `src` that is no package itself.
#[must_use]
pub fn src_layout<'a>(mut files: impl Iterator<Item = &'a str> + Clone) -> bool {
    let modules = files.clone().any(|file| file.starts_with("src/") && file.strip_suffix(".py").is_some());
    modules && !files.any(|file| file == "src/__init__.py")
}

/// What the package of a distribution is called.
fn folder_name(name: &str) -> String {
    normalised(name).replace('-', "_")
}

/// A path below the project's folder, without `.` and without `/` at its ends.
fn inner(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// What the build backends' own tables say; or the key that is not read.
fn modules(root: &Value) -> (Option<Vec<Module>>, Option<&'static str>) {
    let list =
        |keys: &[&str]| at(root, keys).and_then(Value::as_array).map(|items| items.iter().filter_map(Value::as_str));
    let module = |root: &str, name: &str| Module { root: inner(root), name: Some(name.to_owned()) };
    for key in [
        "tool.hatch.build.include",
        "tool.hatch.build.only-include",
        "tool.hatch.build.packages",
        "tool.hatch.build.sources",
        "tool.hatch.build.force-include",
        "tool.hatch.build.targets.wheel.include",
        "tool.hatch.build.targets.wheel.force-include",
        "tool.hatch.build.targets.wheel.sources",
        "tool.hatch.build.targets.wheel.only-include",
        "tool.setuptools.package-dir",
        "tool.pdm.build",
    ] {
        if at(root, &key.split('.').collect::<Vec<_>>()).is_some() {
            return (None, Some(key));
        }
    }
    if let Some(paths) = list(&["tool", "hatch", "build", "targets", "wheel", "packages"]) {
        let split = |path: &str| {
            let path = inner(path);
            path.rsplit_once('/').map_or_else(|| module("", &path), |(root, name)| module(root, name))
        };
        return (Some(paths.map(split).collect()), None);
    }
    if let Some(packages) = at(root, &["tool", "poetry", "packages"]).and_then(Value::as_array) {
        let one = |package: &Value| {
            Some(module(
                package.get("from").and_then(Value::as_str).unwrap_or_default(),
                &inner(package.get("include")?.as_str()?),
            ))
        };
        return (Some(packages.iter().filter_map(one).collect()), None);
    }
    let setuptools = list(&["tool", "setuptools", "packages"])
        .map(|names| names.map(|name| module("", &name.replace('.', "/"))).collect::<Vec<_>>());
    let files =
        list(&["tool", "setuptools", "py-modules"]).map(|names| names.map(|name| module("", name)).collect::<Vec<_>>());
    if setuptools.is_some() || files.is_some() {
        return (Some([setuptools, files].into_iter().flatten().flatten().collect()), None);
    }
    if let Some(find) = at(root, &["tool", "setuptools", "packages", "find"]) {
        let folders = list(&["tool", "setuptools", "packages", "find", "where"]);
        let folders = folders.map_or_else(|| vec![String::new()], |folders| folders.map(inner).collect());
        // Below a folder of modules alone, what they leave out does no harm.
        if folders.iter().any(String::is_empty) && ["include", "exclude"].iter().any(|key| find.get(key).is_some()) {
            return (None, Some("tool.setuptools.packages.find"));
        }
        return (Some(folders.into_iter().map(|root| Module { root, name: None }).collect()), None);
    }
    let text = |keys: &[&str]| at(root, keys).and_then(Value::as_str);
    let names = match at(root, &["tool", "uv", "build-backend", "module-name"]) {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        name => Vec::from_iter(name.and_then(Value::as_str)),
    };
    if !names.is_empty() {
        let folder = text(&["tool", "uv", "build-backend", "module-root"]).unwrap_or("src");
        return (Some(names.into_iter().map(|name| module(folder, &name.replace('.', "/"))).collect()), None);
    }
    (text(&["tool", "flit", "module", "name"]).map(|name| vec![module("", name)]), None)
}

fn at<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_table().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(text: &str, files: &[&str]) -> Result<Vec<(String, Option<String>)>, ProjectError> {
        let found = ProjectMetadata::parse(text).unwrap().modules(files.iter().copied())?;
        Ok(found.into_iter().map(|module| (module.root, module.name)).collect())
    }

    fn one(root: &str, name: &str) -> Vec<(String, Option<String>)> {
        vec![(root.to_owned(), Some(name.to_owned()))]
    }

    #[test]
    fn facts_are_read_where_the_standard_and_poetry_have_them() {
        let standard = "[project]\nname = \"My.Shop\"\nversion = \"1.2\"\nscripts = { shop = \"shop:main\" }\n[project.entry-points.\"shop.plugins\"]\na = \"shop.a\"\n";
        let project = ProjectMetadata::parse(standard).unwrap();
        assert_eq!((project.name.as_deref(), project.version.as_deref()), (Some("My.Shop"), Some("1.2")));
        assert_eq!(project.scripts["shop"], "shop:main");
        assert_eq!(project.entry_points["shop.plugins"]["a"], "shop.a");
        let poetry = ProjectMetadata::parse(
            "[tool.poetry]\nname = \"shop\"\nversion = \"2\"\n[tool.poetry.scripts]\nshop = \"shop:main\"",
        )
        .unwrap();
        assert_eq!((poetry.version.as_deref(), poetry.scripts.len()), (Some("2"), 1));
        let needs = |text: &str| ProjectMetadata::parse(text).unwrap().needs;
        assert_eq!(needs("[project]\ndependencies = [\"a\", \"b>1\"]"), 2);
        assert_eq!(needs("[tool.poetry.dependencies]\npython = \"^3.11\"\na = \"1\""), 1);
        assert_eq!((needs("[project]\ndependencies = []"), needs("")), (0, 0));
        assert!(matches!(ProjectMetadata::parse("[["), Err(ProjectError::Syntax(_))));
    }

    #[test]
    fn modules_are_where_the_backend_would_find_them() {
        let named = "[project]\nname = \"My.Shop\"\n";
        let all = Ok(vec![("src".to_owned(), None)]);
        let two = ["src/my_shop/__init__.py", "src/my_shop_extra/__init__.py", "my_shop/a.py", "tests/test.py"];
        for (backend, want) in [
            ("hatchling.build", Ok(one("src", "my_shop"))),
            ("uv_build", Ok(one("src", "my_shop"))),
            ("setuptools.build_meta", all.clone()),
            ("pdm.backend", all.clone()),
        ] {
            let text = format!("{named}[build-system]\nbuild-backend = \"{backend}\"\n");
            assert_eq!(modules(&text, &two), want, "{backend}");
        }
        assert_eq!(modules(named, &two), all);
        assert_eq!(modules(named, &["my_shop.py"]), Ok(one("", "my_shop")));
        assert_eq!(modules(named, &["src/other/__init__.py"]), Ok(vec![("src".to_owned(), None)]));
        for (table, files, want) in [
            ("[tool.hatch.build.targets.wheel]\npackages = [\"lib/shop\"]", ["lib/shop/a.py"], one("lib", "shop")),
            (
                "[tool.poetry]\npackages = [{ include = \"shop\", from = \"lib\" }]",
                ["lib/shop/a.py"],
                one("lib", "shop"),
            ),
            ("[tool.setuptools]\npackages = [\"a.b\"]", ["a/b/c.py"], one("", "a/b")),
            ("[tool.setuptools]\npy-modules = [\"a\"]", ["a.py"], one("", "a")),
            ("[tool.setuptools.packages.find]\nwhere = [\"lib\"]", ["lib/a/b.py"], vec![("lib".to_owned(), None)]),
            ("[tool.uv.build-backend]\nmodule-name = \"a\"\nmodule-root = \"\"", ["a/b.py"], one("", "a")),
            (
                "[tool.setuptools.packages.find]\nwhere = [\"./lib/\"]\nexclude = [\"b\"]",
                ["lib/a/b.py"],
                vec![("lib".to_owned(), None)],
            ),
            ("[tool.setuptools.packages.find]\nwhere = [\".\"]", ["a/__init__.py"], one("", "a")),
            ("[tool.setuptools.packages.find]\n", ["a/b/__init__.py"], one("", "a")),
            ("[tool.hatch.build.targets.wheel]\npackages = [\"./src/a\"]", ["src/a/b.py"], one("src", "a")),
            ("[tool.poetry]\npackages = [{ include = \"./a\", from = \".\" }]", ["a/b.py"], one("", "a")),
            (
                "[tool.uv.build-backend]\nmodule-name = [\"a\", \"b.c\"]\nmodule-root = \"./x\"",
                ["x/a/b.py x/b/c/d.py"],
                [one("x", "a"), one("x", "b/c")].concat(),
            ),
            ("[tool.flit.module]\nname = \"a\"", ["a.py"], one("", "a")),
        ] {
            let files: Vec<_> = files[0].split(' ').collect();
            assert_eq!(modules(&format!("{named}{table}"), &files), Ok(want), "{table}");
        }
    }

    #[test]
    fn what_has_to_be_built_is_refused() {
        let named = "[project]\nname = \"shop\"\n";
        for (table, files, want) in [
            (
                "[build-system]\nbuild-backend = \"maturin\"",
                &["shop/a.py"][..],
                "it is not pure Python: its build backend is maturin",
            ),
            ("", &["shop/a.py", "shop/fast.pyx"], "it is not pure Python: there is `shop/fast.pyx`"),
            ("", &["main.py"], "there is no `shop` among its files, neither below `src` nor beside pyproject.toml"),
            (
                "[tool.setuptools]\npackage-dir = { \"\" = \"x\" }",
                &["shop/a.py"],
                "`tool.setuptools.package-dir` is for its build backend only",
            ),
            (
                "[tool.setuptools.packages.find]\ninclude = [\"shop*\"]",
                &["shop/a.py"],
                "`tool.setuptools.packages.find` is for its build backend only",
            ),
            (
                "[tool.hatch.build.targets.wheel]\ninclude = [\"a\"]",
                &["shop/a.py"],
                "`tool.hatch.build.targets.wheel.include` is for its build backend only",
            ),
            (
                "[tool.hatch.build]\npackages = [\"a\"]",
                &["shop/a.py"],
                "`tool.hatch.build.packages` is for its build backend only",
            ),
        ] {
            assert_eq!(modules(&format!("{named}{table}"), files).unwrap_err().to_string(), want);
        }
        assert_eq!(modules("", &[]), Err(ProjectError::NoName));
    }

    #[test]
    fn files_go_below_site_packages_without_their_root() {
        let module = Module { root: "src".to_owned(), name: Some("shop".to_owned()) };
        for (file, place) in [
            ("src/shop/a.py", Some("shop/a.py")),
            ("src/shop.py", Some("shop.py")),
            ("src/shopping/a.py", None),
            ("shop/a.py", None),
            ("srcs/shop/a.py", None),
        ] {
            assert_eq!(module.place(file), place, "{file}");
        }
        let all = Module { root: "src".to_owned(), name: None };
        assert_eq!((all.place("src/a/b.py"), all.place("src/a.egg-info/PKG-INFO")), (Some("a/b.py"), None));
        assert!(src_layout(["src/a.py"].into_iter()) && !src_layout(["src/a.py", "src/__init__.py"].into_iter()));
    }
}
