//! The walk through a `uv.lock` from the project to its dependencies.
//!
//! In a lock file with conflicts, markers refer to the active extras and groups of packages as
//! extras with long names: `extra-4-shop-gpu` is the extra `gpu` of `shop` (the number is the
//! length of the name), `group-4-shop-dev` a group, `project-4-shop` the package itself. As in uv,
//! the graph is then walked twice: first to find the active names, then to collect the packages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::graph::{Conflict, Edge, Package, Uv};
use crate::python::lock::error::LockError;
use crate::python::lock::marker_context::MarkerContext;
use crate::python::lock::{LockSelection, checks};
use crate::python::marker::ActiveExtras;

/// A package, alone or with one of its extras.
type Stop<'u> = (usize, Option<&'u str>);

pub(super) struct Walk<'u> {
    lock: &'u Uv,
    file: &'u str,
    context: &'u MarkerContext<'u>,
    /// The names that markers compare with `extra`.
    active: ActiveExtras,
    /// The packages to visit.
    queue: VecDeque<Stop<'u>>,
    seen: BTreeSet<Stop<'u>>,
}

impl<'u> Walk<'u> {
    /// Starts a walk at the project, with its selected extras and groups.
    pub(super) fn new(
        lock: &'u Uv,
        file: &'u str,
        context: &'u MarkerContext<'u>,
        root: Option<usize>,
        choice: &'u LockSelection,
    ) -> Result<Self, LockError> {
        let (active, queue) = (ActiveExtras::default(), VecDeque::new());
        let mut walk = Self { lock, file, context, active, queue, seen: BTreeSet::new() };
        let root = root.map(|at| (at, &lock.packages[at]));
        walk.activate(root.map(|(_, package)| package), choice)?;
        if let Some((at, package)) = root {
            walk.visit((at, None));
            choice.extras.iter().for_each(|extra| walk.visit((at, Some(extra))));
            for edge in choice.groups.iter().filter_map(|group| package.groups.get(group)).flatten() {
                if walk.holds(edge) {
                    walk.follow(edge);
                }
            }
        }
        let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        if !lock.groups.is_empty() {
            for (at, package) in lock.packages.iter().enumerate() {
                named.entry(&package.name).or_default().push(at);
            }
        }
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for loose in choice.groups.iter().filter_map(|group| lock.groups.get(group)).flatten() {
            if context.holds(&loose.name, loose.marker.as_ref(), &ActiveExtras::default()) {
                let to = match found.get(loose.name.as_str()) {
                    Some(to) => *to,
                    None => walk.one_of(&loose.name, named.get(loose.name.as_str()))?,
                };
                found.insert(&loose.name, to);
                walk.visit((to, None));
                loose.extras.iter().for_each(|extra| walk.visit((to, Some(extra))));
            }
        }
        Ok(walk)
    }

    /// Returns all visited packages, including the project.
    pub(super) fn run(mut self) -> Result<BTreeSet<usize>, LockError> {
        if !self.lock.conflicts.is_empty() {
            let begin = (self.queue.clone(), self.seen.clone());
            self.learn();
            self.refuse_conflicts()?;
            (self.queue, self.seen) = begin;
        }
        while let Some(stop) = self.queue.pop_front() {
            for edge in self.edges(stop) {
                if self.holds(edge) {
                    self.follow(edge);
                }
            }
        }
        Ok(self.seen.into_iter().map(|(at, _)| at).collect())
    }

    /// Activates the selected extras and groups of the project. Returns an error for one that it
    /// does not have.
    fn activate(&mut self, root: Option<&Package>, choice: &LockSelection) -> Result<(), LockError> {
        let extras: BTreeSet<_> = root.iter().flat_map(|root| root.optional.keys()).map(String::as_str).collect();
        let own = root.iter().flat_map(|root| root.groups.keys());
        let groups: BTreeSet<_> = own.chain(self.lock.groups.keys()).map(String::as_str).collect();
        if let Some(extra) = choice.extras.iter().find(|extra| !extras.contains(extra.as_str())) {
            return Err(checks::unknown(self.file, "extra", extra, extras.iter().copied()));
        }
        if let Some(group) = choice.groups.iter().find(|group| !groups.contains(group.as_str())) {
            return Err(checks::unknown(self.file, "group", group, groups.iter().copied()));
        }
        if let Some(Package { name, .. }) = root {
            self.active.extras.insert(encoded("project", name, None));
            let extras = choice.extras.iter().map(|extra| encoded("extra", name, Some(extra)));
            self.active.extras.extend(extras);
            self.active.extras.extend(choice.groups.iter().map(|group| encoded("group", name, Some(group))));
        }
        Ok(())
    }

