//! A build of CPython, for which bytecode is compiled.

use std::fmt;

/// The interpreter that runs the compiled code.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PythonBuild {
    /// The full version: `3.13.5`.
    pub version: String,
    /// True for a build without the global lock, which has bytecode of its own.
    pub free_threaded: bool,
}

impl fmt::Display for PythonBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = if self.free_threaded { " (free-threaded)" } else { "" };
        write!(f, "CPython {}{threads}", self.version)
    }
}
