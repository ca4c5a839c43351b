//! `[tool.setuptools]` of `pyproject.toml`.
//!
//! Source: the documentation of setuptools, "Configuring setuptools using pyproject.toml files".

use toml::{Table, Value};

use super::settings::{Plain, Settings};
use crate::python::sdist::discovery::{Finder, find_packages};
use crate::python::sdist::error::SdistError;
use crate::python::sdist::files::{SdistFiles, join};
use crate::python::sdist::glob::glob;

const FILE: &str = "pyproject.toml";

/// Adds the settings of `pyproject.toml`. They are stronger than those of the other files.
pub fn add(files: &SdistFiles, pyproject: &Table, settings: &mut Settings) -> Result<(), SdistError> {
    let tool = pyproject.get("tool").and_then(|tool| tool.get("setuptools")).and_then(Value::as_table);
    if pyproject.get("project").is_none() && tool.is_none() {
        return Ok(());
    }
    if settings.get("include_package_data")?.is_none() {
        settings.set("include_package_data", FILE, Plain::Bool(true));
    }
    let empty = Table::new();
    let mut fill = None;
    for (key, value) in tool.unwrap_or(&empty) {
        let name = key.replace('-', "_");
        let plain = match (name.as_str(), value) {
            ("packages", Value::Table(table)) => {
                let (directory, packages) = found(files, table)?;
                fill = Some(directory);
                Plain::texts(packages)
            }
            ("package_data" | "exclude_package_data", Value::Table(table)) => {
                let one = |(key, value): (&String, &Value)| {
                    (if key == "*" { String::new() } else { key.clone() }, plain(value))
                };
                Plain::Dict(table.iter().map(one).collect())
            }
            ("data_files", Value::Table(table)) => {
                let one = |(key, value): (&String, &Value)| {
                    let patterns = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                    Plain::List(vec![
                        Plain::Text(key.clone()),
                        Plain::texts(patterns.flat_map(|pattern| glob(files, pattern))),
                    ])
                };
                Plain::List(table.iter().map(one).collect())
            }
            ("dynamic", _) => continue,
            (_, value) => plain(value),
        };
        settings.set(if name == "script_files" { "scripts" } else { &name }, FILE, plain);
    }
    if let Some(directory) = fill {
        settings.fill_package_dir(&directory, FILE);
    }
    if let Some(files) = pyproject.get("project").and_then(|project| project.get("license-files")) {
        settings.set("license_files", FILE, plain(files));
    }
    Ok(())
}

fn plain(value: &Value) -> Plain {
    match value {
        Value::String(text) => Plain::Text(text.clone()),
        Value::Integer(number) => Plain::Int(*number),
        Value::Boolean(value) => Plain::Bool(*value),
        Value::Array(items) => Plain::List(items.iter().map(plain).collect()),
        Value::Table(table) => Plain::Dict(table.iter().map(|(key, value)| (key.clone(), plain(value))).collect()),
        other => Plain::Text(other.to_string()),
    }
}

/// Returns the packages of `packages = {find = {…}}`.
fn found(files: &SdistFiles, table: &Table) -> Result<(String, Vec<String>), SdistError> {
    let invalid = || SdistError::Invalid("`tool.setuptools.packages`".to_owned());
    let find =
        table.get("find").or_else(|| table.get("find-namespace")).and_then(Value::as_table).ok_or_else(invalid)?;
    let texts = |key: &str| {
        let items = find.get(key).and_then(Value::as_array)?;
        Some(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>())
    };
    let namespaces = find.get("namespaces").and_then(Value::as_bool).unwrap_or(true);
    let (exclude, include) =
        (texts("exclude").unwrap_or_default(), texts("include").unwrap_or_else(|| vec!["*".to_owned()]));
    let places = texts("where").unwrap_or_else(|| vec![String::new()]);
    let [directory] = places.as_slice() else {
        return Err(SdistError::Setting("`tool.setuptools.packages.find.where`".to_owned()));
    };
    let directory = join("", directory).ok_or_else(invalid)?;
    let packages = find_packages(files, &directory, &Finder { namespaces, include: &include, exclude: &exclude });
    Ok((directory, packages))
}
