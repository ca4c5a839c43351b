//! `Pipfile.lock`: pipenv's list of distributions, by category.
//!
//! Source: pipenv's documentation ("Pipfile & Pipfile.lock") and the files that pipenv 2026 writes.
//! `default` is always installed, other categories if they are selected as groups; `dev` stands for
//! `develop`. There are no extras. Distributions that pipenv could not lock on its own platform
//! have the version `*`, an error if the marker is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::error::{LockError, without_value};
use super::marker_context::MarkerContext;
use super::{LockOffer, LockSelection, PackageOrigin, Pinned, Sources, checks, hash, urls};
use crate::python::marker::{ActiveExtras, Environment, Marker};
use crate::python::normalised;
use crate::python::requirement::Requirement;

/// The category of the project's own dependencies.
const DEFAULT: &str = "default";

/// A `Pipfile.lock`.
#[derive(Clone, Debug)]
pub(super) struct Pipfile {
    /// The version of Python: `3.11`, or a full version.
    python: Option<String>,
    categories: BTreeMap<String, Vec<Item>>,
}

#[derive(Clone, Debug)]
struct Item {
    name: String,
    marker: Option<Marker>,
    /// The version; `None` if no exact version is locked.
    pinned: Option<Pinned>,
    /// The normalised extras.
    extras: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    requires: BTreeMap<String, String>,
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    name: Option<String>,
    url: String,
}

#[derive(Deserialize)]
struct Package {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    #[serde(default)]
    extras: Vec<String>,
    markers: Option<String>,
    index: Option<String>,
    file: Option<String>,
    path: Option<String>,
    git: Option<String>,
    r#ref: Option<String>,
    subdirectory: Option<String>,
}

impl Pipfile {
    pub(super) fn parse(file: &str, text: &str, sources: &mut Sources) -> Result<Self, LockError> {
        let bad = |error: &serde_json::Error| {
            LockError::new(format!("{file}:{}", error.line()), without_value(&error.to_string()))
        };
        let mut tables: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|error| bad(&error))?;
        let meta = tables.remove("_meta").ok_or_else(|| LockError::new(file, "has no `_meta`"))?;
        let meta: Meta = serde_json::from_value(meta)
            .map_err(|error| LockError::new(format!("{file}: `_meta`"), error.to_string()))?;
        let mut indexes = meta.sources.iter().map(|source| source.url.clone());
        sources.index = indexes.next();
        sources.extra_indexes.extend(indexes);
        let named: BTreeMap<_, _> =
            meta.sources.into_iter().filter_map(|source| Some((source.name?, source.url))).collect();
        let python =
            ["python_full_version", "python_version"].into_iter().find_map(|key| meta.requires.get(key).cloned());
        let mut categories = BTreeMap::new();
        for (category, packages) in tables {
            let Value::Object(packages) = packages else {
                return Err(LockError::new(file, format!("`{category}` is not a table")));
            };
            let items = packages.into_iter().map(|(name, package)| {
                let name = normalised(&name);
                let at = format!("{file}: `{name}`");
                let package: Package =
                    serde_json::from_value(package).map_err(|error| LockError::new(&at, error.to_string()))?;
                package.item(&at, name, &named)
            });
            categories.insert(category, items.collect::<Result<Vec<_>, LockError>>()?);
        }
        Ok(Self { python, categories })
    }

    pub(super) fn pinned(
        &self,
        file: &str,
        context: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<Vec<Pinned>, LockError> {
        self.admit(file, context.environment)?;
        if let Some(extra) = choice.extras.first() {
            return Err(checks::unknown(file, "extra", extra, std::iter::empty()));
        }
        if let Some(member) = &choice.member {
            return Err(checks::unknown(file, "member", member, std::iter::empty()));
        }
        let mut items: Vec<_> = self.categories.get(DEFAULT).into_iter().flatten().collect();
        for group in &choice.groups {
            let (_, more) = self.category(group).ok_or_else(|| {
                let known = self.categories.keys().map(String::as_str).filter(|name| *name != DEFAULT);
                checks::unknown(file, "group", group, known)
            })?;
            items.extend(more);
        }
        let wanted = |item: &&&Item| context.holds(&item.name, item.marker.as_ref(), &ActiveExtras::default());
        let loose = |item: &Item| {
            let error = LockError::new(file, format!("`{}` has no one version", item.name));
            error.with_hint("`pipenv lock` leaves versions open that its own platform does not need: lock on Linux, or drop the marker")
        };
        items.iter().filter(wanted).map(|item| item.pinned.clone().ok_or_else(|| loose(item))).collect()
    }

    /// Returns the extras of the project's own dependencies, by distribution.
    pub(super) fn extras(&self, context: &MarkerContext<'_>) -> BTreeMap<String, BTreeSet<String>> {
        let items = self.categories.get(DEFAULT).into_iter().flatten();
        let held = items.filter(|item| context.holds(&item.name, item.marker.as_ref(), &ActiveExtras::default()));
        held.map(|item| (item.name.clone(), item.extras.clone())).collect()
    }

    pub(super) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        let pinned = self.categories.values_mut().flatten().filter_map(|item| item.pinned.as_mut());
        pinned.map(|pinned| (pinned.name.as_str(), &mut pinned.origin))
    }

    pub(super) fn offer(&self) -> LockOffer {
        let others = self.categories.keys().filter(|name| *name != DEFAULT);
        LockOffer {
            names: self.categories.values().flatten().map(|item| item.name.clone()).collect(),
            groups: others.map(|name| if name == "develop" { "dev".to_owned() } else { normalised(name) }).collect(),
            extras: Vec::new(),
        }
    }

    pub(super) fn unhashed(&self) -> BTreeSet<String> {
        let bare = |item: &&Item| item.pinned.as_ref().is_some_and(|pinned| pinned.origin.is_unhashed());
        self.categories.values().flatten().filter(bare).map(|item| item.name.clone()).collect()
    }

    /// Returns the category of a group.
    fn category(&self, group: &str) -> Option<(&String, &Vec<Item>)> {
        let is = |name: &str| normalised(name) == group || (group == "dev" && name == "develop");
        self.categories.iter().find(|(name, _)| is(name))
    }

    fn admit(&self, file: &str, environment: &Environment) -> Result<(), LockError> {
        let Some(wanted) = &self.python else { return Ok(()) };
        let full = &environment.python_full_version;
        let same = wanted == "*"
            || full == wanted
            || full.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('.'));
        if same {
            return Ok(());
        }
        let instead = "change it in the Pipfile and `pipenv lock`".to_owned();
        Err(LockError::excluded(file, wanted, full, Some(instead)))
    }
}

