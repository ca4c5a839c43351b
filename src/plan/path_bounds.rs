//! The directories that paths in a project's files may lead to.

use std::path::PathBuf;

/// The directories that paths in a project's files may lead to, absolute and without links.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathBounds {
    /// The root of the project, and the directory of a lock file elsewhere that a flag names.
    pub roots: Vec<PathBuf>,
    /// The directories that `--allow-outside` names: absolute paths may lead there too.
    pub allowed: Vec<PathBuf>,
}
