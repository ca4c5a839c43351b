//! The common parts of declarative build backends: METADATA, license files, directories.

use toml::{Table, Value};

use super::error::SdistError;
use super::files::{SdistFile, SdistFiles, join};
use super::glob::glob;
use super::identity::Identity;
use super::metadata::CoreMetadata;
use super::wheel::WheelBuilder;
use crate::python::normalised;
use crate::python::requirement::split_name;

/// An sdist of a declarative project.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'s> {
    pub files: &'s SdistFiles,
    pub pyproject: &'s Table,
    /// The text of `pyproject.toml`.
    pub source: &'s str,
    pub pkg_info: &'s CoreMetadata,
    pub identity: &'s Identity,
}

impl<'s> Declared<'s> {
    /// Returns the value of a key in nested tables.
    pub fn at(&self, keys: &[&str]) -> Option<&'s Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(self.pyproject.get(*first)?, |value, key| value.get(key))
    }

    /// Returns a list of texts.
    ///
    /// # Errors
    /// The value is of another type.
    pub fn texts(&self, keys: &[&str]) -> Result<Option<Vec<String>>, SdistError> {
        let invalid = || SdistError::Invalid(format!("`{}`", keys.join(".")));
        let Some(value) = self.at(keys) else { return Ok(None) };
        let items = value.as_array().ok_or_else(invalid)?;
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().map(Some).ok_or_else(invalid)
    }

    /// Returns the text of a key.
    pub fn text(&self, keys: &[&str]) -> Option<&'s str> {
        self.at(keys)?.as_str()
    }

    /// Refuses keys that are there.
    pub fn refuse(&self, keys: &[&[&str]]) -> Result<(), SdistError> {
        match keys.iter().find(|keys| self.at(keys).is_some()) {
            Some(keys) => Err(SdistError::Setting(format!("`{}`", keys.join(".")))),
            None => Ok(()),
        }
    }

    /// Returns whether the requirements of the build allow a version of the backend.
    pub fn backend_may_be(&self, backend: &str, version: &str) -> bool {
        use std::str::FromStr as _;
        let requires = self
            .at(&["build-system", "requires"])
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for one in requires {
            let (name, rest) = split_name(one);
            if normalised(name) == backend {
                let specifiers = rest.split(';').next().unwrap_or_default();
                let allowed = pep440_rs::VersionSpecifiers::from_str(specifiers)
                    .ok()
                    .zip(pep440_rs::Version::from_str(version).ok());
                return allowed.is_some_and(|(specifiers, version)| specifiers.contains(&version));
            }
        }
        true
    }

    /// Returns the files of `license-files`, or those that match the patterns of the backend.
    pub fn licenses(&self, defaults: &[&str]) -> Result<Vec<String>, SdistError> {
        let given = match self.at(&["project", "license-files"]) {
            Some(Value::Table(table)) => {
                let list = table.get("paths").or_else(|| table.get("globs")).and_then(Value::as_array);
                Some(list.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect())
            }
            Some(_) => self.texts(&["project", "license-files"])?,
            None => None,
        };
        let file = self.text(&["project", "license", "file"]).map(str::to_owned);
        let patterns: Vec<String> = match (given, file) {
            (Some(patterns), _) => patterns,
            (None, Some(file)) => vec![file],
            (None, None) => defaults.iter().map(|pattern| (*pattern).to_owned()).collect(),
        };
        let mut out: Vec<String> = patterns.iter().flat_map(|pattern| glob(self.files, pattern)).collect();
        out.sort_unstable();
        out.dedup();
        Ok(out)
    }

    /// Writes METADATA: the one of the sdist, which describes the same distribution. `licenses`
    /// replaces the license files that it names.
    pub fn metadata(&self, wheel: &mut WheelBuilder, licenses: Option<&[String]>) {
        let mut metadata = self.pkg_info.clone();
        let Some(licenses) = licenses else {
            wheel.add_info("METADATA", metadata.text());
            return;
        };
        metadata.fields.retain(|(name, _)| !name.eq_ignore_ascii_case("License-File"));
        let old = |version: &str| matches!(version, "1.0" | "1.1" | "1.2" | "2.0" | "2.1" | "2.2" | "2.3");
        for (_, version) in metadata
            .fields
            .iter_mut()
            .filter(|(name, version)| name.eq_ignore_ascii_case("Metadata-Version") && old(version))
        {
            // The first version whose `License-File` is a path below `licenses`.
            "2.4".clone_into(version);
        }
        metadata.fields.extend(licenses.iter().map(|path| ("License-File".to_owned(), path.clone())));
        wheel.add_info("METADATA", metadata.text());
    }

    /// Adds a file or everything below a directory, without bytecode.
    ///
    /// # Errors
    /// There is neither.
    pub fn add(&self, wheel: &mut WheelBuilder, path: &str, target: &str) -> Result<(), SdistError> {
        let missing = || SdistError::Missing { file: "pyproject.toml", path: path.to_owned() };
        let path = join("", path).ok_or_else(missing)?;
        if let Some(file) = self.files.get(&path) {
            wheel.add(target.to_owned(), file.clone());
            return Ok(());
        }
        if path.is_empty() || !self.files.has_directory(&path) {
            return Err(missing());
        }
        for inner in self.files.below(&path).filter(|inner| !is_bytecode(inner)) {
            if let Some(file) = self.files.get(&format!("{path}/{inner}")) {
                wheel.add(format!("{target}/{inner}"), SdistFile::clone(file));
            }
        }
        Ok(())
    }
}

/// Returns whether a file is bytecode.
#[must_use]
pub fn is_bytecode(path: &str) -> bool {
    path.strip_suffix(".pyc").is_some() || path.split('/').any(|part| part == "__pycache__")
}

/// Returns the tags of a wheel for Python 3, and for Python 2 if `requires-python` allows it.
#[must_use]
pub fn tags(requires: Option<&str>, python2: &str) -> &'static [&'static str] {
    use std::str::FromStr as _;
    let allows = match requires {
        None => true,
        Some(text) => pep440_rs::VersionSpecifiers::from_str(text).is_ok_and(|specifiers| {
            pep440_rs::Version::from_str(python2).is_ok_and(|version| specifiers.contains(&version))
        }),
    };
    if allows { &["py2", "py3"] } else { &["py3"] }
}
