//! The graph of packages in a `poetry.lock` before lock-version 2.1, with the dependencies in
//! `pyproject.toml` as its roots.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::constraint::Constraint;
use super::package::MAIN;
use super::tables::{Table, requirement_name};
use crate::python::lock::checks;
use crate::python::lock::error::LockError;
use crate::python::lock::pyproject::Pyproject;
use crate::python::marker::Marker;
use crate::python::normalised;

/// The largest number of packages of one name.
const FORKS: usize = 100;

/// The name of the file with the roots, for errors.
const PROJECT: &str = "pyproject.toml";

/// The packages with their dependencies.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    /// The dependencies of the project, by group.
    pub roots: BTreeMap<String, Vec<Edge>>,
    /// The packages, in the order of the lock file.
    pub nodes: Vec<Node>,
    pub by_name: BTreeMap<String, Vec<usize>>,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub dependencies: Vec<Edge>,
    /// The extras, with the names of the packages that each adds.
    pub extras: BTreeMap<String, BTreeSet<String>>,
}

/// A dependency on one of the packages of a name.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub name: String,
    pub extras: Vec<String>,
    /// Whether only an extra adds the dependency.
    pub optional: bool,
    /// The allowed versions; `None` for any version, and for a constraint that carboy cannot parse.
    pub versions: Option<Constraint>,
    pub python: Option<Constraint>,
    pub platforms: Vec<String>,
    pub marker: Option<Marker>,
}

impl Graph {
    /// Builds the graph from the tables of both files.
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
            let extras = extras
                .map(|(extra, names)| (normalised(extra), names.iter().map(|name| requirement_name(name)).collect()));
            nodes.push(Node { dependencies, extras: extras.collect() });
            let same = by_name.entry(name).or_default();
            same.push(at);
            if same.len() > FORKS {
                return Err(LockError::new(file, format!("has more than {FORKS} packages `{}`", table.name)));
            }
        }
        Ok(Self { roots, nodes, by_name })
    }

    /// Returns the groups of the project.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        self.roots.keys().cloned().collect()
    }
}

/// Parses a table of dependencies. The value of a key is a constraint, a table, or a list of these.
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

/// Parses a dependency.
fn edge(at: &str, name: &str, value: &Value) -> Result<Edge, LockError> {
    let bad = |problem: &str| LockError::new(at, format!("`{name}` has {problem}"));
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let versions = value.as_str().or(text("version")).and_then(Constraint::parse);
    if !value.is_str() && !value.is_table() {
        return Err(bad("neither a constraint nor a table"));
    }
    let python = text("python").map(|text| Constraint::of_python(text).ok_or_else(|| bad("an unknown `python`")));
    let marker = text("markers").filter(|text| !text.trim().is_empty()).map(|text| checks::parse_marker(at, text));
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
