//! The lines of a requirements file, and the distributions that they select together.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::Compile;
use super::item::{Item, PinnedBy};
use super::loose;
use crate::diagnostic::Diagnostic;
use crate::python::lock::error::LockError;
use crate::python::lock::marker_context::MarkerContext;
use crate::python::lock::{LockOffer, LockSelection, PackageOrigin, Pinned};
use crate::python::marker::ActiveExtras;

/// A requirements file with all files that it includes.
#[derive(Clone, Debug)]
pub(in crate::python::lock) struct Requirements {
    pub(super) items: Vec<Item>,
    pub(super) constraints: Vec<Item>,
    /// Whether each distribution must have a hash.
    pub(super) require_hashes: bool,
    /// Warnings about options that are ignored.
    pub warnings: Vec<Diagnostic>,
    pub(super) compile: Compile,
}

impl Requirements {
    pub(in crate::python::lock) fn pinned(
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
        let python = context.environment.python_version.as_str();
        let is_loose =
            |item: &&Item| together.get(item.name.as_str()).is_some_and(|all| is_first(item, all) && is_undecided(all));
        let loose: Vec<_> = self.items.iter().filter(is_loose).collect();
        if !loose.is_empty() {
            return Err(loose::error(file, &loose, &self.compile, python));
        }
        let mut out = Vec::new();
        for items in together.values() {
            out.extend(self.decided(items, python)?);
        }
        Ok(out)
    }

    /// Returns the extras that the lines ask for, by distribution.
    pub(in crate::python::lock) fn extras(&self, context: &MarkerContext<'_>) -> BTreeMap<String, BTreeSet<String>> {
        let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for item in &self.items {
            let PinnedBy::Versions(requirement) = &item.pinned_by else { continue };
            if context.holds(&item.name, item.marker.as_ref(), &ActiveExtras::default()) {
                out.entry(item.name.clone()).or_default().extend(requirement.extras.iter().cloned());
            }
        }
        out
    }

    pub(in crate::python::lock) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        self.items.iter_mut().chain(&mut self.constraints).filter_map(|item| match &mut item.pinned_by {
            PinnedBy::Reference(origin) => Some((item.at.as_str(), origin)),
            PinnedBy::Versions(_) => None,
        })
    }

    pub(in crate::python::lock) fn offer(&self) -> LockOffer {
        LockOffer { names: self.items.iter().map(|item| item.name.clone()).collect(), ..LockOffer::default() }
    }

    /// Returns the command that locks the requirements again, with the setting that it needs.
    pub(in crate::python::lock) fn compile_hint(&self, python: Option<&str>) -> String {
        self.compile.hint(python)
    }

    pub(in crate::python::lock) fn unhashed(&self) -> BTreeSet<String> {
        let all = || self.items.iter().chain(&self.constraints);
        let hashed: BTreeSet<_> =
            all().filter(|item| !item.is_unhashed()).map(|item| (&item.name, &item.marker)).collect();
        // The hash of a line with another marker may be only for other platforms. A line
        // without an exact version belongs to the line that has one.
        let names: BTreeSet<_> = hashed.iter().map(|(name, _)| *name).collect();
        let is_hashed = |item: &&Item| {
            let same = hashed.contains(&(&item.name, &None)) || hashed.contains(&(&item.name, &item.marker));
            same || (!item.is_exact() && names.contains(&item.name))
        };
        self.items.iter().filter(|item| !is_hashed(item)).map(|item| item.name.clone()).collect()
    }

    /// Returns the distributions that all lines about one name select together.
    fn decided(&self, items: &[&Item], python: &str) -> Result<Vec<Pinned>, LockError> {
        let references: Vec<_> = items.iter().filter_map(|item| item.reference()).collect();
        let out = if references.is_empty() { exact(items)?.into_iter().collect() } else { references };
        if self.require_hashes && out.iter().any(|one| one.origin.is_unhashed()) {
            let cause = format!("{} has no hash, and `--require-hashes` asks for one", items[0].text);
            return Err(LockError::new(&items[0].at, cause).with_hint(self.compile.hint(Some(python))));
        }
        Ok(out)
    }
}

/// Returns whether an item is the first of several.
fn is_first(item: &Item, all: &[&Item]) -> bool {
    all.first().is_some_and(|first| std::ptr::eq(*first, item))
}

/// Returns whether none of the lines about one name selects a version.
fn is_undecided(items: &[&Item]) -> bool {
    !items.iter().any(|item| item.is_exact())
}

/// Returns the version that one line names and all lines allow; `None` if no line names one.
fn exact(items: &[&Item]) -> Result<Option<Pinned>, LockError> {
    let versions = |item: &Item| match &item.pinned_by {
        PinnedBy::Versions(requirement) => requirement.exact().cloned(),
        PinnedBy::Reference(_) => None,
    };
    let Some((first, version)) = items.iter().find_map(|item| Some((*item, versions(item)?))) else { return Ok(None) };
    let allows =
        |item: &Item| matches!(&item.pinned_by, PinnedBy::Versions(requirement) if requirement.allows(&version));
    if let Some(other) = items.iter().find(|item| !allows(item)) {
        let cause = format!("{} is not {version}, which {} asks for", other.text, first.at);
        return Err(LockError::new(&other.at, cause).with_hint("keep one of the lines"));
    }
    let hashes: BTreeSet<_> = items.iter().flat_map(|item| &item.hashes).cloned().collect();
    let origin = PackageOrigin::Index { index: None, files: Vec::new(), hashes: hashes.into_iter().collect() };
    Ok(Some(Pinned { name: first.name.clone(), version: Some(version), origin }))
}