impl Package {
    /// Converts an entry. `indexes` are the URLs of indexes by name.
    fn item(self, at: &str, name: String, indexes: &BTreeMap<String, String>) -> Result<Item, LockError> {
        let marker = self.markers.as_deref().map(|text| checks::parse_marker(at, text)).transpose()?;
        let hashes = hash::hashes(at, self.hashes.iter().map(String::as_str))?;
        let folder = Path::new("");
        let origin = if let Some(url) = &self.git {
            let commit = self.r#ref.as_ref().map_or(String::new(), |commit| format!("@{commit}"));
            let below = self.subdirectory.as_ref().map_or(String::new(), |path| format!("#subdirectory={path}"));
            let kind = if url.starts_with("git+") { "" } else { "git+" };
            Some(PackageOrigin::Git { url: format!("{kind}{url}{commit}{below}") })
        } else {
            let place = self.file.as_ref().or(self.path.as_ref());
            place.map(|place| urls::origin(at, place, hashes.clone(), folder)).transpose()?
        };
        let exact = match self.version.as_deref().filter(|version| *version != "*") {
            Some(version) => {
                let text = format!("{name} {version}");
                let requirement = Requirement::parse(&text)
                    .map_err(|_| LockError::new(at, format!("`{version}` is not a version specifier")))?;
                requirement.exact().cloned()
            }
            None => None,
        };
        let pinned = match (origin, exact) {
            (Some(origin), version) => {
                let version = origin.version().or(version);
                Some(Pinned { name: name.clone(), version, origin })
            }
            (None, Some(version)) => {
                let index = self.index.as_ref().and_then(|name| indexes.get(name));
                let index = index.map(|url| urls::index(at, url)).transpose()?;
                let origin = PackageOrigin::Index { index, files: Vec::new(), hashes };
                Some(Pinned { name: name.clone(), version: Some(version), origin })
            }
            (None, None) => None,
        };
        let extras = self.extras.iter().map(|extra| normalised(extra)).collect();
        Ok(Item { name, marker, pinned, extras })
    }
}

#[cfg(test)]
mod tests {
    use crate::python::lock::testing::{listed, read};
    use crate::python::lock::{Format, LockSelection};

    #[test]
    fn the_project_is_not_among_its_dependencies() {
        let text = r#"{"_meta": {}, "default": {
            "shop": {"editable": true, "path": "."},
            "lib": {"editable": true, "path": "./libs/lib"}
        }}"#;
        let lock = read(Format::Pipfile, text, None, &[]).unwrap();
        assert_eq!(listed(&lock, &LockSelection::default()).unwrap(), ["lib libs/lib/"]);
    }
}