    /// Finds the active extras and packages. The marker of a dependency is evaluated with the
    /// extras of that dependency already active.
    fn learn(&mut self) {
        while let Some(stop) = self.queue.pop_front() {
            for edge in self.edges(stop) {
                let name = &self.lock.packages[edge.to].name;
                let own = edge.extras.iter().map(|extra| encoded("extra", name, Some(extra)));
                let brought = own.chain([encoded("project", name, None)]);
                let new: Vec<_> = brought.filter(|one| self.active.extras.insert(one.clone())).collect();
                if self.holds(edge) {
                    self.follow(edge);
                } else {
                    for one in new {
                        self.active.extras.remove(&one);
                    }
                }
            }
        }
    }

    fn refuse_conflicts(&self) -> Result<(), LockError> {
        for set in &self.lock.conflicts {
            let mut both = set.iter().filter(|one| self.active.extras.contains(&one.encoded()));
            if let (Some(one), Some(other)) = (both.next(), both.next()) {
                let error = LockError::new(
                    self.file,
                    format!("{one} and {other} conflict", one = one.described(), other = other.described()),
                );
                return Err(error.with_hint("choose one of them"));
            }
        }
        Ok(())
    }

    fn edges(&self, (at, extra): Stop<'u>) -> &'u [Edge] {
        let package = &self.lock.packages[at];
        match extra {
            None => &package.dependencies,
            Some(extra) => package.optional.get(extra).map_or(&[], Vec::as_slice),
        }
    }

    fn holds(&self, edge: &Edge) -> bool {
        self.context.holds(&self.lock.packages[edge.to].name, edge.marker.as_ref(), &self.active)
    }

    fn follow(&mut self, edge: &'u Edge) {
        self.visit((edge.to, None));
        edge.extras.iter().for_each(|extra| self.visit((edge.to, Some(extra))));
    }

    fn visit(&mut self, stop: Stop<'u>) {
        if self.seen.insert(stop) {
            self.queue.push_back(stop);
        }
    }

    /// Returns the package of a name for this platform.
    fn one_of(&self, name: &str, named: Option<&Vec<usize>>) -> Result<usize, LockError> {
        let applies = |at: &usize| {
            let forks = &self.lock.packages[*at].forks;
            forks.is_empty()
                || forks.iter().any(|marker| marker.may_hold(self.context.environment, &ActiveExtras::default()))
        };
        let found: Vec<_> = named.into_iter().flatten().copied().filter(applies).collect();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(LockError::new(self.file, format!("`{name}` is not locked")).with_hint("`uv lock`")),
            _ => Err(LockError::new(self.file, format!("`{name}` is locked more than once")).with_hint("`uv lock`")),
        }
    }
}

impl Conflict {
    fn encoded(&self) -> String {
        match (&self.extra, &self.group) {
            (Some(extra), _) => encoded("extra", &self.package, Some(extra)),
            (None, Some(group)) => encoded("group", &self.package, Some(group)),
            (None, None) => encoded("project", &self.package, None),
        }
    }

    fn described(&self) -> String {
        match (&self.extra, &self.group) {
            (Some(extra), _) => format!("extra `{extra}` of `{}`", self.package),
            (None, Some(group)) => format!("group `{group}` of `{}`", self.package),
            (None, None) => format!("`{}`", self.package),
        }
    }
}

/// Returns the name of a package, extra or group in markers.
fn encoded(kind: &str, package: &str, name: Option<&String>) -> String {
    let length = package.len();
    name.map_or_else(|| format!("{kind}-{length}-{package}"), |name| format!("{kind}-{length}-{package}-{name}"))
}
