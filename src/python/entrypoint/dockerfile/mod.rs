//! The command of a `Dockerfile`, and the environment that its last stage sets for it.

mod environment;
mod instructions;
mod paths;
mod scope;
mod stage;
mod start;
mod value;
mod words;

pub(in crate::python) use instructions::instructions as dockerfile_instructions;
pub(super) use start::{of_shell, start};
