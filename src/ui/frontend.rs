//! The interface of everything that shows a build.

use crate::assemble::report::Report;
use crate::diagnostic::Diagnostic;
use crate::oci::Platform;
use crate::progress::Progress;

/// The properties of stderr.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Screen {
    /// A terminal that moves its cursor. False for a pipe and for `TERM=dumb`.
    pub terminal: bool,
    /// Colour is on. False with `NO_COLOR`.
    pub color: bool,
    /// In columns; 80 where the width is unknown.
    pub width: usize,
}

/// Shows a build, from its first fact to its report or error.
pub trait Frontend: Progress {
    /// Writes the remaining lines and removes the bars. The bars come back when more work
    /// starts.
    fn finish(&self);

    /// Shows the summary of a build, after `finish`.
    fn summary(&self, report: &Report);

    /// Shows the errors that ended the run, after `finish`. Nothing is shown after them. Errors
    /// of all `platforms` are shown once.
    fn errors(&self, errors: &[Diagnostic], platforms: &[Platform]);
}
