//! `poetry.lock`: packages for all platforms and groups.
//!
//! Source: Poetry's documentation ("Dependency specification", "Managing dependencies")
//! and the files that Poetry 1.1, 1.8 and 2 write. Since lock-version 2.1 each package
//! has its groups and markers; before that the graph is walked from `pyproject.toml`
//! ([`graph`]). Files have names and hashes, and no URLs.

mod constraint;
mod file;
mod graph;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;

use super::error::LockError;
use super::marker_context::MarkerContext;
use super::pyproject::Pyproject;
use super::{LockSelection, PackageOrigin, Pinned, entry};
use crate::python::marker::{ActiveExtras, Environment, Marker};
use constraint::Constraint;
use graph::Graph;

/// The group that a project's own dependencies are in.
const MAIN: &str = "main";

/// A `poetry.lock`, with what of the project it needs.
#[derive(Clone, Debug)]
pub(super) struct Poetry {
    /// Versions of Python that it was locked for, as written and as read.
    python: Option<(String, Constraint)>,
    packages: Vec<Package>,
    /// The project's extras with the names that each brings.
    extras: BTreeMap<String, BTreeSet<String>>,
    /// All groups but `main`.
    groups: BTreeSet<String>,
    group_selection: GroupSelection,
}

/// How it is known which packages a group gets.
#[derive(Clone, Debug)]
enum GroupSelection {
    /// Each package says it.
    Told,
    Walked(Graph),
}

#[derive(Clone, Debug)]
struct Package {
    name: String,
    version: Version,
    origin: PackageOrigin,
    /// The groups that it is in, each with the marker that it needs there.
    groups: BTreeMap<String, Option<Marker>>,
    python: Option<Constraint>,
}

impl Poetry {
    pub(super) fn parse(file: &str, text: &str, project: &Pyproject) -> Result<Self, LockError> {
        file::read(file, text, project)
    }

    pub(super) fn pinned(
        &self,
        file: &str,
        context: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<Vec<Pinned>, LockError> {
        self.admit(file, context.environment)?;
        self.know(file, choice)?;
        let found = match &self.group_selection {
            GroupSelection::Walked(graph) => graph.walk(file, self, context, choice)?,
            GroupSelection::Told => {
                let chosen =
                    ActiveExtras { extras: choice.extras.iter().cloned().collect(), ..ActiveExtras::default() };
                let wanted = |package: &Package| {
                    package.groups.iter().any(|(group, marker)| {
                        (group == MAIN || choice.groups.contains(group))
                            && context.holds(&package.name, marker.as_ref(), &chosen)
                    })
                };
                (0..self.packages.len()).filter(|at| wanted(&self.packages[*at])).collect()
            }
        };
        let pinned = |at: usize| {
            let Package { name, version, origin, .. } = &self.packages[at];
            Pinned { name: name.clone(), version: Some(version.clone()), origin: origin.clone() }
        };
        Ok(found.into_iter().map(pinned).collect())
    }

    pub(super) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        self.packages.iter_mut().map(|package| (package.name.as_str(), &mut package.origin))
    }

    pub(super) fn unhashed(&self) -> BTreeSet<String> {
        let bare = |package: &&Package| package.origin.is_unhashed();
        self.packages.iter().filter(bare).map(|package| package.name.clone()).collect()
    }

    /// Refuses a Python that the file was not locked for.
    fn admit(&self, file: &str, environment: &Environment) -> Result<(), LockError> {
        let Some((requires, constraint)) = &self.python else { return Ok(()) };
        let full = &environment.python_full_version;
        if full.parse().is_ok_and(|version: Version| constraint.allows(&version.only_release())) {
            return Ok(());
        }
        let hint = "choose another `python`, or change the project's and `poetry lock`";
        Err(entry::excluded(file, requires, environment, hint))
    }

    /// Refuses what was chosen and is not there.
    fn know(&self, file: &str, choice: &LockSelection) -> Result<(), LockError> {
        if let Some(member) = &choice.member {
            return Err(entry::unknown(file, "member", member, std::iter::empty()));
        }
        if let Some(extra) = choice.extras.iter().find(|extra| !self.extras.contains_key(*extra)) {
            return Err(entry::unknown(file, "extra", extra, self.extras.keys().map(String::as_str)));
        }
        if let Some(group) = choice.groups.iter().find(|group| !self.groups.contains(*group)) {
            return Err(entry::unknown(file, "group", group, self.groups.iter().map(String::as_str)));
        }
        Ok(())
    }
}
