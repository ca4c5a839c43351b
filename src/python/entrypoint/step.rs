//! The outcome of one kind of search.

use super::Start;

/// The outcome of one kind of search.
pub(super) enum Step {
    Found(Box<Start>),
    /// No command or several ones.
    Candidates(Vec<Start>),
}

impl Step {
    /// Returns the only one, or else all as candidates.
    pub(super) fn of(mut all: Vec<Start>) -> Self {
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => Self::Found(Box::new(only)),
            (last, _) => Self::Candidates(all.into_iter().chain(last).collect()),
        }
    }

    /// Returns nothing.
    pub(super) fn none() -> Self {
        Self::Candidates(Vec::new())
    }
}
