//! Shows only errors.

use super::diagnostics::errors_text;
use super::frontend::{Frontend, Screen};
use super::style::Style;
use crate::assemble::report::Report;
use crate::diagnostic::Diagnostic;
use crate::oci::Platform;
use crate::progress::{Event, Progress};

/// Shows no progress, no warnings and no summary.
pub struct Quiet {
    color: bool,
}

impl Quiet {
    /// Uses only the colour of the screen.
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

    fn errors(&self, errors: &[Diagnostic], platforms: &[Platform]) {
        super::line_queue::stderr(&errors_text(errors, platforms, Style::new(self.color)));
    }
}
