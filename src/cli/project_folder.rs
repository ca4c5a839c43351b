//! The configuration of a project's directory: `carboy.toml`, `pyproject.toml`, `.python-version`.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::project_root;
use super::text_file::{self, CONFIGURATION};
use crate::config::{File, pyproject_requires_python};
use crate::plan::{PathBounds, join};
use crate::python::lock::Format;
use crate::python::project::ProjectMetadata;
use crate::source::{read_project, within};

/// The names of a Dockerfile, in the order of preference.
const DOCKERFILES: [&str; 2] = ["Dockerfile", "Containerfile"];

/// A project's directory.
pub struct ProjectFolder {
    /// The base of the configuration's relative paths.
    pub path: PathBuf,
    /// The bounds of the paths in the project's files.
    pub bounds: PathBounds,
    pub file: File,
    /// The configuration's name, for errors.
    pub name: String,
    /// The configuration, unless it is in `pyproject.toml`, which is read for its dependencies too.
    pub own_file: Option<PathBuf>,
    pub python_version: Option<String>,
    pub requires_python: Option<String>,
    /// The text of Heroku's `runtime.txt`.
    pub runtime_txt: Option<String>,
    /// The metadata of `pyproject.toml`, `setup.cfg` and `setup.py`. Its version is not resolved.
    pub project: Option<ProjectMetadata>,
    /// The name and the text of the `Dockerfile` or `Containerfile`.
    pub dockerfile: Option<(String, String)>,
    pub procfile: Option<String>,
    /// `true` if the directory has a `carboy.toml`, or a `[tool.carboy]` table.
    pub is_configured: bool,
}

/// The facts that a project's own files state.
pub struct Description {
    pub python_version: Option<String>,
    pub requires_python: Option<String>,
    /// The text of Heroku's `runtime.txt`.
    pub runtime_txt: Option<String>,
    pub project: Option<ProjectMetadata>,
    /// The name and the text of the `Dockerfile` or `Containerfile`.
    pub dockerfile: Option<(String, String)>,
    pub procfile: Option<String>,
}

impl ProjectFolder {
    /// Reads the directory, or else the working directory. `carboy.toml` wins over
    /// `pyproject.toml`, and the configuration that `config` names wins over both.
    ///
    /// # Errors
    /// A directory or file does not exist; a configuration is invalid.
    pub fn read(dir: Option<&Path>, config: Option<&Path>, allowed: &[PathBuf]) -> Result<Self, CliError> {
        let path = dir.unwrap_or(Path::new(".")).to_owned();
        if !path.is_dir() {
            return Err(CliError::NoFolder(path));
        }
        let bounds = project_root::bounds(&path, allowed, etcetera::home_dir().ok().as_deref())?;
        let name = |file: &str| join(&path, Path::new(file));
        let own = |file: &str| own(&bounds, &name(file));
        let pyproject = own("pyproject.toml")?;
        let (found, text) = match config {
            Some(config) => (config.to_owned(), Some(named(config)?)),
            None => match own("carboy.toml")? {
                Some(text) => (name("carboy.toml"), Some(text)),
                None => (name("pyproject.toml"), pyproject.clone()),
            },
        };
        let file = text.map(|text| parse(&found, &text)).transpose()?.flatten();
        let described = Self::described(&path, &bounds)?;
        let Description { python_version, requires_python, runtime_txt, project, dockerfile, procfile } = described;
        Ok(Self {
            is_configured: file.is_some(),
            file: file.unwrap_or_default(),
            name: found.display().to_string(),
            own_file: (!is_pyproject(&found)).then_some(found),
            python_version,
            requires_python,
            runtime_txt,
            project,
            dockerfile,
            procfile,
            bounds,
            path,
        })
    }

    /// Reads the description of the project in a directory.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn described(folder: &Path, bounds: &PathBounds) -> Result<Description, CliError> {
        let name = |file: &str| join(folder, Path::new(file));
        let pyproject = own(bounds, &name("pyproject.toml"))?;
        let project = read_project(folder, bounds, pyproject.as_deref());
        let project = project.map_err(|cause| CliError::Project { path: name("pyproject.toml"), cause })?;
        // Other tools' files do not stop a build.
        let others = |file: &str| own(bounds, &name(file)).ok().flatten();
        let dockerfile = |file: &str| Some((file.to_owned(), others(file)?));
        Ok(Description {
            dockerfile: DOCKERFILES.into_iter().find_map(dockerfile),
            procfile: others("Procfile"),
            runtime_txt: others("runtime.txt"),
            python_version: own(bounds, &name(".python-version"))?,
            requires_python: pyproject.as_deref().and_then(pyproject_requires_python),
            project: (pyproject.is_some() || project.name.is_some()).then_some(project),
        })
    }

    /// Returns the text of a file of the project; none if it does not exist.
    ///
    /// # Errors
    /// A link out of the project; a file that cannot be read.
    pub fn text(&self, file: &Path) -> Result<Option<String>, CliError> {
        own(&self.bounds, &join(&self.path, file))
    }

    /// Checks that a configuration that is named without a directory is not in a directory with a
    /// project of its own, while the working directory has none.
    ///
    /// # Errors
    /// The configuration's directory has a project.
    pub fn check_config(dir: Option<&Path>, config: Option<&Path>) -> Result<(), CliError> {
        let beside = config.and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
        let Some(beside) = beside.filter(|_| dir.is_none()) else { return Ok(()) };
        if has_project(beside) && !has_project(Path::new("")) {
            return Err(CliError::ConfigElsewhere(beside.to_owned()));
        }
        Ok(())
    }
}

/// Returns whether a directory has a project with dependencies.
fn has_project(folder: &Path) -> bool {
    let names = Format::ALL.into_iter().map(Format::file_name).chain(["pyproject.toml"]);
    names.into_iter().any(|name| folder.join(name).is_file())
}

/// Returns the configuration in a file; none if it is a `pyproject.toml` without one.
fn parse(path: &Path, text: &str) -> Result<Option<File>, CliError> {
    let name = path.display().to_string();
    Ok(if is_pyproject(path) { File::from_pyproject(text, &name)? } else { Some(File::parse(text, &name)?) })
}

fn is_pyproject(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "pyproject.toml")
}

/// Returns the text of the configuration that a flag names.
fn named(path: &Path) -> Result<String, CliError> {
    text_file::text(path, CONFIGURATION).map_err(|cause| CliError::Read { path: path.to_owned(), cause })
}

/// Returns the text of a file of the project; a link out of the project is refused.
fn own(bounds: &PathBounds, path: &Path) -> Result<Option<String>, CliError> {
    if path.exists() {
        within(bounds, path).map_err(|cause| CliError::Outside { at: "the project's files".to_owned(), cause })?;
    }
    text_file::text_if_any(path, CONFIGURATION).map_err(|cause| CliError::Read { path: path.to_owned(), cause })
}
