//! The part of a lock file that an image gets.

use std::collections::BTreeSet;

/// The extras, groups and workspace member to install from a lock file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LockSelection {
    /// Extras of the project or of the selected member. Normalised names.
    pub extras: Vec<String>,
    /// Dependency groups in addition to the project's own dependencies. Normalised names.
    pub groups: Vec<String>,
    /// A workspace member to install instead of the project at the root of the workspace.
    pub member: Option<String>,
    /// Distributions to leave out. Normalised names.
    pub exclude: Vec<String>,
}

/// The distributions of a lock file, and what a selection can add. Normalised names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LockOffer {
    /// All distributions.
    pub names: BTreeSet<String>,
    /// Groups besides the project's own dependencies.
    pub groups: Vec<String>,
    pub extras: Vec<String>,
}
