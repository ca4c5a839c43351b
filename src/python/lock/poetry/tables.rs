//! The tables of a `poetry.lock`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Value;

use super::constraint::Constraint;
use super::package::Package;
use crate::python::lock::error::LockError;
use crate::python::lock::{LockedFile, PackageOrigin, checks, hash, urls};
use crate::python::marker::Marker;
use crate::python::normalised;
use crate::python::requirement::split_name;
use crate::python::wheel::WheelName;

#[derive(Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub package: Vec<Table>,
    #[serde(default)]
    pub extras: BTreeMap<String, Vec<String>>,
    pub metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata {
    pub lock_version: Option<String>,
    pub python_versions: Option<String>,
    /// The files of each package, by name, before lock-version 2.
    #[serde(default)]
    pub files: BTreeMap<String, Vec<Archive>>,
}

/// The table of a package.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Table {
    pub name: String,
    pub version: String,
    pub python_versions: Option<String>,
    pub groups: Option<Vec<String>>,
    pub markers: Option<Value>,
    pub files: Option<Vec<Archive>>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Value>,
    #[serde(default)]
    pub extras: BTreeMap<String, Vec<String>>,
    source: Option<Source>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Archive {
    pub file: String,
    pub hash: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    r#type: String,
    url: String,
    reference: Option<String>,
    resolved_reference: Option<String>,
    subdirectory: Option<String>,
}

/// Returns the name in `redis (>=5) ; marker` or `PyJWT[crypto]`.
pub(super) fn requirement_name(text: &str) -> String {
    normalised(split_name(text).0)
}

impl Table {
    /// Converts the table to a package with its files.
    pub(super) fn package(&self, file: &str, archives: &[Archive], shared: bool) -> Result<Package, LockError> {
        let name = normalised(&self.name);
        let at = format!("{file}: `{name}`");
        let version = self.version.parse();
        let version = version.map_err(|_| LockError::new(&at, format!("`{}` is not a version", self.version)))?;
        let mut files = Vec::new();
        for archive in archives {
            // A wheel of another version of the same name has another version in its name.
            let own = match WheelName::parse(&archive.file) {
                Some(wheel) => wheel.version == version,
                None => archive.file.contains(&self.version),
            };
            if own || !shared {
                let hashes = hash::hashes(&at, archive.hash.as_deref())?;
                files.push(LockedFile { name: archive.file.clone(), url: None, hashes, size: None });
            }
        }
        let groups = self.groups.iter().flatten();
        let groups = groups.map(|group| Ok((normalised(group), self.marker(&at, group)?)));
        Ok(Package {
            groups: groups.collect::<Result<BTreeMap<_, _>, LockError>>()?,
            origin: self.origin(&at, files)?,
            python: self.python_versions.as_deref().and_then(Constraint::of_python),
            name,
            version,
        })
    }

    /// Returns the marker of the package in a group. All groups share one marker, or each has its own.
    fn marker(&self, at: &str, group: &str) -> Result<Option<Marker>, LockError> {
        let text = match &self.markers {
            None => return Ok(None),
            Some(Value::String(text)) => text.as_str(),
            Some(Value::Table(each)) => match each.get(group) {
                None => return Ok(None),
                Some(Value::String(text)) => text,
                Some(_) => return Err(LockError::new(at, "has a marker that is not a string")),
            },
            Some(_) => return Err(LockError::new(at, "has markers that are not strings")),
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        checks::parse_marker(at, text).map(Some)
    }

    fn origin(&self, at: &str, files: Vec<LockedFile>) -> Result<PackageOrigin, LockError> {
        let Some(Source { r#type, url, reference, resolved_reference, subdirectory }) = &self.source else {
            return Ok(PackageOrigin::Index { index: None, files, hashes: Vec::new() });
        };
        let hashes = || {
            let mut hashes: Vec<_> = files.iter().flat_map(|file| file.hashes.clone()).collect();
            hashes.dedup();
            hashes
        };
        let path = || urls::joined(Path::new(""), url);
        Ok(match r#type.as_str() {
            "legacy" => PackageOrigin::Index { index: Some(urls::index(at, url)?), files, hashes: Vec::new() },
            "git" => {
                let commit = resolved_reference.as_ref().or(reference.as_ref());
                let commit = commit.map_or(String::new(), |commit| format!("@{commit}"));
                let below = subdirectory.as_ref().map_or(String::new(), |path| format!("#subdirectory={path}"));
                PackageOrigin::Git { url: format!("git+{url}{commit}{below}") }
            }
            "url" => PackageOrigin::Url(urls::file_at(at, url, hashes(), None)?),
            "file" => PackageOrigin::File { path: path(), hashes: hashes() },
            "directory" => PackageOrigin::Folder { path: path() },
            other => return Err(LockError::new(at, format!("has a source of the unknown type `{other}`"))),
        })
    }
}
