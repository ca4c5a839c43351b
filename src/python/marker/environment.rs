//! The values that markers depend on.

use std::collections::BTreeSet;

use crate::python::Interpreter;

/// The values of marker variables for the interpreter of the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Environment {
    /// `3.13`.
    pub python_version: String,
    /// `3.13.5`; the first release of the minor version if the builder does not name one.
    pub python_full_version: String,
    /// The machine in the notation of the kernel: `x86_64`, `aarch64`.
    pub platform_machine: &'static str,
}

/// The selected extras and groups. Normalised names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ActiveExtras {
    pub extras: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

impl Environment {
    /// Returns the environment of an interpreter on a machine.
    #[must_use]
    pub fn of(interpreter: &Interpreter, machine: &'static str) -> Self {
        let full = interpreter.full_version.clone().unwrap_or_else(|| format!("{}.0", interpreter.version));
        Self { python_version: interpreter.version.clone(), python_full_version: full, platform_machine: machine }
    }
}
