//! Which packages a platform gets, where the lock file does not say it of each: before
//! lock-version 2.1 this takes a walk from `pyproject.toml` through the packages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use toml::Value;

use super::constraint::Constraint;
use super::file::{Table, bare};
use super::{MAIN, Poetry};
use crate::python::lock::Choice;
use crate::python::lock::error::LockError;
use crate::python::lock::project::Project;
use crate::python::marker::{Chosen, Environment, Marker};
use crate::python::normalised;

/// The most packages of one name, and the most extras of one package.
const FORKS: usize = 1000;
const EXTRAS: usize = 100;

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
    pub(super) fn new(file: &str, tables: &[Table], project: &Project) -> Result<Self, LockError> {
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
    pub(super) fn walk(
        &self,
        file: &str,
        lock: &Poetry,
        environment: &Environment,
        choice: &Choice,
    ) -> Result<BTreeSet<usize>, LockError> {
        let brought: BTreeSet<_> = choice.extras.iter().filter_map(|extra| lock.extras.get(extra)).flatten().collect();
        let chosen = Chosen { extras: choice.extras.iter().cloned().collect(), ..Chosen::default() };
        let mut queue = VecDeque::new();
        for group in [MAIN].into_iter().chain(choice.groups.iter().map(String::as_str)) {
            for edge in self.roots.get(group).into_iter().flatten() {
                if (!edge.optional || brought.contains(&edge.name)) && edge.holds(environment, &chosen) {
                    queue.push_back(edge);
                }
            }
        }
        // A package is looked at again when more of its extras are asked for.
        let mut seen: BTreeMap<usize, Chosen> = BTreeMap::new();
        while let Some(edge) = queue.pop_front() {
            let at = self.target(file, lock, environment, edge)?;
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
            let Node { dependencies, extras } = &self.nodes[at];
            let brought: BTreeSet<_> = active.extras.iter().filter_map(|extra| extras.get(extra)).flatten().collect();
            let next = dependencies
                .iter()
                .filter(|edge| (!edge.optional || brought.contains(&edge.name)) && edge.holds(environment, active));
            queue.extend(next);
        }
        Ok(seen.into_keys().collect())
    }

    /// The one package of a name that a dependency means.
    fn target(&self, file: &str, lock: &Poetry, environment: &Environment, edge: &Edge) -> Result<usize, LockError> {
        let named = self.by_name.get(&edge.name).map_or(&[][..], Vec::as_slice);
        if let [one] = named {
            return Ok(*one);
        }
        let python = environment.python_full_version.parse().ok();
        let fits = |at: &&usize| {
            let package = &lock.packages[**at];
            let here =
                package.python.as_ref().zip(python.as_ref()).is_none_or(|(allowed, python)| allowed.allows(python));
            here && edge.versions.as_ref().is_none_or(|versions| versions.allows(&package.version))
        };
        // The newest, as the resolver prefers it.
        let newest = named.iter().filter(fits).max_by_key(|at| &lock.packages[**at].version);
        let missing = || LockError::new(file, format!("`{}` is needed, and no version that fits is locked", edge.name));
        newest.copied().ok_or_else(|| missing().with_hint("`poetry lock`"))
    }
}

impl Edge {
    fn holds(&self, environment: &Environment, chosen: &Chosen) -> bool {
        let python = environment.python_full_version.parse().ok();
        let version = self.python.as_ref().zip(python.as_ref()).is_none_or(|(allowed, python)| allowed.allows(python));
        version
            && (self.platforms.is_empty() || self.platforms.iter().any(|platform| platform == "linux"))
            && self.marker.as_ref().is_none_or(|marker| marker.holds(environment, chosen))
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
    let marker = text("markers").filter(|text| !text.trim().is_empty()).map(Marker::parse);
    let extras = value.get("extras").and_then(Value::as_array).into_iter().flatten();
    let platforms = text("platform").into_iter().flat_map(|text| text.split('|'));
    Ok(Edge {
        name: name.to_owned(),
        extras: extras.filter_map(Value::as_str).map(normalised).collect(),
        optional: value.get("optional").and_then(Value::as_bool).unwrap_or(false),
        versions,
        python: python.transpose()?,
        platforms: platforms.map(str::trim).filter(|platform| !platform.is_empty()).map(str::to_owned).collect(),
        marker: marker.transpose().map_err(|error| LockError::new(at, error.to_string()))?,
    })
}
