//! The modules that the settings of build backends name.
//!
//! Source: hatchling ("Build configuration", "Wheel builder"), poetry-core ("packages"), setuptools
//! ("Package discovery"), pdm-backend ("Build configuration"), flit ("Module section"), uv ("The uv
//! build backend"), maturin ("Project layout"), scikit-build-core ("Customizing the built wheel").

use toml::Value;

use super::module::{Module, inner};
use super::setup::{Setup, SetupPackages};
use crate::python::sdist::glob::fnmatch;

/// The modules that the settings name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Layout {
    /// The modules; `None` if the backend finds them by itself.
    pub modules: Option<Vec<Module>>,
    /// The patterns for packages at the top of the project.
    pub found: Option<FoundPackages>,
    /// Whether only some of the modules have to be there: a list may have other files too.
    pub may_lack: bool,
    /// Directories to import from, if the modules are not known.
    pub roots: Vec<String>,
    /// A setting that only the backend can apply, so that the modules may be incomplete.
    pub unsupported: Option<&'static str>,
}

/// The packages that setuptools finds in the directory of the project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FoundPackages {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl FoundPackages {
    /// Returns whether a package at the top of the project is found.
    pub fn has(&self, name: &str) -> bool {
        let below = |pattern: &String| pattern.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let is_in = self.include.iter().any(|pattern| fnmatch(pattern, name) || below(pattern));
        (self.include.is_empty() || is_in) && !self.exclude.iter().any(|pattern| fnmatch(pattern, name))
    }
}

/// Returns the modules that the tables of the build backends name.
pub(super) fn layout(root: &Value, setup: &Setup) -> Layout {
    let hatch = hatchling(root);
    if hatch != Layout::default() {
        return hatch;
    }
    let others = poetry(root).or_else(|| setuptools(root, setup)).or_else(|| pdm(root));
    let others = others.or_else(|| uv(root)).or_else(|| flit(root)).or_else(|| compiled(root));
    others.unwrap_or_default()
}

/// Returns the value of a key in nested tables.
pub(super) fn at<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

fn strings<'a>(root: &'a Value, keys: &[&str]) -> Option<Vec<&'a str>> {
    at(root, keys).and_then(Value::as_array).map(|items| items.iter().filter_map(Value::as_str).collect())
}

impl Layout {
    fn of(modules: Vec<Module>) -> Self {
        Self { modules: Some(modules), ..Self::default() }
    }
}

/// Returns the part of a path before its first pattern.
fn literal(path: &str) -> (String, bool) {
    let parts: Vec<_> = path.split('/').collect();
    let is_pattern = |part: &&str| part.contains(['*', '?', '[', '!']);
    let end = parts.iter().position(is_pattern).unwrap_or(parts.len());
    (inner(&parts[..end].join("/")), end < parts.len())
}

fn hatchling(root: &Value) -> Layout {
    let tables = [&["tool", "hatch", "build", "targets", "wheel"][..], &["tool", "hatch", "build"]];
    let get = |key: &str| tables.iter().find_map(|table| at(at(root, table)?, &[key]));
    let list = |key: &str| -> Option<Vec<&str>> {
        get(key).and_then(Value::as_array).map(|items| items.iter().filter_map(Value::as_str).collect())
    };
    // Prefixes of paths, and what they become.
    let sources: Vec<(String, String)> = match get("sources") {
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| Some((inner(item.as_str()?), String::new()))).collect()
        }
        Some(Value::Table(table)) => {
            table.iter().filter_map(|(from, to)| Some((inner(from), inner(to.as_str()?)))).collect()
        }
        _ => Vec::new(),
    };
    let placed = |path: &str| {
        let below = |from: &str| {
            if from.is_empty() {
                Some(path)
            } else {
                path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        };
        let found = sources.iter().find_map(|(from, to)| Some(inner(&format!("{to}/{}", below(from)?))));
        found.unwrap_or_else(|| path.to_owned())
    };
    let module = |path: &str| {
        let place = placed(path);
        if place.is_empty() { Module::all(path) } else { Module::at(path, &place) }
    };
    let roots = sources.iter().filter(|(_, to)| to.is_empty()).map(|(from, _)| from.clone()).collect();
    let unsupported = get("force-include").map(|_| "tool.hatch.build.targets.wheel.force-include");
    if let Some(packages) = list("packages") {
        let split = |path: &str| {
            let path = inner(path);
            if !sources.is_empty() {
                return module(&path);
            }
            path.rsplit_once('/').map_or_else(|| Module::new("", &path), |(root, name)| Module::new(root, name))
        };
        return Layout {
            modules: Some(packages.into_iter().map(split).collect()),
            roots,
            unsupported,
            ..Layout::default()
        };
    }
    if let Some(paths) = list("only-include") {
        let modules = paths.into_iter().map(|path| module(inner(path).trim_end_matches(".py"))).collect();
        return Layout { modules: Some(modules), may_lack: true, roots, unsupported, ..Layout::default() };
    }
    let renamed = sources.iter().filter(|(from, to)| !from.is_empty() && !to.is_empty());
    let renamed: Vec<_> = renamed.map(|(from, to)| Module::at(from, to)).collect();
    match list("include").map(|paths| paths.into_iter().map(literal).collect::<Vec<_>>()) {
        Some(paths) if paths.iter().all(|(path, is_pattern)| !path.is_empty() && !is_pattern) => {
            let modules = paths.iter().map(|(path, _)| module(path.trim_end_matches(".py"))).collect();
            Layout { modules: Some(modules), may_lack: true, roots, unsupported, ..Layout::default() }
        }
        Some(_) => Layout { roots, unsupported: Some("tool.hatch.build.targets.wheel.include"), ..Layout::default() },
        None => {
            Layout { modules: Some(renamed).filter(|all| !all.is_empty()), roots, unsupported, ..Layout::default() }
        }
    }
}

