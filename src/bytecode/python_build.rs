//! A build of CPython, which bytecode is compiled for.

use std::fmt;

/// The interpreter that compiled code is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PythonBuild {
    /// Its whole version: `3.13.5`.
    pub version: String,
    /// Whether it is a build without the global lock, which has bytecode of its own.
    pub free_threaded: bool,
}

impl fmt::Display for PythonBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = if self.free_threaded { " (free-threaded)" } else { "" };
        write!(f, "CPython {}{threads}", self.version)
    }
}
