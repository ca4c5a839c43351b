//! `requirements.txt`: lines with exact versions, as pip-compile, `uv pip compile` and
//! `uv export` write them.
//!
//! Source: pip's documentation, "Requirements File Format". All lines about one
//! distribution, constraints too, have to name one version together; extras say nothing
//! more, since what they bring has lines of its own. `.` is the project itself, which is
//! not a dependency of its own.

mod lines;
mod options;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::error::LockError;
use super::project::Project;
use super::{Choice, Hash, Input, Origin, Pinned, Sources};
use crate::python::marker::{Chosen, Environment, Marker};
use crate::python::requirement::Requirement;
use crate::python::wheel::WheelName;

/// A requirements file with all that it includes.
#[derive(Clone, Debug)]
pub(super) struct Requirements {
    items: Vec<Item>,
    constraints: Vec<Item>,
    /// Whether it asks that each distribution has a hash.
    require_hashes: bool,
}

/// One line about a distribution.
#[derive(Clone, Debug)]
struct Item {
    /// File and line.
    at: String,
    /// As written, without options.
    text: String,
    name: String,
    wanted: Wanted,
    marker: Option<Marker>,
    hashes: Vec<Hash>,
}

#[derive(Clone, Debug)]
enum Wanted {
    /// Some or one of the versions that an index has.
    Versions(Requirement),
    /// A URL, a path, a repository.
    Place(Origin),
}

impl Requirements {
    pub(super) fn parse(input: &mut Input<'_>, project: &Project, sources: &mut Sources) -> Result<Self, LockError> {
        read::read(input, project, sources)
    }

    pub(super) fn pinned(
        &self,
        file: &str,
        environment: &Environment,
        choice: &Choice,
    ) -> Result<Vec<Pinned>, LockError> {
        let chosen = [("extras", !choice.extras.is_empty()), ("groups", !choice.groups.is_empty())];
        let chosen = chosen.into_iter().chain([("workspace members", choice.member.is_some())]);
        if let Some((kind, _)) = chosen.into_iter().find(|(_, chosen)| *chosen) {
            let error = LockError::new(file, format!("has no {kind} to choose"));
            return Err(error
                .with_hint("choose them when the file is made: `uv export --extra NAME --group NAME --package NAME`"));
        }
        let here =
            |item: &&Item| item.marker.as_ref().is_none_or(|marker| marker.holds(environment, &Chosen::default()));
        let mut together: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        for item in self.items.iter().filter(here) {
            together.entry(&item.name).or_default().push(item);
        }
        for item in self.constraints.iter().filter(here) {
            if let Some(items) = together.get_mut(item.name.as_str()) {
                items.push(item);
            }
        }
        let mut out = Vec::new();
        for items in together.values() {
            out.extend(self.decided(items)?);
        }
        Ok(out)
    }

    pub(super) fn unhashed(&self) -> BTreeSet<String> {
        let all = || self.items.iter().chain(&self.constraints);
        let hashed: BTreeSet<_> = all().filter(|item| !item.is_bare()).map(|item| &item.name).collect();
        self.items.iter().map(|item| &item.name).filter(|name| !hashed.contains(name)).cloned().collect()
    }

    /// What all lines about one distribution come to: once, or as often as they disagree.
    fn decided(&self, items: &[&Item]) -> Result<Vec<Pinned>, LockError> {
        let mut out = Vec::new();
        for item in items {
            match &item.wanted {
                Wanted::Place(origin) => out.push(item.at_place(origin)),
                Wanted::Versions(requirement) => {
                    let Some(version) = requirement.exact() else { continue };
                    let origin = Origin::Index { index: None, files: Vec::new(), hashes: item.hashes.clone() };
                    let (name, version) = (item.name.clone(), Some(version.clone()));
                    out.push(Pinned { name, version, origin });
                }
            }
        }
        if out.iter().any(|one| !matches!(one.origin, Origin::Index { .. })) {
            out.retain(|one| !matches!(one.origin, Origin::Index { .. }));
        }
        let Some(first) = out.first() else { return Err(items[0].loose()) };
        for item in items {
            let Wanted::Versions(requirement) = &item.wanted else { continue };
            if let Some(version) = first.version.as_ref().filter(|version| !requirement.allows(version))
                && requirement.exact().is_none()
            {
                let cause = format!("`{}` excludes {version}, which another line asks for", item.text);
                return Err(LockError::new(&item.at, cause));
            }
        }
        if self.require_hashes && out.iter().all(|one| one.origin.is_unhashed()) {
            let error = LockError::new(
                &items[0].at,
                format!("`{}` has no hash, and `--require-hashes` asks for one", items[0].text),
            );
            return Err(error.with_hint("`uv pip compile --generate-hashes requirements.in -o requirements.txt`"));
        }
        Ok(out)
    }
}

impl Item {
    fn is_bare(&self) -> bool {
        match &self.wanted {
            Wanted::Versions(_) => self.hashes.is_empty(),
            Wanted::Place(origin) => origin.is_unhashed(),
        }
    }

    fn at_place(&self, origin: &Origin) -> Pinned {
        let wheel = match origin {
            Origin::Url(file) => WheelName::parse(&file.name),
            Origin::File { path, .. } => path.file_name().and_then(|name| WheelName::parse(name.to_str()?)),
            _ => None,
        };
        Pinned { name: self.name.clone(), version: wheel.map(|wheel| wheel.version), origin: origin.clone() }
    }

    fn loose(&self) -> LockError {
        let error = LockError::new(&self.at, format!("`{}` names no one version", self.text));
        error.with_hint(
            "keep such requirements in requirements.in, and pin them: \
             `uv pip compile --generate-hashes requirements.in -o requirements.txt`",
        )
    }
}
