//! The tree of a marker.

use super::comparison::{Comparison, Undecided};
use super::environment::{ActiveExtras, Environment};

/// A comparison, or several nodes with `and` or `or` between them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Comparison(Comparison),
}

impl Node {
    /// Returns whether the node is true.
    pub(super) fn holds(&self, environment: &Environment, chosen: &ActiveExtras) -> Result<bool, Undecided> {
        // One node with the decisive value decides the result.
        let (nodes, decisive) = match self {
            Self::All(nodes) => (nodes, false),
            Self::Any(nodes) => (nodes, true),
            Self::Comparison(comparison) => return comparison.holds(environment, chosen),
        };
        let mut out = Ok(!decisive);
        for node in nodes {
            match node.holds(environment, chosen) {
                Ok(value) if value == decisive => return Ok(decisive),
                Ok(_) => {}
                undecided => out = out.and(undecided),
            }
        }
        out
    }
}
