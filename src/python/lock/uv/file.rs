//! The tables of a `uv.lock`, and the resolution of its references.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::graph::{Conflict, Edge, Loose, Package, Uv};
use crate::python::lock::error::LockError;
use crate::python::lock::pyproject::Pyproject;
use crate::python::lock::{Hash, LockedFile, PackageOrigin, Sources, StatedRequirements, checks, hash, urls};
use crate::python::marker::Marker;
use crate::python::normalised;

/// The supported version of the format. Its revisions only add keys.
const VERSION: i64 = 1;
/// The largest number of packages of one name. A real file has one for each fork of the resolution.
const FORKS: usize = 1000;

#[derive(Deserialize)]
struct Header {
    version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    version: i64,
    requires_python: Option<String>,
    #[serde(default)]
    supported_markers: Vec<String>,
    #[serde(default)]
    conflicts: Vec<Vec<Conflict>>,
    #[serde(default)]
    manifest: Manifest,
    #[serde(default)]
    package: Vec<Table>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest {
    #[serde(default)]
    members: BTreeSet<String>,
    #[serde(default)]
    dependency_groups: BTreeMap<String, Vec<Requirement>>,
    #[serde(default)]
    overrides: Vec<toml::Value>,
    #[serde(default)]
    excludes: Vec<toml::Value>,
    #[serde(default)]
    dependency_metadata: Vec<toml::Value>,
}

#[derive(Deserialize)]
struct Requirement {
    name: String,
    #[serde(default)]
    extras: Vec<String>,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    name: String,
    version: Option<String>,
    source: Source,
    #[serde(default)]
    resolution_markers: Vec<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Dependency>>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<Dependency>>,
    #[serde(default)]
    metadata: Metadata,
    sdist: Option<Archive>,
    #[serde(default)]
    wheels: Vec<Archive>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct Source {
    registry: Option<String>,
    git: Option<String>,
    url: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    version: Option<String>,
    source: Option<Source>,
    #[serde(default)]
    extra: Vec<String>,
    marker: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    provides_extras: Vec<String>,
    #[serde(default)]
    requires_dev: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Archive {
    url: Option<String>,
    path: Option<String>,
    filename: Option<String>,
    hash: Option<String>,
    size: Option<u64>,
}

/// Parses the text of a `uv.lock`.
pub(in crate::python::lock) fn read(
    file: &str,
    text: &str,
    project: &Pyproject,
    sources: &mut Sources,
) -> Result<Uv, LockError> {
    let other = |version: i64| {
        let error = LockError::new(file, format!("has version {version} of the format, and only {VERSION} is read"));
        error.with_hint("lock with a uv that writes version 1, or `uv export --format pylock.toml -o pylock.toml`")
    };
    let tables: File = toml::from_str(text).map_err(|error| match toml::from_str::<Header>(text) {
        Ok(Header { version: Some(version) }) if version != VERSION => other(version),
        _ => LockError::toml(file, text, &error),
    })?;
    if tables.version != VERSION {
        return Err(other(tables.version));
    }
    let names = Names::of(file, &tables.package)?;
    let folders = tables.package.iter().enumerate().filter(|(_, table)| table.source.folder().is_some());
    let mut members: BTreeMap<_, _> = folders.map(|(at, table)| (table.name.clone(), at)).collect();
    let root = root(file, project, &members, &tables)?;
    if !tables.manifest.members.is_empty() {
        members.retain(|name, at| tables.manifest.members.contains(name) || Some(*at) == root);
    }
    let packages = tables.package.iter().map(|table| table.package(file, &names, sources));
    let overridden = [&tables.manifest.overrides, &tables.manifest.excludes];
    let overridden = overridden.into_iter().flatten().filter_map(name_of);
    let not_installed = tables.package.iter().filter(|table| table.source.r#virtual.is_some());
    let overridden = overridden.chain(not_installed.map(|table| table.name.clone())).collect();
    let described = tables.manifest.dependency_metadata.iter().filter_map(name_of).collect();
    let mut groups = BTreeMap::new();
    for (group, wanted) in tables.manifest.dependency_groups {
        let loose = wanted.into_iter().map(|one| {
            let marker = one.marker.as_deref().map(|text| checks::parse_marker(file, text)).transpose()?;
            Ok(Loose { name: one.name, extras: one.extras, marker })
        });
        groups.insert(group, loose.collect::<Result<Vec<_>, LockError>>()?);
    }
    Ok(Uv {
        requires: tables.requires_python,
        supported: markers(file, &tables.supported_markers)?,
        conflicts: tables.conflicts,
        packages: packages.collect::<Result<_, _>>()?,
        root,
        members,
        groups,
        stated: StatedRequirements { overridden, described, ..StatedRequirements::default() },
    })
}

/// Returns the name of a distribution in the manifest: an entry is a name or a table with one.
fn name_of(value: &toml::Value) -> Option<String> {
    value.get("name").unwrap_or(value).as_str().map(normalised)
}

/// Returns the project at the root of the workspace.
fn root(
    file: &str,
    project: &Pyproject,
    folders: &BTreeMap<String, usize>,
    tables: &File,
) -> Result<Option<usize>, LockError> {
    if let Some(name) = project.name() {
        let stale = || {
            LockError::new(file, format!("has no project `{name}`, as pyproject.toml calls it")).with_hint("`uv lock`")
        };
        return folders.get(&name).copied().map(Some).ok_or_else(stale);
    }
    Ok(tables.package.iter().position(|table| table.source.folder() == Some(".")))
}

/// Packages by their names.
struct Names<'t> {
    tables: &'t [Table],
    by_name: BTreeMap<&'t str, Vec<usize>>,
}

impl<'t> Names<'t> {
    fn of(file: &str, tables: &'t [Table]) -> Result<Self, LockError> {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, table) in tables.iter().enumerate() {
            let same = by_name.entry(&table.name).or_default();
            same.push(at);
            if same.len() > FORKS {
                return Err(LockError::new(file, format!("has more than {FORKS} packages `{}`", table.name)));
            }
        }
        Ok(Self { tables, by_name })
    }

    /// Returns the package that a dependency refers to.
    fn find(&self, at: &str, wanted: &Dependency) -> Result<usize, LockError> {
        let fits = |at: &&usize| {
            let table = &self.tables[**at];
            wanted.version.as_ref().is_none_or(|version| table.version.as_ref() == Some(version))
                && wanted.source.as_ref().is_none_or(|source| table.source == *source)
        };
        let mut found = self.by_name.get(wanted.name.as_str()).into_iter().flatten().filter(fits);
        match (found.next(), found.next()) {
            (Some(found), None) => Ok(*found),
            (first, _) => {
                let problem = if first.is_none() { "is not locked" } else { "is locked more than once" };
                let error = LockError::new(at, format!("depends on `{}`, which {problem}", wanted.name));
                Err(error.with_hint("`uv lock`"))
            }
        }
    }
}

impl Source {
    /// Returns the directory of a project.
    fn folder(&self) -> Option<&str> {
        self.editable.as_deref().or(self.r#virtual.as_deref()).or(self.directory.as_deref())
    }
}

impl Table {
    fn package(&self, file: &str, names: &Names<'_>, sources: &mut Sources) -> Result<Package, LockError> {
        let at = format!("{file}: `{}`", self.name);
        let edges = |wanted: &[Dependency]| {
            let edge = |one: &Dependency| {
                let marker = one.marker.as_deref().map(|text| checks::parse_marker(&at, text)).transpose()?;
                Ok(Edge { to: names.find(&at, one)?, extras: one.extra.clone(), marker })
            };
            wanted.iter().map(edge).collect::<Result<Vec<_>, LockError>>()
        };
        let each = |tables: &BTreeMap<String, Vec<Dependency>>| {
            let each = tables.iter().map(|(name, wanted)| Ok((name.clone(), edges(wanted)?)));
            each.collect::<Result<BTreeMap<_, _>, LockError>>()
        };
        let (mut optional, mut groups) = (each(&self.optional_dependencies)?, each(&self.dev_dependencies)?);
        // Extras and groups without dependencies have no table.
        for name in &self.metadata.provides_extras {
            optional.entry(name.clone()).or_default();
        }
        for name in self.metadata.requires_dev.keys() {
            groups.entry(name.clone()).or_default();
        }
        let bad = |version: &str| LockError::new(&at, format!("`{version}` is not a version"));
        let version = self.version.as_deref().map(|text| text.parse().map_err(|_| bad(text))).transpose()?;
        Ok(Package {
            name: self.name.clone(),
            version,
            folder: self.source.folder().map(str::to_owned),
            origin: self.origin(&at, sources)?,
            forks: markers(&at, &self.resolution_markers)?,
            dependencies: edges(&self.dependencies)?,
            optional,
            groups,
        })
    }

