//! `requirements.txt`: lines with exact versions, as pip-compile, `uv pip compile` and
//! `uv export` write them.
//!
//! Source: pip's documentation, "Requirements File Format". All lines about one distribution,
//! including constraints, must allow one version together. Extras are ignored, because the
//! distributions that they add have lines of their own. `.` is the project itself, which is not
//! its own dependency.

mod compile;
mod item;
mod lines;
mod loose;
mod options;
mod read;
mod requirements_file;
#[cfg(test)]
mod tests;

pub use compile::compile_command;
pub(super) use read::read;
pub(super) use requirements_file::Requirements;