fn poetry(root: &Value) -> Option<Layout> {
    let one = |package: &Value| {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        let formats = package.get("format");
        let is_in_wheel = formats.is_none_or(|format| match format {
            Value::String(one) => one == "wheel",
            Value::Array(all) => all.iter().any(|one| one.as_str() == Some("wheel")),
            _ => true,
        });
        let (include, _) = literal(text("include").filter(|_| is_in_wheel)?);
        let from = text("from").unwrap_or_default();
        let include = include.strip_suffix(".py").unwrap_or(&include);
        Some(match (include, text("to").map(inner).filter(|to| !to.is_empty())) {
            ("", None) => Module::all(from),
            (include, None) => Module::new(from, include),
            (include, Some(to)) => Module::at(&format!("{from}/{include}"), &format!("{to}/{include}")),
        })
    };
    Some(Layout::of(at(root, &["tool", "poetry", "packages"])?.as_array()?.iter().filter_map(one).collect()))
}

fn setuptools(root: &Value, setup: &Setup) -> Option<Layout> {
    let table = |keys: &[&str]| at(root, &[&["tool", "setuptools"], keys].concat());
    let dirs = table(&["package-dir"]).and_then(Value::as_table).into_iter().flatten();
    let dirs = dirs.filter_map(|(package, dir)| Some((package.as_str(), dir.as_str()?)));
    let of_setup = setup.package_dir.iter().map(|(package, dir)| (package.as_str(), dir.as_str()));
    let dirs: Vec<_> = dirs.chain(of_setup).collect();
    let top = dirs.iter().find(|(package, _)| package.is_empty()).map_or("", |(_, dir)| dir);
    // The longest part of the name that has a directory counts.
    let package = |name: &str| {
        let path = name.replace('.', "/");
        let mapped = dirs.iter().filter(|(package, _)| !package.is_empty()).filter_map(|(package, dir)| {
            let rest = name.strip_prefix(package).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
            Some((package.len(), format!("{dir}{}", rest.replace('.', "/"))))
        });
        match mapped.max() {
            Some((_, dir)) => Module::at(&dir, &path),
            None => Module::new(top, &path),
        }
    };
    let named = |names: &[String]| names.iter().map(|name| package(name)).collect::<Vec<_>>();
    let owned = |items: Vec<&str>| items.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let packages = strings(root, &["tool", "setuptools", "packages"]).map(owned);
    let files = strings(root, &["tool", "setuptools", "py-modules"]).map(owned);
    let files = files.or_else(|| Some(setup.modules.clone()).filter(|modules| !modules.is_empty()));
    let files =
        files.map(|names| names.iter().map(|name| Module::new(top, &name.replace('.', "/"))).collect::<Vec<_>>());
    let packages = packages.map(|names| named(&names)).or_else(|| match &setup.packages {
        Some(SetupPackages::Named(list)) => Some(named(list)),
        _ => None,
    });
    if packages.is_some() || files.is_some() {
        return Some(Layout::of([packages, files].into_iter().flatten().flatten().collect()));
    }
    let mapped: Vec<_> =
        dirs.iter().filter(|(package, _)| !package.is_empty()).map(|(name, _)| package(name)).collect();
    if let Some(find) = table(&["packages", "find"]) {
        let folders = strings(root, &["tool", "setuptools", "packages", "find", "where"]);
        let folders: Vec<_> =
            folders.map_or_else(|| vec![inner(top)], |folders| folders.into_iter().map(inner).collect());
        let patterns = |key: &str| {
            let items = find.get(key).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        // In a directory that has only modules, files that `include` and `exclude` leave out do no harm.
        let found = FoundPackages { include: patterns("include"), exclude: patterns("exclude") };
        let found = folders.iter().any(String::is_empty).then_some(found);
        let modules = folders.iter().map(|folder| Module::all(folder)).chain(mapped).collect();
        return Some(Layout { found, ..Layout::of(modules) });
    }
    match &setup.packages {
        Some(SetupPackages::Found(folders)) => {
            let folders = folders.iter().map(|folder| if folder.is_empty() { top } else { folder });
            Some(Layout::of(folders.map(Module::all).chain(mapped).collect()))
        }
        _ if !inner(top).is_empty() => Some(Layout::of([vec![Module::all(top)], mapped].concat())),
        _ => Some(Layout::of(mapped)).filter(|layout| layout.modules.as_ref().is_some_and(|all| !all.is_empty())),
    }
}

fn pdm(root: &Value) -> Option<Layout> {
    let table = at(root, &["tool", "pdm", "build"])?;
    let unsupported = ["run-setuptools", "custom-hook"].iter().any(|key| table.get(key).is_some());
    let unsupported = unsupported.then_some("tool.pdm.build");
    let folder = table.get("package-dir").and_then(Value::as_str).map(inner);
    let roots: Vec<_> = folder.clone().into_iter().filter(|folder| !folder.is_empty()).collect();
    let includes = strings(root, &["tool", "pdm", "build", "includes"]);
    let includes = includes.unwrap_or_default().into_iter().map(|path| literal(path).0).filter(|path| !path.is_empty());
    let modules: Vec<_> = includes
        .map(|path| {
            let top = folder.as_deref().unwrap_or(if path.starts_with("src/") { "src" } else { "" });
            match path.strip_prefix(top).and_then(|rest| rest.strip_prefix('/')).filter(|_| !top.is_empty()) {
                Some(name) => Module::new(top, name.strip_suffix(".py").unwrap_or(name)),
                None if path == top => Module::all(top),
                None => Module::new("", path.strip_suffix(".py").unwrap_or(&path)),
            }
        })
        .collect();
    let all = folder.filter(|folder| !folder.is_empty()).map(|folder| vec![Module::all(&folder)]);
    let modules = if modules.is_empty() { all } else { Some(modules) };
    Some(Layout { modules, may_lack: true, roots, unsupported, ..Layout::default() })
}

fn uv(root: &Value) -> Option<Layout> {
    let table = at(root, &["tool", "uv", "build-backend"])?;
    let folder = table.get("module-root").and_then(Value::as_str).unwrap_or("src");
    let names: Vec<_> = match table.get("module-name") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        name => name.and_then(Value::as_str).into_iter().collect(),
    };
    let modules: Vec<_> = names.into_iter().map(|name| Module::new(folder, &name.replace('.', "/"))).collect();
    let roots = vec![inner(folder)];
    Some(Layout { modules: Some(modules).filter(|all| !all.is_empty()), roots, ..Layout::default() })
}

fn flit(root: &Value) -> Option<Layout> {
    let name = at(root, &["tool", "flit", "module", "name"]);
    let name = name.or_else(|| at(root, &["tool", "flit", "metadata", "module"]))?.as_str()?.replace('.', "/");
    Some(Layout { may_lack: true, ..Layout::of(vec![Module::new("", &name), Module::new("src", &name)]) })
}

/// The layout of projects with extension modules, whose compiled modules lie among their files.
fn compiled(root: &Value) -> Option<Layout> {
    if let Some(folder) = at(root, &["tool", "maturin", "python-source"]).and_then(Value::as_str) {
        return Some(Layout { roots: vec![inner(folder)], ..Layout::default() });
    }
    let packages = strings(root, &["tool", "scikit-build", "wheel", "packages"])?;
    let module = |path: &str| {
        let path = inner(path);
        path.rsplit_once('/').map_or_else(|| Module::new("", &path), |(root, name)| Module::new(root, name))
    };
    Some(Layout::of(packages.into_iter().map(module).collect()))
}
