//! Shows people and machines what a build does: bars on a terminal, lines in a
//! pipe, JSON for programs. All of that goes to stderr; stdout is the caller's, who
//! may write the texts of a plan or of a file's reasons there.
//!
//! Facts come in as [`Event`](crate::progress::Event)s and a [`Report`]; texts are
//! made here and nowhere else. Whether stderr is a terminal, how wide it is and
//! whether it wants colour is told by the caller. A closed stderr is no error.

mod arch_neutral;
mod bars;
mod cache;
mod diagnostics;
mod differences;
mod elapsed;
mod extracted_files;

mod json;
mod json_lines;
mod layer_table;
mod line_queue;
mod plain;
mod plan;
mod quiet;
mod reason;
mod retry;
mod rows;
mod size;
mod style;
mod summary;
mod table;
mod tasks;
mod text;
mod why;

use std::sync::Arc;

use crate::assemble::report::Report;
use crate::diagnostic::Diagnostic;
use crate::oci::Platform;
use crate::progress::Progress;

pub use cache::{cache_text, pruned_text};
pub use json::{plan_json, text as json_text, why_json};
pub use plan::plan_text;
pub use size::size;
pub use summary::summary_text;
pub use why::why_text;

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, clap::ValueEnum)]
pub enum Mode {
    /// Bars on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// A line for each finished piece of work, without control characters.
    Plain,
    /// A JSON object a line.
    Json,
    /// Errors only.
    None,
}

/// What the caller knows about stderr.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Screen {
    /// A terminal that moves its cursor: false for a pipe and for `TERM=dumb`.
    pub terminal: bool,
    /// Colour is wanted: false with `NO_COLOR`.
    pub color: bool,
    /// In columns; 80 where it cannot be known.
    pub width: usize,
}

/// Shows a build, from its first fact to its report or error.
pub trait Frontend: Progress {
    /// Writes what is still to be written and takes the bars away. They come back
    /// when more work starts.
    fn finish(&self);

    /// Shows what was built, after `finish`.
    fn summary(&self, report: &Report);

    /// Shows the errors that ended the run, after `finish`; the last thing shown. Those that
    /// hold for all `platforms` are told once.
    fn errors(&self, errors: &[Diagnostic], platforms: &[Platform]);
}

/// The front for a mode on a screen.
#[must_use]
pub fn front(mode: Mode, screen: Screen) -> Arc<dyn Frontend> {
    match mode {
        Mode::Auto if screen.terminal => Arc::new(bars::Bars::new(screen)),
        Mode::Auto | Mode::Plain => Arc::new(plain::Plain::new(screen, std::io::stderr())),
        Mode::Json => Arc::new(json_lines::JsonLines::new(std::io::stderr())),
        Mode::None => Arc::new(quiet::Quiet::new(screen)),
    }
}
