//! Which files of a local folder are left out.

use std::path::PathBuf;

/// The rules that leave files of a local folder out.
#[derive(Clone, Debug, Default)]
pub struct WalkRules {
    /// Honour `.gitignore`, `.dockerignore` and `.carboyignore`.
    pub ignore_files: bool,
    /// Leave out what never belongs into an application (`.git`, `.venv`,
    /// `__pycache__`, `.env*`, private keys).
    pub defaults: bool,
    /// Globs that win over everything else.
    pub include: Vec<String>,
    /// Globs that win over the ignore files, but not over `include`.
    pub exclude: Vec<String>,
    /// Files and folders that the run reads or needs elsewhere: the lock file,
    /// wheelhouses, site-packages. Left out unless `include` names them.
    pub inputs: Vec<PathBuf>,
    /// Files and folders that the run writes. Always left out, as the cache is.
    pub outputs: Vec<PathBuf>,
}
