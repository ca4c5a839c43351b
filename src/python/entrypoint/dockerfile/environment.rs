//! The variables of `ENV` that the image takes over from the last stage.

use std::collections::BTreeMap;

use super::super::{Query, Unset};
use super::paths::of_project;
use super::stage::{Stage, below, joined};

/// The beginnings of names that configure a build: installers, package managers, compilers.
const BUILD: [&str; 18] = [
    "APT_",
    "BUILD_",
    "CARGO_",
    "CONDA_",
    "DEBCONF_",
    "DEBIAN_",
    "HATCH_",
    "MAMBA_",
    "PDM_",
    "PIPENV_",
    "PIPX_",
    "PIP_",
    "POETRY_",
    "PYENV_",
    "RUSTUP_",
    "RYE_",
    "SETUPTOOLS_",
    "UV_",
];
/// Names that describe the Docker image itself: its programs, libraries, account and Python.
const OF_IMAGE: [&str; 10] = [
    "GPG_KEY",
    "HOME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PATH",
    "PYTHONHOME",
    "PYTHON_SHA256",
    "PYTHON_VERSION",
    "USER",
    "VIRTUAL_ENV",
];
/// The locales that every image of carboy has.
const LOCALES: [&str; 5] = ["C", "C.UTF-8", "C.utf8", "POSIX", ""];

/// The variables of `ENV`.
pub(super) struct Environment {
    pub set: BTreeMap<String, String>,
    pub unset: Vec<Unset>,
}

impl Environment {
    /// Reads the variables of a stage. Paths below which the stage copies the project lead to the
    /// same files in the image; `folder` is the working directory in the project.
    pub(super) fn of(query: &Query<'_>, stage: &Stage, folder: &str) -> Self {
        let folders = folders(query, stage, folder);
        let mut out = Self { set: BTreeMap::new(), unset: Vec::new() };
        for (name, value) in stage.variables.env().filter(|(name, _)| is_for_the_program(name)) {
            match &value.unknown {
                Some(part) => out.unset.push(Unset { name: name.to_owned(), part: part.clone() }),
                None if is_locale(name) && !LOCALES.contains(&value.text.as_str()) => {}
                None => {
                    let parts = value.text.split(':').map(|part| in_image(query, stage, &folders, part));
                    out.set.insert(name.to_owned(), parts.collect::<Vec<_>>().join(":"));
                }
            }
        }
        out
    }
}

fn is_for_the_program(name: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_valid = name.starts_with(|c: char| is_name(c) && !c.is_ascii_digit()) && name.chars().all(is_name);
    is_valid && !OF_IMAGE.contains(&name) && !BUILD.iter().any(|start| name.starts_with(start))
}

fn is_locale(name: &str) -> bool {
    name == "LANG" || name == "LANGUAGE" || name.starts_with("LC_")
}

/// Returns directories of the Docker image, and the directories of the project that are there.
fn folders(query: &Query<'_>, stage: &Stage, folder: &str) -> Vec<(String, String)> {
    let places =
        stage.copies.iter().rev().flat_map(|one| one.sources.iter().map(|source| (one.to.clone(), source.clone())));
    let directories = places.filter(|(_, source)| !query.has(source) && !source.contains(['*', '?', '[']));
    let all = directories.chain([(stage.workdir.clone(), folder.to_owned())]);
    all.filter(|(to, _)| !to.trim_end_matches('/').is_empty()).collect()
}

/// Returns a path of a value as the image has it.
fn in_image(query: &Query<'_>, stage: &Stage, folders: &[(String, String)], part: &str) -> String {
    if part.trim_start_matches('/').is_empty() || !part.starts_with('/') {
        return part.to_owned();
    }
    let moved = || {
        let place = |(to, source): &(String, String)| Some(joined(&format!("/{source}"), below(part, to)?));
        folders.iter().find_map(place)
    };
    let end = if part.len() > 1 && part.ends_with('/') { "/" } else { "" };
    match of_project(query, &stage.copies, part.trim_end_matches('/')).or_else(moved) {
        Some(file) => format!("{}{end}", joined(query.folder, file.trim_start_matches('/'))),
        None => part.to_owned(),
    }
}
