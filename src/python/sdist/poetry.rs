//! Wheels of sdists for poetry-core.
//!
//! Source: `poetry.core.masonry.builders`, of poetry-core 2.

use std::collections::BTreeSet;

use toml::Value;

use super::declared::{Declared, is_bytecode, tags};
use super::entry_points::EntryPoints;
use super::error::SdistError;
use super::files::{SdistFiles, join};
use super::glob::glob;
use super::wheel::{BuiltWheel, WheelBuilder};

/// A part of the wheel: files below a directory that is cut off.
struct Part {
    include: String,
    from: String,
    to: String,
    /// Whether `exclude` applies to single files.
    package: bool,
}

/// Makes the wheel.
pub fn wheel(sdist: &Declared<'_>) -> Result<BuiltWheel, SdistError> {
    if sdist.at(&["tool", "poetry", "build"]).is_some() {
        return Err(SdistError::Program("the build script of poetry".to_owned()));
    }
    let excluded = excluded(sdist)?;
    let mut wheel = WheelBuilder::new(&sdist.identity.name, &sdist.identity.version);
    for part in parts(sdist)? {
        part.add(sdist, &excluded, &mut wheel)?;
    }
    let licenses = licenses(sdist)?;
    sdist.metadata(&mut wheel, Some(&licenses));
    if let Some(text) = entry_points(sdist)?.poetry_text() {
        wheel.add_info("entry_points.txt", text);
    }
    wheel.add_licenses(sdist.files, &licenses);
    wheel.finish(tags(sdist.pkg_info.get("Requires-Python"), "2.7.18"))
}

impl Part {
    fn add(
        &self,
        sdist: &Declared<'_>,
        excluded: &BTreeSet<String>,
        wheel: &mut WheelBuilder,
    ) -> Result<(), SdistError> {
        let missing = || SdistError::Missing { file: "pyproject.toml", path: self.include.clone() };
        let pattern = join(&self.from, &self.include).ok_or_else(missing)?;
        let found = elements(sdist.files, &pattern);
        if found.is_empty() {
            // A pattern of `include` may match nothing.
            return if self.package { Err(missing()) } else { Ok(()) };
        }
        for path in found.iter().filter(|path| !is_bytecode(path) && !excluded.contains(*path)) {
            let inner = path.strip_prefix(self.from.as_str()).unwrap_or(path).trim_start_matches('/');
            let target = if self.to.is_empty() { inner.to_owned() } else { format!("{}/{inner}", self.to) };
            if let Some(file) = sdist.files.get(path) {
                wheel.add(target, file.clone());
            }
        }
        Ok(())
    }
}

/// Returns the files that a pattern of `pathlib` matches, and those below matched directories.
fn elements(files: &SdistFiles, pattern: &str) -> Vec<String> {
    if files.has(pattern) {
        return vec![pattern.to_owned()];
    }
    let mut found: BTreeSet<String> = files.below(pattern).map(|inner| format!("{pattern}/{inner}")).collect();
    found.extend(glob(files, pattern));
    found.extend(glob(files, &format!("{pattern}/**/*")));
    found.into_iter().collect()
}

fn excluded(sdist: &Declared<'_>) -> Result<BTreeSet<String>, SdistError> {
    let mut out = BTreeSet::new();
    let Some(value) = sdist.at(&["tool", "poetry", "exclude"]) else { return Ok(out) };
    let invalid = || SdistError::Invalid("`tool.poetry.exclude`".to_owned());
    for item in value.as_array().ok_or_else(invalid)? {
        let path = match item {
            Value::String(path) => path.as_str(),
            _ => item.get("path").and_then(Value::as_str).ok_or_else(invalid)?,
        };
        let formats = item.get("format");
        if formats.is_some_and(|format| !names_wheel(format)) {
            continue;
        }
        out.extend(elements(sdist.files, &join("", path).ok_or_else(invalid)?));
    }
    Ok(out)
}

/// Returns whether a `format` names wheels.
fn names_wheel(format: &Value) -> bool {
    match format {
        Value::String(name) => name == "wheel",
        Value::Array(names) => names.iter().any(|name| name.as_str() == Some("wheel")),
        _ => false,
    }
}

