//! Shows nothing but errors.

use super::{Frontend, Screen, error_text};
use crate::build::report::Report;
use crate::progress::{Event, Progress};

/// No progress, no warnings, no summary.
pub struct Quiet {
    color: bool,
}

impl Quiet {
    /// Only the colour of the screen matters.
    #[must_use]
    pub fn new(screen: Screen) -> Self {
        Self { color: screen.color }
    }
}

impl Progress for Quiet {
    fn on(&self, _: Event) {}
}

impl Frontend for Quiet {
    fn finish(&self) {}

    fn summary(&self, _: &Report) {}

    fn error(&self, lines: &[String], hints: &[String]) {
        super::line_queue::stderr(&error_text(lines, hints, self.color));
    }
}
