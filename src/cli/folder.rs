//! What a project's folder says: `carboy.toml`, `pyproject.toml`, `.python-version`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::config::{File, pyproject_requires_python};
use crate::plan::join;
use crate::python::project::Project;

/// A project's folder.
pub struct Folder {
    /// Where the configuration's relative paths start.
    pub path: PathBuf,
    pub file: File,
    pub python_version: Option<String>,
    pub requires_python: Option<String>,
    /// What `pyproject.toml` says of the project.
    pub project: Option<Project>,
}

impl Folder {
    /// Reads the folder, or the configuration named; without either, the working
    /// directory. `carboy.toml` wins over `pyproject.toml`.
    ///
    /// # Errors
    /// A folder or file that is not there; a configuration that is wrong.
    pub fn read(dir: Option<&Path>, config: Option<&Path>) -> Result<Self, CliError> {
        let beside = config.and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
        let path = dir.or(beside).unwrap_or(Path::new(".")).to_owned();
        if !path.is_dir() {
            return Err(CliError::NoFolder(path));
        }
        let name = |file: &str| join(&path, Path::new(file));
        let pyproject = text(&name("pyproject.toml"))?;
        let file = match config {
            Some(config) => {
                let text = std::fs::read_to_string(config)
                    .map_err(|cause| CliError::Read { path: config.to_owned(), cause })?;
                parse(config, &text)?
            }
            None => match (text(&name("carboy.toml"))?, &pyproject) {
                (Some(text), _) => parse(&name("carboy.toml"), &text)?,
                (None, Some(text)) => parse(&name("pyproject.toml"), text)?,
                (None, None) => File::default(),
            },
        };
        Ok(Self {
            python_version: text(&name(".python-version"))?,
            requires_python: pyproject.as_deref().and_then(pyproject_requires_python),
            project: pyproject.as_deref().map(|text| project(&name("pyproject.toml"), text)).transpose()?,
            path,
            file,
        })
    }
}

fn parse(path: &Path, text: &str) -> Result<File, CliError> {
    let name = path.display().to_string();
    let is_pyproject = path.file_name().is_some_and(|name| name == "pyproject.toml");
    Ok(if is_pyproject { File::from_pyproject(text, &name)?.unwrap_or_default() } else { File::parse(text, &name)? })
}

fn project(path: &Path, text: &str) -> Result<Project, CliError> {
    Project::parse(text).map_err(|cause| CliError::Project { path: path.to_owned(), cause })
}

/// A file's text; none when it is not there.
fn text(path: &Path) -> Result<Option<String>, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(CliError::Read { path: path.to_owned(), cause }),
    }
}
