//! The exceptions that a lock file states for requirements between distributions.

use std::collections::{BTreeMap, BTreeSet};

/// The exceptions that a lock file states for requirements between distributions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatedRequirements {
    /// The extras that the file's own lines ask for, by distribution. Other formats have them in
    /// the project's dependencies.
    pub extras: BTreeMap<String, BTreeSet<String>>,
    /// The distributions that `override-dependencies` or `exclude-dependencies` of uv name, and its
    /// virtual packages, which it never installs.
    pub overridden: BTreeSet<String>,
    /// The distributions whose requirements `dependency-metadata` of uv replaces.
    pub described: BTreeSet<String>,
}

impl StatedRequirements {
    /// Returns whether the project overrides that the distribution `by` requires `name`.
    #[must_use]
    pub fn overrides(&self, by: &str, name: &str) -> bool {
        self.overridden.contains(name) || self.described.contains(by)
    }
}
