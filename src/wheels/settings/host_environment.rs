//! The variables and directories in which settings are found.

use std::path::{Path, PathBuf};

use crate::operation_error::OperationError;

/// The environment of the settings.
pub struct HostEnvironment<'a> {
    /// Reads a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub home: Option<&'a Path>,
    /// The working directory, the base of relative paths of the environment.
    pub folder: &'a Path,
    /// `/etc`.
    pub system: &'a Path,
    /// The directories of the project and of its lock file; their `pyproject.toml` counts.
    pub projects: &'a [&'a Path],
    /// Checks that a file of the project may name a path, relative to a directory.
    pub admit: &'a dyn Fn(&Path, &Path) -> Result<(), OperationError>,
    /// Returns whether authors of the project can write a file of settings.
    pub is_projects: &'a dyn Fn(&Path) -> bool,
}

impl HostEnvironment<'_> {
    /// Returns a variable that is not blank.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    /// Returns `XDG_CONFIG_HOME`, or else `~/.config`.
    pub fn user_folder(&self) -> Option<PathBuf> {
        let named = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        named.or_else(|| Some(self.home?.join(".config")))
    }

    /// Returns `XDG_CONFIG_DIRS`, or else `/etc/xdg`; the first has priority.
    pub fn system_folders(&self) -> Vec<PathBuf> {
        match self.get("XDG_CONFIG_DIRS") {
            Some(folders) => folders.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from).collect(),
            None => vec![self.system.join("xdg")],
        }
    }
}
