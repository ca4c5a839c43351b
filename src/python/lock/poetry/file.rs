//! The tables of a `poetry.lock`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Value;

use super::constraint::Constraint;
use super::graph::Graph;
use super::{GroupSelection, MAIN, Package, Poetry};
use crate::python::lock::error::LockError;
use crate::python::lock::pyproject::Pyproject;
use crate::python::lock::{LockedFile, PackageOrigin, entry, urls};
use crate::python::marker::Marker;
use crate::python::normalised;
use crate::python::wheel::WheelName;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    package: Vec<Table>,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    lock_version: Option<String>,
    python_versions: Option<String>,
    /// Before lock-version 2, by name.
    #[serde(default)]
    files: BTreeMap<String, Vec<Archive>>,
}

/// One package.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Table {
    pub name: String,
    version: String,
    python_versions: Option<String>,
    groups: Option<Vec<String>>,
    markers: Option<Value>,
    files: Option<Vec<Archive>>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Value>,
    #[serde(default)]
    pub extras: BTreeMap<String, Vec<String>>,
    source: Option<Source>,
}

#[derive(Clone, Deserialize)]
struct Archive {
    file: String,
    hash: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    r#type: String,
    url: String,
    reference: Option<String>,
    resolved_reference: Option<String>,
    subdirectory: Option<String>,
}

pub(super) fn read(file: &str, text: &str, project: &Pyproject) -> Result<Poetry, LockError> {
    let tables: File = toml::from_str(text).map_err(|error| LockError::toml(file, text, &error))?;
    let version = tables.metadata.lock_version.as_deref().unwrap_or("1.0");
    if !(version.starts_with("1.") || version.starts_with("2.")) {
        let error = LockError::new(file, format!("has lock-version {version}, and only 1.x and 2.x are read"));
        return Err(error.with_hint("lock with a Poetry that writes lock-version 2.1"));
    }
    let names: Vec<_> = tables.package.iter().map(|table| normalised(&table.name)).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        *count.entry(name).or_default() += 1;
    }
    let archives: BTreeMap<_, _> =
        tables.metadata.files.iter().map(|(name, files)| (normalised(name), files)).collect();
    let mut packages = Vec::new();
    for (table, name) in tables.package.iter().zip(&names) {
        let files = table.files.as_ref().or(archives.get(name).copied());
        let shared = table.files.is_none() && count.get(name.as_str()).is_some_and(|count| *count > 1);
        packages.push(table.package(file, files.map_or(&[], Vec::as_slice), shared)?);
    }
    // Each package has groups, or none has.
    let told =
        tables.package.iter().all(|table| table.groups.is_some()) && version != "2.0" && !version.starts_with("1.");
    let (group_selection, mut groups) = if told {
        let groups = packages.iter().flat_map(|package| package.groups.keys().cloned()).collect();
        (GroupSelection::Told, groups)
    } else {
        let graph = Graph::new(file, &tables.package, project)?;
        let groups = graph.groups();
        (GroupSelection::Walked(graph), groups)
    };
    let groups_of_project = project.poetry().into_iter().flat_map(|poetry| poetry.group.keys());
    groups.extend(groups_of_project.map(|group| normalised(group)));
    groups.remove(MAIN);
    let declared = project.poetry().map(|poetry| &poetry.extras).filter(|_| tables.extras.is_empty());
    let extras = declared.unwrap_or(&tables.extras).iter();
    let extras = extras.map(|(extra, names)| (normalised(extra), names.iter().map(|name| bare(name)).collect()));
    let python = tables.metadata.python_versions.map(|text| {
        let bad = LockError::new(file, format!("`{text}` is no requirement of a version of Python"));
        Constraint::of_python(&text).map(|constraint| (text, constraint)).ok_or(bad)
    });
    Ok(Poetry { python: python.transpose()?, packages, extras: extras.collect(), groups, group_selection })
}

/// The name in `redis (>=5) ; marker` or `PyJWT[crypto]`.
pub(super) fn bare(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(text.len());
    normalised(&text[..end])
}

impl Table {
    fn package(&self, file: &str, archives: &[Archive], shared: bool) -> Result<Package, LockError> {
        let name = normalised(&self.name);
        let at = format!("{file}: `{name}`");
        let version = self.version.parse();
        let version = version.map_err(|_| LockError::new(&at, format!("`{}` is no version", self.version)))?;
        let mut files = Vec::new();
        for archive in archives {
            // A wheel of another version of the same name has another version in its name.
            let own = match WheelName::parse(&archive.file) {
                Some(wheel) => wheel.version == version,
                None => archive.file.contains(&self.version),
            };
            if own || !shared {
                let hashes = entry::hashes(&at, archive.hash.as_deref())?;
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

    /// The marker that the package has in a group: one for all, or each its own.
    fn marker(&self, at: &str, group: &str) -> Result<Option<Marker>, LockError> {
        let text = match &self.markers {
            None => return Ok(None),
            Some(Value::String(text)) => text.as_str(),
            Some(Value::Table(each)) => match each.get(group) {
                None => return Ok(None),
                Some(Value::String(text)) => text,
                Some(_) => return Err(LockError::new(at, "has a marker that is no text")),
            },
            Some(_) => return Err(LockError::new(at, "has markers that are no text")),
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        entry::marker(at, text).map(Some)
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
