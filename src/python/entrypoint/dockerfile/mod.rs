//! The command of a `Dockerfile`, and the environment that its last stage sets for it.

mod environment;
mod instructions;
mod paths;
mod scope;
mod stage;
mod start;
mod value;
mod words;

pub(super) use start::{of_shell, start};
