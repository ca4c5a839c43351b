//! `uv.lock`: a graph of packages for all platforms, of which one is walked.
//!
//! Source: uv's documentation ("Locking and syncing", "Conflicting dependencies") and
//! uv 0.9.10's behaviour, with which `integration/locks.rs` compares. The walk begins
//! at the project, or the member chosen. Markers in it ask for extras of other packages
//! where these conflict: see [`walk`].

mod file;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;

use super::error::LockError;
use super::marker_context::MarkerContext;
use super::pyproject::Pyproject;
use super::{Format, LockSelection, PackageOrigin, Pinned, Sources, entry};
use crate::python::marker::Marker;
use file::Conflict;

/// A `uv.lock`, its references resolved.
#[derive(Clone, Debug)]
pub(super) struct Uv {
    requires: Option<String>,
    /// Platforms that it was resolved for; none where it was for all.
    supported: Vec<Marker>,
    conflicts: Vec<Vec<Conflict>>,
    packages: Vec<Package>,
    /// The project that the lock file lies with, unless it is a workspace's alone.
    root: Option<usize>,
    /// Packages that are folders of the workspace, by name.
    members: BTreeMap<String, usize>,
    /// Groups of a workspace without a project.
    groups: BTreeMap<String, Vec<Loose>>,
}

#[derive(Clone, Debug)]
struct Package {
    name: String,
    version: Option<Version>,
    /// None for what is only there for its dependencies.
    origin: Option<PackageOrigin>,
    /// Where this is one of several of its name: which platforms it is for.
    forks: Vec<Marker>,
    dependencies: Vec<Edge>,
    optional: BTreeMap<String, Vec<Edge>>,
    groups: BTreeMap<String, Vec<Edge>>,
}

/// A dependency on one package.
#[derive(Clone, Debug)]
struct Edge {
    to: usize,
    extras: Vec<String>,
    marker: Option<Marker>,
}

/// A dependency on one of the packages of a name.
#[derive(Clone, Debug)]
struct Loose {
    name: String,
    extras: Vec<String>,
    marker: Option<Marker>,
}

impl Uv {
    pub(super) fn parse(file: &str, text: &str, project: &Pyproject, sources: &mut Sources) -> Result<Self, LockError> {
        file::read(file, text, project, sources)
    }

    pub(super) fn pinned(
        &self,
        file: &str,
        context: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<Vec<Pinned>, LockError> {
        entry::covers(file, Format::Uv, self.requires.as_deref(), &self.supported, context.environment)?;
        let root = self.start(file, choice)?;
        let found = walk::Walk::new(self, file, context, root, choice)?.run()?;
        let pinned = found.into_iter().filter(|at| Some(*at) != root).filter_map(|at| {
            let package = &self.packages[at];
            let origin = package.origin.clone()?;
            Some(Pinned { name: package.name.clone(), version: package.version.clone(), origin })
        });
        Ok(pinned.collect())
    }

    pub(super) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        self.packages.iter_mut().filter_map(|package| Some((package.name.as_str(), package.origin.as_mut()?)))
    }

    /// Names of packages that come without a hash.
    pub(super) fn unhashed(&self) -> BTreeSet<String> {
        let bare = |package: &&Package| package.origin.as_ref().is_some_and(PackageOrigin::is_unhashed);
        self.packages.iter().filter(bare).map(|package| package.name.clone()).collect()
    }

    /// Where the walk begins; nowhere in a workspace that has groups alone.
    fn start(&self, file: &str, choice: &LockSelection) -> Result<Option<usize>, LockError> {
        let members = || self.members.keys().map(String::as_str);
        if let Some(member) = &choice.member {
            let found = self.members.get(member);
            return found.copied().map(Some).ok_or_else(|| entry::unknown(file, "member", member, members()));
        }
        if self.root.is_none() && !self.members.is_empty() {
            let listed: Vec<_> = members().take(20).map(|name| format!("`{name}`")).collect();
            let error = LockError::new(file, "is a workspace's that has no project of its own");
            return Err(error.with_hint(format!("choose a member: {}", listed.join(", "))));
        }
        Ok(self.root)
    }
}
