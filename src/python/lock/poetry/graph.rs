//! Which packages a platform gets, where the lock file does not say it of each: before
//! lock-version 2.1 this takes a walk from `pyproject.toml` through the packages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use toml::Value;

use super::constraint::Constraint;
use super::file::{Table, bare};
use super::{MAIN, Package, Poetry};
use crate::python::lock::error::LockError;
use crate::python::lock::marker_context::MarkerContext;
use crate::python::lock::pyproject::Pyproject;
use crate::python::lock::{LockSelection, entry};
use crate::python::marker::{ActiveExtras, Marker};
use crate::python::normalised;

/// The most packages of one name, and the most extras of one package.
const FORKS: usize = 100;
const EXTRAS: usize = 100;
/// How often a walk may be repeated, and how many comparisons all of them may take: some
/// tens of times what large lock files need.
const ROUNDS: usize = 20;
const WORK: usize = 500_000;

/// For errors.
const PROJECT: &str = "pyproject.toml";

/// What the walk goes along.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    /// The project's dependencies, by group.
    roots: BTreeMap<String, Vec<Edge>>,
    /// As the lock file's packages.
    nodes: Vec<Node>,
    by_name: BTreeMap<String, Vec<usize>>,
}

#[derive(Clone, Debug)]
struct Node {
    dependencies: Vec<Edge>,
    /// Extras with the names that they bring.
    extras: BTreeMap<String, BTreeSet<String>>,
}

/// A dependency on one of the packages of a name.
#[derive(Clone, Debug)]
struct Edge {
    name: String,
    extras: Vec<String>,
    /// Taken only where an extra brings it.
    optional: bool,
    /// None where any version does, or where it is not understood.
    versions: Option<Constraint>,
    python: Option<Constraint>,
    platforms: Vec<String>,
    marker: Option<Marker>,
}

impl Graph {
    pub(super) fn new(file: &str, tables: &[Table], project: &Pyproject) -> Result<Self, LockError> {
        let Some(poetry) = project.poetry() else {
            let error = LockError::new(
                file,
                "does not say which groups its packages are in, and no pyproject.toml of Poetry does",
            );
            return Err(error.with_hint("`poetry lock` with Poetry 2 or later"));
        };
        let mut roots = BTreeMap::new();
        roots.insert(MAIN.to_owned(), edges(PROJECT, &poetry.dependencies)?);
        if !poetry.dev_dependencies.is_empty() {
            roots.insert("dev".to_owned(), edges(PROJECT, &poetry.dev_dependencies)?);
        }
        for (group, table) in &poetry.group {
            let edges = edges(PROJECT, &table.dependencies)?;
            roots.entry(normalised(group)).or_default().extend(edges);
        }
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut nodes = Vec::new();
        for (at, table) in tables.iter().enumerate() {
            let name = normalised(&table.name);
            let dependencies = edges(&format!("{file}: `{name}`"), &table.dependencies)?;
            let extras = table.extras.iter();
            let extras =
                extras.map(|(extra, names)| (normalised(extra), names.iter().map(|name| bare(name)).collect()));
            nodes.push(Node { dependencies, extras: extras.collect() });
            let same = by_name.entry(name).or_default();
            same.push(at);
            if same.len() > FORKS {
                return Err(LockError::new(file, format!("has more than {FORKS} packages `{}`", table.name)));
            }
        }
        Ok(Self { roots, nodes, by_name })
    }

    /// The groups of the project.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        self.roots.keys().cloned().collect()
    }

    /// The packages that a platform gets, as places in the lock file.
    ///
    /// A name gets one version: the newest that all dependencies on it allow. Which these
    /// are depends on the versions taken, so the walk is repeated until it finds what it
    /// assumed.
    pub(super) fn walk(
        &self,
        file: &str,
        lock: &Poetry,
        asked: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<BTreeSet<usize>, LockError> {
        let python = asked.environment.python_full_version.parse().ok();
        let applies = |package: &Package| {
            package.python.as_ref().zip(python.as_ref()).is_none_or(|(allowed, python)| allowed.allows(python))
        };
        let applies = lock.packages.iter().map(applies).collect();
        let mut walk = Walk { graph: self, file, lock, applies, asked, choice, assumed: BTreeMap::new(), left: WORK };
        for _ in 0..ROUNDS {
            let found = walk.round()?;
            let newest = walk.newest(&found)?;
            // Where no version fits all, what each dependency takes is told by the caller.
            let settled = |(found, newest): (&Found<'_>, &Option<usize>)| {
                newest.is_none_or(|newest| found.taken.iter().eq([&newest]))
            };
            if found.values().zip(newest.values()).all(settled) {
                return Ok(found.into_values().flat_map(|found| found.taken).collect());
            }
            walk.assumed = newest.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
        }
        Err(LockError::new(file, "has versions that depend on one another")
            .with_hint("`poetry lock` with Poetry 2 or later"))
    }
}

/// A walk, and what it goes by.
struct Walk<'w> {
    graph: &'w Graph,
    file: &'w str,
    lock: &'w Poetry,
    /// Whether each package is for this version of Python.
    applies: Vec<bool>,
    /// Where markers are asked.
    asked: &'w MarkerContext<'w>,
    choice: &'w LockSelection,
    /// The versions that names with several have.
    assumed: BTreeMap<&'w str, usize>,
    /// How much may still be done.
    left: usize,
}

/// What a walk finds of one name.
#[derive(Default)]
struct Found<'w> {
    edges: Vec<&'w Edge>,
    taken: BTreeSet<usize>,
}

