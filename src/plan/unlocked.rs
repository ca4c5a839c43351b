//! Dependencies that a project declares and no lock file locks.

use std::collections::BTreeSet;

/// Dependencies that a project declares and no lock file locks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unlocked {
    /// The file that declares them, relative to the project.
    pub file: String,
    /// Their normalised names.
    pub names: BTreeSet<String>,
    pub locker: Locker,
}

/// The tool that locks dependencies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Locker {
    Uv,
    Poetry,
    Pipenv,
    /// `uv pip compile` into a `requirements.txt`.
    Requirements,
    /// `uv pip compile` into a `pylock.toml`.
    Pylock,
    /// None: the file may be a lock file itself, of a name that carboy does not look for.
    Unnamed,
}
