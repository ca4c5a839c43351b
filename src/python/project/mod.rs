//! The metadata of a project in `pyproject.toml`: name, version, scripts, and the location of its
//! modules.
//!
//! Source: PyPA, "pyproject.toml specification" (`[project]`) and "Entry points"; the documentation
//! of setuptools, hatchling, poetry-core, flit and `uv_build` for the location of modules. Only
//! settings in `pyproject.toml` are read: no build backend runs.

mod build_backend;
mod declared;
mod error;
mod metadata;
mod module;
#[cfg(test)]
mod tests;

pub use declared::DeclaredDependencies;
pub use error::ProjectError;
pub use metadata::ProjectMetadata;
pub use module::{Module, src_layout};