impl<'w> Walk<'w> {
    fn round(&mut self) -> Result<BTreeMap<&'w str, Found<'w>>, LockError> {
        let Self { graph, file, lock, asked, choice, .. } = *self;
        let brought: BTreeSet<_> = choice.extras.iter().filter_map(|extra| lock.extras.get(extra)).flatten().collect();
        let chosen = ActiveExtras { extras: choice.extras.iter().cloned().collect(), ..ActiveExtras::default() };
        let mut queue = VecDeque::new();
        for group in [MAIN].into_iter().chain(choice.groups.iter().map(String::as_str)) {
            for edge in graph.roots.get(group).into_iter().flatten() {
                if (!edge.optional || brought.contains(&edge.name)) && edge.holds(asked, &chosen) {
                    queue.push_back(edge);
                }
            }
        }
        let mut out: BTreeMap<&str, Found<'w>> = BTreeMap::new();
        // A package is looked at again when more of its extras are asked for.
        let mut seen: BTreeMap<usize, ActiveExtras> = BTreeMap::new();
        while let Some(edge) = queue.pop_front() {
            let at = self.target(edge)?;
            let found = out.entry(&edge.name).or_default();
            found.edges.push(edge);
            found.taken.insert(at);
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
                .filter(|edge| (!edge.optional || brought.contains(&edge.name)) && edge.holds(asked, active));
            queue.extend(next);
        }
        Ok(out)
    }

    /// The one package of a name that a dependency means: the one assumed, or else the
    /// newest that it allows, as the resolver prefers it.
    fn target(&mut self, edge: &'w Edge) -> Result<usize, LockError> {
        if let Some(at) = self.assumed.get(edge.name.as_str()) {
            return Ok(*at);
        }
        let newest = self.newest_of(&[edge])?;
        let missing = || format!("`{}` is needed, and no version that fits is locked", edge.name);
        newest.ok_or_else(|| LockError::new(self.file, missing()).with_hint("`poetry lock`"))
    }

    /// Of each name the newest package that all dependencies on it allow; none where no
    /// package does, and each has its own.
    fn newest(&mut self, found: &BTreeMap<&'w str, Found<'w>>) -> Result<BTreeMap<&'w str, Option<usize>>, LockError> {
        found.iter().map(|(name, found)| Ok((*name, self.newest_of(&found.edges)?))).collect()
    }

    fn newest_of(&mut self, edges: &[&Edge]) -> Result<Option<usize>, LockError> {
        let name = edges.first().map(|edge| edge.name.as_str()).unwrap_or_default();
        let named = self.graph.by_name.get(name).map_or(&[][..], Vec::as_slice);
        if let [one] = named {
            return Ok(Some(*one));
        }
        let versions = || edges.iter().filter_map(|edge| edge.versions.as_ref());
        self.spend(named.len() * versions().map(|versions| 1 + versions.len()).sum::<usize>())?;
        let fits = |at: &&usize| {
            let version = &self.lock.packages[**at].version;
            self.applies[**at] && versions().all(|versions| versions.allows(version))
        };
        Ok(named.iter().filter(fits).max_by_key(|at| &self.lock.packages[**at].version).copied())
    }

    fn spend(&mut self, work: usize) -> Result<(), LockError> {
        let many = || LockError::new(self.file, "has too many dependencies on names with several versions");
        self.left = self.left.checked_sub(work).ok_or_else(many)?;
        Ok(())
    }
}

impl Edge {
    fn holds(&self, asked: &MarkerContext<'_>, chosen: &ActiveExtras) -> bool {
        let python = asked.environment.python_full_version.parse().ok();
        let version = self.python.as_ref().zip(python.as_ref()).is_none_or(|(allowed, python)| allowed.allows(python));
        version
            && (self.platforms.is_empty() || self.platforms.iter().any(|platform| platform == "linux"))
            && asked.holds(&self.name, self.marker.as_ref(), chosen)
    }
}

/// A table of dependencies; each is a constraint, a table, or several of these.
fn edges(at: &str, dependencies: &BTreeMap<String, Value>) -> Result<Vec<Edge>, LockError> {
    let mut out = Vec::new();
    for (name, value) in dependencies {
        let name = normalised(name);
        if name == "python" {
            continue;
        }
        match value {
            Value::Array(several) => {
                for one in several {
                    out.push(edge(at, &name, one)?);
                }
            }
            one => out.push(edge(at, &name, one)?),
        }
    }
    Ok(out)
}

fn edge(at: &str, name: &str, value: &Value) -> Result<Edge, LockError> {
    let bad = |what: &str| LockError::new(at, format!("`{name}` has {what}"));
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let versions = value.as_str().or(text("version")).and_then(Constraint::parse);
    if !value.is_str() && !value.is_table() {
        return Err(bad("neither a constraint nor a table"));
    }
    let python = text("python").map(|text| Constraint::of_python(text).ok_or_else(|| bad("an unknown `python`")));
    let marker = text("markers").filter(|text| !text.trim().is_empty()).map(|text| entry::marker(at, text));
    let extras = value.get("extras").and_then(Value::as_array).into_iter().flatten();
    let platforms = text("platform").into_iter().flat_map(|text| text.split('|'));
    Ok(Edge {
        name: name.to_owned(),
        extras: extras.filter_map(Value::as_str).map(normalised).collect(),
        optional: value.get("optional").and_then(Value::as_bool).unwrap_or(false),
        versions,
        python: python.transpose()?,
        platforms: platforms.map(str::trim).filter(|platform| !platform.is_empty()).map(str::to_owned).collect(),
        marker: marker.transpose()?,
    })
}
