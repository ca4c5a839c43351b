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
use super::marker_context::MarkerContext;
use super::pyproject::Pyproject;
use super::{Hash, LockInput, LockSelection, PackageOrigin, Pinned, Sources};
use crate::diagnostic::Diagnostic;
use crate::python::marker::{ActiveExtras, Marker};
use crate::python::requirement::Requirement;

/// What makes a requirements file whose versions are exact.
const PIN: &str = "uv pip compile --generate-hashes requirements.in -o requirements.txt";

/// A requirements file with all that it includes.
#[derive(Clone, Debug)]
pub(super) struct Requirements {
    items: Vec<Item>,
    constraints: Vec<Item>,
    /// Whether it asks that each distribution has a hash.
    require_hashes: bool,
    /// What is not followed, each a sentence.
    pub(super) warnings: Vec<Diagnostic>,
}

/// One line about a distribution.
#[derive(Clone, Debug)]
struct Item {
    /// File and line.
    at: String,
    /// As written, without options.
    text: String,
    name: String,
    wanted: PinnedBy,
    marker: Option<Marker>,
    hashes: Vec<Hash>,
}

#[derive(Clone, Debug)]
enum PinnedBy {
    /// Some or one of the versions that an index has.
    Versions(Requirement),
    /// A URL, a path, a repository.
    Reference(PackageOrigin),
}

impl Requirements {
    pub(super) fn parse(
        input: &mut LockInput<'_>,
        project: &Pyproject,
        sources: &mut Sources,
    ) -> Result<Self, LockError> {
        read::read(input, project, sources)
    }

    pub(super) fn pinned(
        &self,
        file: &str,
        context: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<Vec<Pinned>, LockError> {
        let chosen = [("extras", !choice.extras.is_empty()), ("groups", !choice.groups.is_empty())];
        let chosen = chosen.into_iter().chain([("workspace members", choice.member.is_some())]);
        if let Some((kind, _)) = chosen.into_iter().find(|(_, chosen)| *chosen) {
            let error = LockError::new(file, format!("has no {kind} to choose"));
            return Err(error
                .with_hint("choose them when the file is made: `uv export --extra NAME --group NAME --package NAME`"));
        }
        let wanted = |item: &&Item| context.holds(&item.name, item.marker.as_ref(), &ActiveExtras::default());
        let mut together: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        for item in self.items.iter().filter(wanted) {
            together.entry(&item.name).or_default().push(item);
        }
        for item in self.constraints.iter().filter(wanted) {
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

    pub(super) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        self.items.iter_mut().chain(&mut self.constraints).filter_map(|item| match &mut item.wanted {
            PinnedBy::Reference(origin) => Some((item.at.as_str(), origin)),
            PinnedBy::Versions(_) => None,
        })
    }

    pub(super) fn unhashed(&self) -> BTreeSet<String> {
        let all = || self.items.iter().chain(&self.constraints);
        let hashed: BTreeSet<_> = all().filter(|item| !item.is_bare()).map(|item| (&item.name, &item.marker)).collect();
        // The hash of a line with another marker may be for other platforms only. A line
        // that names no version goes with whichever line does.
        let names: BTreeSet<_> = hashed.iter().map(|(name, _)| *name).collect();
        let is_hashed = |item: &&Item| {
            let same = hashed.contains(&(&item.name, &None)) || hashed.contains(&(&item.name, &item.marker));
            same || (!item.is_exact() && names.contains(&item.name))
        };
        self.items.iter().filter(|item| !is_hashed(item)).map(|item| item.name.clone()).collect()
    }

    /// What all lines about one distribution come to.
    fn decided(&self, items: &[&Item]) -> Result<Vec<Pinned>, LockError> {
        let policy: Vec<_> = items.iter().filter_map(|item| item.at_place()).collect();
        let out = if policy.is_empty() { vec![exact(items)?] } else { policy };
        if self.require_hashes && out.iter().any(|one| one.origin.is_unhashed()) {
            let cause = format!("{} has no hash, and `--require-hashes` asks for one", items[0].text);
            return Err(LockError::new(&items[0].at, cause).with_hint(format!("`{PIN}`")));
        }
        Ok(out)
    }
}

/// The one version that all lines allow and one asks for.
fn exact(items: &[&Item]) -> Result<Pinned, LockError> {
    let versions = |item: &Item| match &item.wanted {
        PinnedBy::Versions(requirement) => requirement.exact().cloned(),
        PinnedBy::Reference(_) => None,
    };
    let Some((first, version)) = items.iter().find_map(|item| Some((*item, versions(item)?))) else {
        let error = LockError::new(&items[0].at, format!("{} names no one version", items[0].text));
        return Err(error.with_hint(format!("keep such requirements in requirements.in, and pin them: `{PIN}`")));
    };
    let allows = |item: &Item| matches!(&item.wanted, PinnedBy::Versions(requirement) if requirement.allows(&version));
    if let Some(other) = items.iter().find(|item| !allows(item)) {
        let cause = format!("{} is not {version}, which {} asks for", other.text, first.at);
        return Err(LockError::new(&other.at, cause).with_hint("keep one of the lines"));
    }
    let hashes: BTreeSet<_> = items.iter().flat_map(|item| &item.hashes).cloned().collect();
    let origin = PackageOrigin::Index { index: None, files: Vec::new(), hashes: hashes.into_iter().collect() };
    Ok(Pinned { name: first.name.clone(), version: Some(version), origin })
}

impl Item {
    /// Whether it tells by itself which distribution is taken.
    fn is_exact(&self) -> bool {
        match &self.wanted {
            PinnedBy::Versions(requirement) => requirement.exact().is_some(),
            PinnedBy::Reference(_) => true,
        }
    }

    fn is_bare(&self) -> bool {
        match &self.wanted {
            PinnedBy::Versions(_) => self.hashes.is_empty(),
            PinnedBy::Reference(origin) => origin.is_unhashed(),
        }
    }

    fn at_place(&self) -> Option<Pinned> {
        let PinnedBy::Reference(origin) = &self.wanted else { return None };
        Some(Pinned { name: self.name.clone(), version: origin.version(), origin: origin.clone() })
    }
}
