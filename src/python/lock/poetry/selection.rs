//! A parsed `poetry.lock`, and the selection of packages from it.

use std::collections::BTreeSet;

use pep440_rs::Version;

use super::constraint::Constraint;
use super::graph::Graph;
use super::package::{MAIN, Package, Packages};
use super::walk::walk;
use crate::python::lock::error::LockError;
use crate::python::lock::marker_context::MarkerContext;
use crate::python::lock::{LockOffer, LockSelection, PackageOrigin, Pinned, checks};
use crate::python::marker::{ActiveExtras, Environment};

/// A parsed `poetry.lock`, with the tables of `pyproject.toml` that it depends on.
#[derive(Clone, Debug)]
pub(in crate::python::lock) struct Poetry {
    /// The versions of Python that the file was locked for, as written and parsed.
    pub(super) python: Option<(String, Constraint)>,
    pub(super) packages: Packages,
    /// All groups except `main`.
    pub(super) groups: BTreeSet<String>,
    pub(super) group_selection: GroupSelection,
}

/// The source of the groups of packages.
#[derive(Clone, Debug)]
pub(super) enum GroupSelection {
    /// The lock file lists the groups of each package.
    Listed,
    /// A walk from `pyproject.toml` finds the packages of each group.
    Walked(Graph),
}

impl Poetry {
    pub(in crate::python::lock) fn pinned(
        &self,
        file: &str,
        context: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<Vec<Pinned>, LockError> {
        self.check_python(file, context.environment)?;
        self.check_selection(file, choice)?;
        let found = match &self.group_selection {
            GroupSelection::Walked(graph) => walk(graph, file, &self.packages, context, choice)?,
            GroupSelection::Listed => {
                let chosen =
                    ActiveExtras { extras: choice.extras.iter().cloned().collect(), ..ActiveExtras::default() };
                let wanted = |package: &Package| {
                    package.groups.iter().any(|(group, marker)| {
                        (group == MAIN || choice.groups.contains(group))
                            && context.holds(&package.name, marker.as_ref(), &chosen)
                    })
                };
                (0..self.packages.list.len()).filter(|at| wanted(&self.packages.list[*at])).collect()
            }
        };
        let pinned = |at: usize| {
            let Package { name, version, origin, .. } = &self.packages.list[at];
            Pinned { name: name.clone(), version: Some(version.clone()), origin: origin.clone() }
        };
        Ok(found.into_iter().map(pinned).collect())
    }

    pub(in crate::python::lock) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        self.packages.list.iter_mut().map(|package| (package.name.as_str(), &mut package.origin))
    }

    pub(in crate::python::lock) fn offer(&self) -> LockOffer {
        LockOffer {
            names: self.packages.list.iter().map(|package| package.name.clone()).collect(),
            groups: self.groups.iter().cloned().collect(),
            extras: self.packages.extras.keys().cloned().collect(),
        }
    }

    pub(in crate::python::lock) fn unhashed(&self) -> BTreeSet<String> {
        let bare = |package: &&Package| package.origin.is_unhashed();
        self.packages.list.iter().filter(bare).map(|package| package.name.clone()).collect()
    }

    /// Returns an error for a Python that the file was not locked for.
    fn check_python(&self, file: &str, environment: &Environment) -> Result<(), LockError> {
        let Some((requires, constraint)) = &self.python else { return Ok(()) };
        let full = &environment.python_full_version;
        if full.parse().is_ok_and(|version: Version| constraint.allows(&version.only_release())) {
            return Ok(());
        }
        let instead = "change the project's and `poetry lock`".to_owned();
        Err(LockError::excluded(file, requires, full, Some(instead)))
    }

    /// Returns an error for a member, extra or group that does not exist.
    fn check_selection(&self, file: &str, choice: &LockSelection) -> Result<(), LockError> {
        if let Some(member) = &choice.member {
            return Err(checks::unknown(file, "member", member, std::iter::empty()));
        }
        if let Some(extra) = choice.extras.iter().find(|extra| !self.packages.extras.contains_key(*extra)) {
            return Err(checks::unknown(file, "extra", extra, self.packages.extras.keys().map(String::as_str)));
        }
        if let Some(group) = choice.groups.iter().find(|group| !self.groups.contains(*group)) {
            return Err(checks::unknown(file, "group", group, self.groups.iter().map(String::as_str)));
        }
        Ok(())
    }
}
