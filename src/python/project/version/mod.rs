//! The version of a project: stated in its configuration, in one of its files, or by the tags of its
//! repository.
//!
//! Source: PyPA, "pyproject.toml specification" (`dynamic`); the documentation of setuptools
//! ("Dynamic metadata"), setuptools-scm, hatchling ("Versioning"), hatch-vcs, flit and pdm-backend.
//! No build backend runs.

mod dunamai;
mod files;
mod given;
mod literal;
mod pattern;
mod resolve;
mod scm_settings;
mod scm_version;
mod source;
mod template;
mod versioneer;

pub use dunamai::DunamaiSettings;
pub use files::{GeneratedFile, VersionFile};
pub use given::GivenVersions;
pub(super) use resolve::resolve;
pub use resolve::{DescribeError, ProjectFiles, ResolvedVersion, VersionRemark};
pub use scm_settings::{ScmSettings, TagQuery};
pub use scm_version::Described;
pub use source::{Reading, VersionSource};
pub(super) use source::{module, tool};
pub use versioneer::VersioneerSettings;
