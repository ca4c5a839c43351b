//! Wheels of sdists for pdm-backend.
//!
//! Source: `pdm.backend.base`, `pdm.backend.wheel`, of pdm-backend 2.4.

use toml::Value;

use super::declared::{Declared, tags};
use super::entry_points::EntryPoints;
use super::error::SdistError;
use super::files::join;
use super::glob::is_pattern;
use super::wheel::{BuiltWheel, WheelBuilder};

/// The settings of `[tool.pdm.build]` that do not change the wheel.
const HARMLESS: [&str; 6] =
    ["package-dir", "source-includes", "editable-backend", "is-purelib", "excludes", "includes"];

/// Makes the wheel.
pub fn wheel(sdist: &Declared<'_>) -> Result<BuiltWheel, SdistError> {
    let build = sdist.at(&["tool", "pdm", "build"]).and_then(Value::as_table);
    if sdist.files.has("pdm_build.py") || build.is_some_and(|build| build.contains_key("custom-hook")) {
        return Err(SdistError::Program("the build hook `pdm_build.py`".to_owned()));
    }
    let other = build.into_iter().flatten().find(|(key, value)| {
        !HARMLESS.contains(&key.as_str())
            || key.as_str() == "is-purelib" && value.as_bool() != Some(true)
            || key.as_str() == "excludes" && value.as_array().is_none_or(|items| !items.is_empty())
    });
    if let Some((key, _)) = other {
        return Err(SdistError::Setting(format!("`tool.pdm.build.{key}`")));
    }
    if let Some(path) = sdist.text(&["tool", "pdm", "version", "write_to"]) {
        let root = package_dir(sdist)?;
        let path = join(&root, path).unwrap_or_default();
        if !sdist.files.has(&path) {
            return Err(SdistError::Missing { file: "pyproject.toml", path });
        }
    }
    let mut wheel = WheelBuilder::new(&sdist.identity.name, &sdist.identity.version);
    let root = package_dir(sdist)?;
    let at = |name: &str| if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
    let skipped = sdist.texts(&["tool", "pdm", "build", "source-includes"])?.unwrap_or_default();
    let skipped = if skipped.is_empty() { vec!["tests".to_owned()] } else { skipped };
    let includes = sdist.texts(&["tool", "pdm", "build", "includes"])?.unwrap_or_default();
    let is_package = |name: &&str| includes.is_empty() && sdist.files.has(&at(&format!("{name}/__init__.py")));
    let packages: Vec<&str> = sdist.files.directories(&root).into_iter().filter(is_package).collect();
    for name in &packages {
        if skipped.iter().any(|path| path.trim_end_matches('/') == at(name)) {
            continue;
        }
        let inside = |path: &String| path.starts_with(&format!("{}/", at(name))) || is_pattern(path);
        if let Some(path) = skipped.iter().find(|path| inside(path)) {
            return Err(SdistError::Setting(format!("`{path}` in `source-includes`")));
        }
        sdist.add(&mut wheel, &at(name), name)?;
    }
    if let Some(path) = includes.iter().find(|path| is_pattern(path)) {
        return Err(SdistError::Setting(format!("`{path}` in `includes`")));
    }
    for path in &includes {
        let path = path.trim_end_matches('/');
        let target = if root.is_empty() { path } else { path.strip_prefix(&format!("{root}/")).unwrap_or(path) };
        sdist.add(&mut wheel, path, target)?;
    }
    if packages.is_empty() && includes.is_empty() {
        for name in sdist.files.names(&root).into_iter().filter(|name| name.strip_suffix(".py").is_some()) {
            sdist.add(&mut wheel, &at(name), name)?;
        }
    }
    finish(sdist, wheel)
}

fn package_dir(sdist: &Declared<'_>) -> Result<String, SdistError> {
    match sdist.text(&["tool", "pdm", "build", "package-dir"]) {
        Some(directory) => {
            join("", directory).ok_or_else(|| SdistError::Invalid("`tool.pdm.build.package-dir`".to_owned()))
        }
        None if sdist.files.has_directory("src") => Ok("src".to_owned()),
        None => Ok(String::new()),
    }
}

fn finish(sdist: &Declared<'_>, mut wheel: WheelBuilder) -> Result<BuiltWheel, SdistError> {
    let licenses = sdist.licenses(&["LICEN[CS]E*", "COPYING*", "NOTICE*"])?;
    sdist.metadata(&mut wheel, None);
    let mut points = EntryPoints::default();
    points.declared(sdist.source);
    wheel.add_info("entry_points.txt", points.pdm_text());
    wheel.add_licenses(sdist.files, &licenses);
    wheel.finish(tags(sdist.text(&["project", "requires-python"]), "2.7"))
}
