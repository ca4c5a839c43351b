//! The modules that the settings of build backends name.

use toml::Value;

use super::module::{Module, inner};

/// The settings in `pyproject.toml` that only a build backend can apply.
const UNSUPPORTED: [&str; 11] = [
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
];

/// Returns the modules that the tables of the build backends name, or the first unsupported setting.
pub(super) fn modules(root: &Value) -> Result<Option<Vec<Module>>, &'static str> {
    for key in UNSUPPORTED {
        if at(root, &key.split('.').collect::<Vec<_>>()).is_some() {
            return Err(key);
        }
    }
    if let Some(modules) = hatchling(root).or_else(|| poetry(root)) {
        return Ok(Some(modules));
    }
    Ok(setuptools(root)?.or_else(|| uv(root)).or_else(|| flit(root)))
}

/// Returns the value of a key in nested tables.
pub(super) fn at<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

fn strings<'a>(root: &'a Value, keys: &[&str]) -> Option<impl Iterator<Item = &'a str>> {
    at(root, keys).and_then(Value::as_array).map(|items| items.iter().filter_map(Value::as_str))
}

fn module(root: &str, name: &str) -> Module {
    Module { root: inner(root), name: Some(name.to_owned()) }
}

fn hatchling(root: &Value) -> Option<Vec<Module>> {
    let split = |path: &str| {
        let path = inner(path);
        path.rsplit_once('/').map_or_else(|| module("", &path), |(root, name)| module(root, name))
    };
    Some(strings(root, &["tool", "hatch", "build", "targets", "wheel", "packages"])?.map(split).collect())
}

fn poetry(root: &Value) -> Option<Vec<Module>> {
    let one = |package: &Value| {
        let from = package.get("from").and_then(Value::as_str).unwrap_or_default();
        Some(module(from, &inner(package.get("include")?.as_str()?)))
    };
    Some(at(root, &["tool", "poetry", "packages"])?.as_array()?.iter().filter_map(one).collect())
}

fn setuptools(root: &Value) -> Result<Option<Vec<Module>>, &'static str> {
    let packages = strings(root, &["tool", "setuptools", "packages"]);
    let packages = packages.map(|names| names.map(|name| module("", &name.replace('.', "/"))).collect::<Vec<_>>());
    let files = strings(root, &["tool", "setuptools", "py-modules"]);
    let files = files.map(|names| names.map(|name| module("", name)).collect::<Vec<_>>());
    if packages.is_some() || files.is_some() {
        return Ok(Some([packages, files].into_iter().flatten().flatten().collect()));
    }
    let Some(find) = at(root, &["tool", "setuptools", "packages", "find"]) else { return Ok(None) };
    let folders = strings(root, &["tool", "setuptools", "packages", "find", "where"]);
    let folders: Vec<_> = folders.map_or_else(|| vec![String::new()], |folders| folders.map(inner).collect());
    // In a directory that has only modules, files that `include` and `exclude` leave out do no harm.
    if folders.iter().any(String::is_empty) && ["include", "exclude"].iter().any(|key| find.get(key).is_some()) {
        return Err("tool.setuptools.packages.find");
    }
    Ok(Some(folders.into_iter().map(|root| Module { root, name: None }).collect()))
}

fn uv(root: &Value) -> Option<Vec<Module>> {
    let names: Vec<_> = match at(root, &["tool", "uv", "build-backend", "module-name"])? {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    };
    let folder = at(root, &["tool", "uv", "build-backend", "module-root"]).and_then(Value::as_str).unwrap_or("src");
    let modules = names.into_iter().map(|name| module(folder, &name.replace('.', "/")));
    Some(modules.collect()).filter(|modules: &Vec<_>| !modules.is_empty())
}

fn flit(root: &Value) -> Option<Vec<Module>> {
    Some(vec![module("", at(root, &["tool", "flit", "module", "name"])?.as_str()?)])
}
