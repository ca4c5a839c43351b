//! Environment markers: which of a lock file's lines concern an image.
//!
//! Source: PyPA, "Dependency specifiers", Environment Markers (PEP 508); PEP 751 for
//! `extras` and `dependency_groups`.

use super::Interpreter;

/// What markers ask about: the image's interpreter, not the one of this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Environment {
    /// `3.13`.
    pub python_version: String,
    /// `3.13.5`; where the builder does not tell, its first release.
    pub python_full_version: String,
    /// As the kernel calls it: `x86_64`, `aarch64`.
    pub platform_machine: &'static str,
}

impl Environment {
    /// The environment of an interpreter on a machine.
    #[must_use]
    pub fn of(interpreter: &Interpreter, machine: &'static str) -> Self {
        let full = interpreter.full_version.clone().unwrap_or_else(|| format!("{}.0", interpreter.version));
        Self { python_version: interpreter.version.clone(), python_full_version: full, platform_machine: machine }
    }
}
