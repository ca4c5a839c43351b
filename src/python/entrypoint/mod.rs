//! The command that an image starts, if nobody names one: found in the project's files.
//!
//! In this order: the `Dockerfile`, a script of the project, an application of `FastAPI`, the
//! `Procfile`, an application of Django or Flask, a package or file with a `__main__`, a lone
//! script. Only texts are read: nothing is imported or executed.

mod dockerfile;
mod factories;
mod find;
mod modules;
mod procfile;
mod programs;
mod query;
mod runners;
mod server;
mod shell_commands;
mod shell_words;
mod start;
mod step;
mod top_level;
mod web;

pub use find::{find, of_wheel};
pub use query::Query;
pub use server::Names;
pub use start::{EntrypointCandidates, Found, Start, Unset, Unused};

pub(super) use dockerfile::dockerfile_instructions;
pub(super) use shell_commands::parts;
pub(super) use shell_words::{Piece, Word, split};

/// The port of a server if no variable names another one.
pub const DEFAULT_PORT: u16 = 8000;

/// The most bytes of a file that is read to find what a project starts.
pub const LIMIT: u64 = 1 << 20;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
