//! A parsed marker.

use super::comparison::Undecided;
use super::environment::{ActiveExtras, Environment};
use super::node::Node;
use super::parser;

/// A parsed marker.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Marker(Node);

/// The error for text that is not a marker.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{marker}` is not a marker: {cause}")]
pub struct MarkerError {
    /// The text, shortened if it is long.
    pub marker: String,
    pub cause: String,
}

impl Marker {
    /// Parses a marker.
    ///
    /// # Errors
    /// Returns an error for text that is not a marker, for markers of more than 256 KiB, and for
    /// markers with more than 64 nested parentheses.
    pub fn parse(text: &str) -> Result<Self, MarkerError> {
        parser::parse(text).map(Self).map_err(|cause| {
            let text = text.trim();
            let short: String = text.chars().take(120).collect();
            let marker = if short.len() < text.len() { format!("{short}…") } else { short };
            MarkerError { marker, cause }
        })
    }

    /// Returns whether the marker is true in an environment, with the selected extras and groups.
    ///
    /// # Errors
    /// Returns [`Undecided`] if the result depends on the kernel.
    pub fn holds(&self, environment: &Environment, chosen: &ActiveExtras) -> Result<bool, Undecided> {
        self.0.holds(environment, chosen)
    }

    /// Returns whether the marker can be true on some kernel.
    #[must_use]
    pub fn may_hold(&self, environment: &Environment, chosen: &ActiveExtras) -> bool {
        self.holds(environment, chosen).unwrap_or(true)
    }
}
