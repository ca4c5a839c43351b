//! The variables and directories in which settings are found.

use std::path::{Path, PathBuf};

use crate::operation_error::OperationError;

/// Where settings are looked for.
pub struct HostEnvironment<'a> {
    /// A variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub home: Option<&'a Path>,
    /// The working directory, where relative paths of the environment begin.
    pub folder: &'a Path,
    /// `/etc`.
    pub system: &'a Path,
    /// The folders of the project and of its lock file, whose `pyproject.toml` counts.
    pub projects: &'a [&'a Path],
    /// Whether a file of the project may name a path, which is relative to a folder.
    pub admit: &'a dyn Fn(&Path, &Path) -> Result<(), OperationError>,
    /// Whether a file of settings is one that whoever changes the project may write.
    pub is_projects: &'a dyn Fn(&Path) -> bool,
}

impl HostEnvironment<'_> {
    /// A variable that says something.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    /// `~/.config`, or what takes its place.
    pub fn user_folder(&self) -> Option<PathBuf> {
        let named = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        named.or_else(|| Some(self.home?.join(".config")))
    }

    /// `/etc/xdg`, or what takes its place; the first counts most.
    pub fn system_folders(&self) -> Vec<PathBuf> {
        match self.get("XDG_CONFIG_DIRS") {
            Some(folders) => folders.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from).collect(),
            None => vec![self.system.join("xdg")],
        }
    }
}
