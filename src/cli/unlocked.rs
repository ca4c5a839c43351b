//! Finds the dependencies that a project without a lock file declares.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::CliError;
use super::project_folder::ProjectFolder;
use crate::plan::{Locker, Unlocked};
use crate::python::project::{ProjectMetadata, loose};
use crate::python::requirement::Requirement;

/// A file with loose requirements, as pip-compile and uv read it.
const REQUIREMENTS: &str = "requirements.in";
/// Files in a directory of requirements files that list what an application needs when it runs.
const LISTS: [&str; 6] = [
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
    "requirements/main.txt",
    "requirements/common.txt",
    "requirements/requirements.txt",
];

/// Returns the dependencies of the first file that declares any.
///
/// # Errors
/// A file of the project cannot be read, or is outside of it.
pub fn find(folder: &ProjectFolder) -> Result<Option<Unlocked>, CliError> {
    if let Some(found) = folder.project.as_ref().and_then(of_pyproject) {
        return Ok(Some(found));
    }
    for file in folder.project.iter().flat_map(|project| &project.dependencies.files) {
        if let Some(text) = folder.text(Path::new(file))? {
            let found = unlocked(file, loose::requirements(&text), Locker::Pylock);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    if let Some(project) = &folder.project {
        let file = if folder.path.join("setup.py").is_file() { "setup.py" } else { "setup.cfg" };
        let found = unlocked(file, names(&project.dependencies.setup), Locker::Pylock);
        if found.is_some() {
            return Ok(found);
        }
    }
    let pipfile = folder.text(Path::new("Pipfile"))?;
    let pipfile = pipfile.and_then(|text| unlocked("Pipfile", loose::pipfile(&text), Locker::Pipenv));
    if pipfile.is_some() {
        return Ok(pipfile);
    }
    for (file, locker) in
        [(REQUIREMENTS, Locker::Requirements)].into_iter().chain(LISTS.map(|file| (file, Locker::Unnamed)))
    {
        let text = folder.text(Path::new(file))?;
        let found = text.and_then(|text| unlocked(file, loose::requirements(&text), locker));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn unlocked(file: &str, names: BTreeSet<String>, locker: Locker) -> Option<Unlocked> {
    (!names.is_empty()).then(|| Unlocked { file: file.to_owned(), names, locker })
}

/// Returns the names of the requirements that Linux may need.
fn names(requirements: &[String]) -> BTreeSet<String> {
    let parsed = requirements.iter().filter_map(|text| Requirement::parse(text).ok());
    parsed.filter(Requirement::may_hold_on_linux).map(|requirement| requirement.name).collect()
}

/// Returns the dependencies in `pyproject.toml` that Linux may need.
fn of_pyproject(project: &ProjectMetadata) -> Option<Unlocked> {
    let names = names(&project.dependencies.requirements);
    let locker = if project.locks() == "poetry lock" { Locker::Poetry } else { Locker::Uv };
    unlocked("pyproject.toml", names, locker)
}
