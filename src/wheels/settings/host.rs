//! The machine and user that carboy runs for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::host_environment::HostEnvironment;
use crate::plan::PathBounds;
use crate::source::{admit, is_governed};

/// A function that reads a variable of the environment.
pub type Variable = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The machine and user that carboy runs for.
#[derive(Clone)]
pub struct Host {
    /// Reads a variable of the environment.
    pub variable: Arc<Variable>,
    pub home: Option<PathBuf>,
    /// `/etc`.
    pub system: PathBuf,
}

impl Host {
    /// Calls `look` with the environment of a project's directories. Relative paths begin at the
    /// working directory.
    pub fn environment<T>(
        &self,
        projects: &[&Path],
        bounds: &PathBounds,
        look: impl FnOnce(&HostEnvironment<'_>) -> T,
    ) -> T {
        let root = bounds.roots.first();
        look(&HostEnvironment {
            variable: &*self.variable,
            home: self.home.as_deref(),
            folder: Path::new(""),
            system: &self.system,
            projects,
            admit: &|folder, named| admit(bounds, folder, named),
            is_projects: &|path| root.is_some_and(|root| is_governed(root, path)),
        })
    }
}
