//! The selection of packages from a `uv.lock`.

use std::collections::BTreeSet;

use super::graph::{Package, Uv};
use super::walk::Walk;
use crate::python::lock::error::LockError;
use crate::python::lock::marker_context::MarkerContext;
use crate::python::lock::{Format, LockOffer, LockSelection, PackageOrigin, Pinned, checks};

impl Uv {
    pub(in crate::python::lock) fn pinned(
        &self,
        file: &str,
        context: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<Vec<Pinned>, LockError> {
        checks::check_environment(file, Format::Uv, self.requires.as_deref(), &self.supported, context.environment)?;
        let root = self.start(file, choice)?;
        let found = Walk::new(self, file, context, root, choice)?.run()?;
        let pinned = found.into_iter().filter(|at| Some(*at) != root).filter_map(|at| {
            let package = &self.packages[at];
            let origin = package.origin.clone()?;
            Some(Pinned { name: package.name.clone(), version: package.version.clone(), origin })
        });
        Ok(pinned.collect())
    }

    pub(in crate::python::lock) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        self.packages.iter_mut().filter_map(|package| Some((package.name.as_str(), package.origin.as_mut()?)))
    }

    /// Returns the directory of a member of the workspace, relative to the lock file.
    pub(in crate::python::lock) fn member_folder(&self, file: &str, member: &str) -> Result<&str, LockError> {
        let known = || self.members.keys().map(String::as_str);
        let found = self.members.get(member).and_then(|at| self.packages[*at].folder.as_deref());
        found.ok_or_else(|| checks::unknown(file, "member", member, known()))
    }

    pub(in crate::python::lock) fn offer(&self, choice: &LockSelection) -> LockOffer {
        let member = choice.member.as_ref().and_then(|member| self.members.get(member).copied());
        let project = member.or(self.root).map(|at| &self.packages[at]);
        let own = project.into_iter().flat_map(|project| project.groups.keys());
        LockOffer {
            names: self.packages.iter().map(|package| package.name.clone()).collect(),
            groups: own.chain(self.groups.keys()).cloned().collect(),
            extras: project.into_iter().flat_map(|project| project.optional.keys()).cloned().collect(),
        }
    }

    /// Returns the names of the packages without a hash.
    pub(in crate::python::lock) fn unhashed(&self) -> BTreeSet<String> {
        let bare = |package: &&Package| package.origin.as_ref().is_some_and(PackageOrigin::is_unhashed);
        self.packages.iter().filter(bare).map(|package| package.name.clone()).collect()
    }

    /// Returns the package where the walk starts; `None` in a workspace that has only groups.
    fn start(&self, file: &str, choice: &LockSelection) -> Result<Option<usize>, LockError> {
        let members = || self.members.keys().map(String::as_str);
        if let Some(member) = &choice.member {
            let found = self.members.get(member);
            return found.copied().map(Some).ok_or_else(|| checks::unknown(file, "member", member, members()));
        }
        if self.root.is_none() && !self.members.is_empty() {
            let listed: Vec<_> = members().take(20).map(|name| format!("`{name}`")).collect();
            let error = LockError::new(file, "belongs to a workspace without a project at its root");
            return Err(error.with_hint(format!(
                "choose a member with --member, or member under [dependencies]: {}",
                listed.join(", ")
            )));
        }
        Ok(self.root)
    }
}
