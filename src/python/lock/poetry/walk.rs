//! The walk through the packages of a `poetry.lock` before lock-version 2.1, from the
//! dependencies in `pyproject.toml`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::graph::{Edge, Graph, Node};
use super::package::{MAIN, Package, Packages};
use crate::python::lock::LockSelection;
use crate::python::lock::error::LockError;
use crate::python::lock::marker_context::MarkerContext;
use crate::python::marker::ActiveExtras;

/// The largest number of extras of one package.
const EXTRAS: usize = 100;
/// The largest number of walks.
const ROUNDS: usize = 20;
/// The largest number of comparisons in all walks: some tens of times the number that large lock
/// files need.
const WORK: usize = 500_000;

/// Returns the packages of a platform, as indexes into the lock file.
///
/// A name gets one version: the newest that all dependencies on it allow. These dependencies
/// depend in turn on the selected versions, so the walk is repeated until its result equals its
/// assumption.
pub(super) fn walk(
    graph: &Graph,
    file: &str,
    packages: &Packages,
    context: &MarkerContext<'_>,
    choice: &LockSelection,
) -> Result<BTreeSet<usize>, LockError> {
    let python = context.environment.python_full_version.parse().ok();
    let applies = |package: &Package| {
        package.python.as_ref().zip(python.as_ref()).is_none_or(|(allowed, python)| allowed.allows(python))
    };
    let applies = packages.list.iter().map(applies).collect();
    let mut walk = Walk { graph, file, packages, applies, context, choice, assumed: BTreeMap::new(), left: WORK };
    for _ in 0..ROUNDS {
        let found = walk.round()?;
        let newest = walk.newest(&found)?;
        // If no version satisfies all dependencies, the caller reports the versions of each.
        let settled = |(found, newest): (&Selected<'_>, &Option<usize>)| {
            newest.is_none_or(|newest| found.packages.iter().eq([&newest]))
        };
        if found.values().zip(newest.values()).all(settled) {
            return Ok(found.into_values().flat_map(|found| found.packages).collect());
        }
        walk.assumed = newest.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
    }
    Err(LockError::new(file, "has versions that depend on one another")
        .with_hint("`poetry lock` with Poetry 2 or later"))
}

/// The state of a walk.
struct Walk<'w> {
    graph: &'w Graph,
    file: &'w str,
    packages: &'w Packages,
    /// Whether each package supports this version of Python.
    applies: Vec<bool>,
    /// The environment of the markers.
    context: &'w MarkerContext<'w>,
    choice: &'w LockSelection,
    /// The assumed package of each name that has several.
    assumed: BTreeMap<&'w str, usize>,
    /// The remaining number of comparisons.
    left: usize,
}

/// The dependencies on one name, and the packages that they select.
#[derive(Default)]
struct Selected<'w> {
    edges: Vec<&'w Edge>,
    packages: BTreeSet<usize>,
}

impl<'w> Walk<'w> {
    /// Walks once, with the assumed packages.
    fn round(&mut self) -> Result<BTreeMap<&'w str, Selected<'w>>, LockError> {
        let Self { graph, file, packages, context, choice, .. } = *self;
        let brought: BTreeSet<_> =
            choice.extras.iter().filter_map(|extra| packages.extras.get(extra)).flatten().collect();
        let chosen = ActiveExtras { extras: choice.extras.iter().cloned().collect(), ..ActiveExtras::default() };
        let mut queue = VecDeque::new();
        for group in [MAIN].into_iter().chain(choice.groups.iter().map(String::as_str)) {
            for edge in graph.roots.get(group).into_iter().flatten() {
                if (!edge.optional || brought.contains(&edge.name)) && holds(edge, context, &chosen) {
                    queue.push_back(edge);
                }
            }
        }
        let mut out: BTreeMap<&str, Selected<'w>> = BTreeMap::new();
        // A package is visited again if a dependency activates more of its extras.
        let mut seen: BTreeMap<usize, ActiveExtras> = BTreeMap::new();
        while let Some(edge) = queue.pop_front() {
            let at = self.target(edge)?;
            let found = out.entry(&edge.name).or_default();
            found.edges.push(edge);
            found.packages.insert(at);
            let known = seen.contains_key(&at);
            let active = seen.entry(at).or_default();
            let before = active.extras.len();
            active.extras.extend(edge.extras.iter().cloned());
            if known && active.extras.len() == before {
                continue;
            }
            if active.extras.len() > EXTRAS {
                return Err(LockError::new(file, format!("asks for more than {EXTRAS} extras of `{}`", edge.name)));
            }
            let Node { dependencies, extras } = &graph.nodes[at];
            self.spend(dependencies.len())?;
            let brought: BTreeSet<_> = active.extras.iter().filter_map(|extra| extras.get(extra)).flatten().collect();
            let next = dependencies
                .iter()
                .filter(|edge| (!edge.optional || brought.contains(&edge.name)) && holds(edge, context, active));
            queue.extend(next);
        }
        Ok(out)
    }

    /// Returns the package that a dependency selects: the assumed one, or else the newest that it
    /// allows, because the resolver prefers newer versions.
    fn target(&mut self, edge: &'w Edge) -> Result<usize, LockError> {
        if let Some(at) = self.assumed.get(edge.name.as_str()) {
            return Ok(*at);
        }
        let newest = self.newest_of(&[edge])?;
        let missing = || format!("`{}` is needed, and no version that fits is locked", edge.name);
        newest.ok_or_else(|| LockError::new(self.file, missing()).with_hint("`poetry lock`"))
    }

    /// Returns for each name the newest package that all dependencies on it allow; `None` if no
    /// package satisfies all of them.
    fn newest(
        &mut self,
        found: &BTreeMap<&'w str, Selected<'w>>,
    ) -> Result<BTreeMap<&'w str, Option<usize>>, LockError> {
        found.iter().map(|(name, found)| Ok((*name, self.newest_of(&found.edges)?))).collect()
    }

    /// Returns the newest package that all of the dependencies on one name allow.
    fn newest_of(&mut self, edges: &[&Edge]) -> Result<Option<usize>, LockError> {
        let name = edges.first().map(|edge| edge.name.as_str()).unwrap_or_default();
        let named = self.graph.by_name.get(name).map_or(&[][..], Vec::as_slice);
        if let [one] = named {
            return Ok(Some(*one));
        }
        let versions = || edges.iter().filter_map(|edge| edge.versions.as_ref());
        self.spend(named.len() * versions().map(|versions| 1 + versions.len()).sum::<usize>())?;
        let fits = |at: &&usize| {
            let version = &self.packages.list[**at].version;
            self.applies[**at] && versions().all(|versions| versions.allows(version))
        };
        Ok(named.iter().filter(fits).max_by_key(|at| &self.packages.list[**at].version).copied())
    }

    /// Counts comparisons, up to the limit.
    fn spend(&mut self, work: usize) -> Result<(), LockError> {
        let many = || LockError::new(self.file, "has too many dependencies on names with several versions");
        self.left = self.left.checked_sub(work).ok_or_else(many)?;
        Ok(())
    }
}

/// Returns whether a dependency applies to an environment with these extras.
fn holds(edge: &Edge, context: &MarkerContext<'_>, chosen: &ActiveExtras) -> bool {
    let python = context.environment.python_full_version.parse().ok();
    let version = edge.python.as_ref().zip(python.as_ref()).is_none_or(|(allowed, python)| allowed.allows(python));
    version
        && (edge.platforms.is_empty() || edge.platforms.iter().any(|platform| platform == "linux"))
        && context.holds(&edge.name, edge.marker.as_ref(), chosen)
}