    fn origin(&self, at: &str, sources: &mut Sources) -> Result<Option<PackageOrigin>, LockError> {
        let archives = || self.sdist.iter().chain(&self.wheels);
        let hashes = || hash::hashes(at, archives().filter_map(|archive| archive.hash.as_deref()));
        let source = &self.source;
        Ok(Some(if let Some(registry) = &source.registry {
            let folder = (!urls::is_url(registry)).then(|| Path::new(registry));
            let files = archives().map(|archive| archive.file(at, folder, sources)).collect::<Result<_, _>>()?;
            let index = folder.is_none().then(|| urls::index(at, registry)).transpose()?;
            PackageOrigin::Index { index, files, hashes: Vec::new() }
        } else if let Some(url) = &source.git {
            PackageOrigin::Git { url: url.clone() }
        } else if let Some(url) = &source.url {
            let size = archives().find_map(|archive| archive.size);
            PackageOrigin::Url(urls::file_at(at, url, hashes()?, size)?)
        } else if let Some(path) = &source.path {
            PackageOrigin::File { path: PathBuf::from(path), hashes: hashes()? }
        } else if source.r#virtual.is_some() {
            return Ok(None);
        } else if let Some(path) = source.folder() {
            PackageOrigin::Folder { path: PathBuf::from(path) }
        } else {
            return Err(LockError::new(at, "has a source of an unknown kind"));
        }))
    }
}

impl Archive {
    /// Returns a file of an index. If the index is a directory, adds the directory of the file to
    /// `sources`.
    fn file(&self, at: &str, folder: Option<&Path>, sources: &mut Sources) -> Result<LockedFile, LockError> {
        let hashes: Vec<Hash> = hash::hashes(at, self.hash.as_deref())?;
        if let Some(url) = self.url.as_ref().filter(|url| urls::is_url(url)) {
            return urls::file_at(at, url, hashes, self.size);
        }
        let Some(path) = self.path.as_ref().or(self.filename.as_ref()).or(self.url.as_ref()) else {
            return Err(LockError::new(at, "has a file without URL, path or name"));
        };
        if let Some(folder) = folder {
            let whole = urls::joined(folder, path);
            sources.add_directory(whole.parent().unwrap_or(Path::new(".")));
        }
        Ok(LockedFile { name: urls::file_name(path), url: None, hashes, size: self.size })
    }
}

fn markers(at: &str, texts: &[String]) -> Result<Vec<Marker>, LockError> {
    texts.iter().map(|text| checks::parse_marker(at, text)).collect()
}