fn parts(sdist: &Declared<'_>) -> Result<Vec<Part>, SdistError> {
    let invalid = |key: &str| SdistError::Invalid(format!("`tool.poetry.{key}`"));
    let mut out = Vec::new();
    for item in sdist.at(&["tool", "poetry", "packages"]).and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let directory = |key: &str| join("", text(key)).ok_or_else(|| invalid("packages"));
        if item.get("format").is_none_or(names_wheel) {
            out.push(Part {
                include: text("include").to_owned(),
                from: directory("from")?,
                to: directory("to")?,
                package: true,
            });
        }
    }
    if sdist.at(&["tool", "poetry", "packages"]).and_then(Value::as_array).is_none_or(Vec::is_empty) {
        out.push(default_part(sdist)?);
    }
    for item in sdist.at(&["tool", "poetry", "include"]).and_then(Value::as_array).into_iter().flatten() {
        // Without a format, only the sdist has the files.
        let Some(format) = item.get("format") else { continue };
        let path = item.get("path").and_then(Value::as_str).ok_or_else(|| invalid("include"))?;
        if names_wheel(format) {
            out.push(Part { include: path.to_owned(), from: String::new(), to: String::new(), package: false });
        }
    }
    Ok(out)
}

/// Returns the package or module with the name of the project.
fn default_part(sdist: &Declared<'_>) -> Result<Part, SdistError> {
    let name = sdist.identity.name.replace('-', "_");
    for from in ["", "src"] {
        let at = |name: &str| if from.is_empty() { name.to_owned() } else { format!("{from}/{name}") };
        let module = format!("{name}.py");
        let (package, file) = (sdist.files.has_directory(&at(&name)), sdist.files.has(&at(&module)));
        let include = match (package, file) {
            (true, true) => return Err(SdistError::Invalid(format!("`{name}`, both a package and a module,"))),
            (true, false) => name.clone(),
            (false, true) => module,
            (false, false) => continue,
        };
        return Ok(Part { include, from: from.to_owned(), to: String::new(), package: true });
    }
    Err(SdistError::Missing { file: "pyproject.toml", path: name })
}

fn licenses(sdist: &Declared<'_>) -> Result<Vec<String>, SdistError> {
    if sdist.at(&["project", "license-files"]).is_some() {
        return sdist.licenses(&[]);
    }
    let mut out = BTreeSet::new();
    if let Some(file) = sdist.text(&["project", "license", "file"]) {
        out.insert(file.to_owned());
    }
    for pattern in ["AUTHORS*", "COPYING*", "LICEN[CS]E*", "NOTICE*", "LICENSES/**/*.txt"] {
        out.extend(glob(sdist.files, pattern));
    }
    Ok(out.into_iter().collect())
}

fn entry_points(sdist: &Declared<'_>) -> Result<EntryPoints, SdistError> {
    let mut points = EntryPoints::default();
    points.declared(sdist.source);
    for (name, value) in sdist.at(&["tool", "poetry", "scripts"]).and_then(Value::as_table).into_iter().flatten() {
        let setting = || SdistError::Setting(format!("`tool.poetry.scripts.{name}`"));
        match value {
            Value::String(value) => points.insert("console_scripts", name, value),
            Value::Table(table) if table.get("type").and_then(Value::as_str) != Some("file") => {
                let reference = table.get("reference").or_else(|| table.get("callable")).and_then(Value::as_str);
                if table.contains_key("extras") {
                    return Err(setting());
                }
                points.insert("console_scripts", name, reference.ok_or_else(setting)?);
            }
            _ => return Err(setting()),
        }
    }
    for (group, table) in sdist.at(&["tool", "poetry", "plugins"]).and_then(Value::as_table).into_iter().flatten() {
        for (name, value) in table.as_table().into_iter().flatten() {
            points.insert(
                group,
                name,
                value.as_str().ok_or_else(|| SdistError::Invalid("`tool.poetry.plugins`".to_owned()))?,
            );
        }
    }
    Ok(points)
}
