//! The modules that Python code imports, found without running it.
//!
//! [`source`] reads one file with the parser of Ruff, [`modules`] finds modules as `CPython` does,
//! [`reach`] follows imports from the started code.

pub mod builtins;
mod called;
pub mod distribution_names;
pub mod facts;
pub mod finder;
mod lines;
pub mod modules;
pub mod reach;
pub mod source;
mod statements;
#[cfg(test)]
mod testing;
mod tokens;
pub mod verdict;
