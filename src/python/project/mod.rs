//! The metadata of a project in `pyproject.toml`: name, version, scripts, and the location of its
//! modules.
//!
//! Source: PyPA, "pyproject.toml specification" (`[project]`) and "Entry points"; the documentation
//! of setuptools, hatchling, poetry-core, flit and `uv_build` for the location of modules. Settings in
//! `pyproject.toml`, `setup.cfg` and `setup.py` are read: no build backend runs.

mod build_backend;
mod declared;
mod declared_version;
mod error;
mod extension;
pub mod loose;
mod metadata;
mod module;
mod own_version;
mod setup;
#[cfg(test)]
mod tests;
mod version;

pub use declared::DeclaredDependencies;
pub use error::ProjectError;
pub use metadata::{ProjectMetadata, ProjectTexts};
pub use module::{Module, src_layout};
pub use version::{
    DescribeError, Described, GeneratedFile, GivenVersions, ProjectFiles, ResolvedVersion, TagQuery, VersionRemark,
    VersionSource,
};
