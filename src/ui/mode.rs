//! The modes of progress.

use std::sync::Arc;

use super::frontend::{Frontend, Screen};
use super::{bars, json_lines, plain, quiet};

/// The way in which progress is shown.
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

/// Returns the frontend for a mode on a screen.
#[must_use]
pub fn front(mode: Mode, screen: Screen) -> Arc<dyn Frontend> {
    match mode {
        Mode::Auto if screen.terminal => Arc::new(bars::Bars::new(screen)),
        Mode::Auto | Mode::Plain => Arc::new(plain::Plain::new(screen, std::io::stderr())),
        Mode::Json => Arc::new(json_lines::JsonLines::new(std::io::stderr())),
        Mode::None => Arc::new(quiet::Quiet::new(screen)),
    }
}
