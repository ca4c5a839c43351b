//! Parses a `poetry.lock`.

use std::collections::BTreeMap;

use super::constraint::Constraint;
use super::graph::Graph;
use super::package::{MAIN, Packages};
use super::selection::{GroupSelection, Poetry};
use super::tables::{File, requirement_name};
use crate::python::lock::error::LockError;
use crate::python::lock::pyproject::Pyproject;
use crate::python::normalised;

/// Parses the text of a `poetry.lock`.
pub(in crate::python::lock) fn read(file: &str, text: &str, project: &Pyproject) -> Result<Poetry, LockError> {
    let tables: File = toml::from_str(text).map_err(|error| LockError::toml(file, text, &error))?;
    let version = tables.metadata.lock_version.as_deref().unwrap_or("1.0");
    if !(version.starts_with("1.") || version.starts_with("2.")) {
        let error = LockError::new(file, format!("has lock-version {version}, and only 1.x and 2.x are read"));
        return Err(error.with_hint("lock with a Poetry that writes lock-version 2.1"));
    }
    let names: Vec<_> = tables.package.iter().map(|table| normalised(&table.name)).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        *count.entry(name).or_default() += 1;
    }
    let archives: BTreeMap<_, _> =
        tables.metadata.files.iter().map(|(name, files)| (normalised(name), files)).collect();
    let mut packages = Vec::new();
    for (table, name) in tables.package.iter().zip(&names) {
        let files = table.files.as_ref().or(archives.get(name).copied());
        let shared = table.files.is_none() && count.get(name.as_str()).is_some_and(|count| *count > 1);
        packages.push(table.package(file, files.map_or(&[], Vec::as_slice), shared)?);
    }
    // Either all packages have groups or none has.
    let listed =
        tables.package.iter().all(|table| table.groups.is_some()) && version != "2.0" && !version.starts_with("1.");
    let (group_selection, mut groups) = if listed {
        let groups = packages.iter().flat_map(|package| package.groups.keys().cloned()).collect();
        (GroupSelection::Listed, groups)
    } else {
        let graph = Graph::new(file, &tables.package, project)?;
        let groups = graph.groups();
        (GroupSelection::Walked(graph), groups)
    };
    let groups_of_project = project.poetry().into_iter().flat_map(|poetry| poetry.group.keys());
    groups.extend(groups_of_project.map(|group| normalised(group)));
    groups.remove(MAIN);
    let declared = project.poetry().map(|poetry| &poetry.extras).filter(|_| tables.extras.is_empty());
    let extras = declared.unwrap_or(&tables.extras).iter();
    let extras =
        extras.map(|(extra, names)| (normalised(extra), names.iter().map(|name| requirement_name(name)).collect()));
    let python = tables.metadata.python_versions.map(|text| {
        let bad = LockError::new(file, format!("`{text}` is not a requirement on Python"));
        Constraint::of_python(&text).map(|constraint| (text, constraint)).ok_or(bad)
    });
    Ok(Poetry {
        python: python.transpose()?,
        packages: Packages { list: packages, extras: extras.collect() },
        groups,
        group_selection,
    })
}
