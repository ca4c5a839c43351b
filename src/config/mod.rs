//! The configuration of a project, `carboy.toml` or `[tool.carboy]` in `pyproject.toml`; and that of
//! a machine.
//!
//! Parses text into values. Each key is read and checked alone, together with its line. `plan`
//! checks combinations of keys, and fills in defaults that depend on other files or images. Pure.
//! `cli` reads the flags and environment variables that override the configuration.

mod absolute;
mod app;
mod copy;
mod dependencies;
mod directory;
mod duration;
mod error;
mod extract;
mod file;
mod image;
mod keys;
mod layers;
mod limits;
mod local;
mod machine;
mod mode;
mod output;
mod port;
mod pyproject;
mod python;
mod reader;
mod requirement;
mod runtime;
mod size;
mod user;

pub use app::{App, version};
pub use copy::Copy;
pub use dependencies::{Dependencies, MissingRequirements, PackageIndex, SitePackages};
pub use directory::Directory;
pub use error::{BadValue, ConfigError, Line};
pub use extract::{BUILDER, Extract};
pub use file::File;
pub use image::Image;
pub use keys::{all_keys, all_machine_keys};
pub use layers::{Compression, Layers};
pub use machine::MachineFile;
pub use mode::parse_mode;
pub use output::IndexMode;
pub use port::normalise_port;
pub use pyproject::pyproject_requires_python;
pub use python::{PythonChoice, StatedPython};
pub use runtime::{Bytecode, Runtime};
pub use size::size;
pub use user::User;
