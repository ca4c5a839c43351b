//! Names that commands choose from those that a project offers.

use std::collections::BTreeSet;

/// Names that commands choose from those that a project offers. Normalised.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NameChoice {
    pub(super) all: bool,
    pub(super) names: BTreeSet<String>,
    pub(super) without: BTreeSet<String>,
}

impl NameChoice {
    /// Returns the names that are chosen and offered, in the order of the offer.
    #[must_use]
    pub fn among(&self, offered: &[String]) -> Vec<String> {
        let is_chosen = |name: &&String| (self.all || self.names.contains(*name)) && !self.without.contains(*name);
        offered.iter().filter(is_chosen).cloned().collect()
    }
}
