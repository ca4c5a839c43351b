//! The rules that leave out files of a local directory.

use std::path::PathBuf;

/// The rules that leave out files of a local directory.
#[derive(Clone, Debug, Default)]
pub struct WalkRules {
    /// Honour `.dockerignore` or `.gitignore`, and `.carboyignore`.
    pub ignore_files: bool,
    /// Leave out files that never belong into an application (`.git`, `.venv`, `__pycache__`,
    /// `.env*`, private keys).
    pub defaults: bool,
    /// Globs that win over everything else.
    pub include: Vec<String>,
    /// Globs that win over the ignore files, but not over `include`.
    pub exclude: Vec<String>,
    /// Files and directories that the run reads or needs elsewhere: the lock file, wheelhouses,
    /// site-packages. Left out unless `include` names them.
    pub inputs: Vec<PathBuf>,
    /// Files and directories that the run writes. Always left out, as the cache is.
    pub outputs: Vec<PathBuf>,
}
