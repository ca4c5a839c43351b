//! Decides on the content of an image, stage by stage. Pure.
//!
//! ```text
//! base → runtime → extract → dependencies → application → verify
//! ```
//!
//! Each stage is a function of the stage below and its own inputs, and returns a finished
//! [`Stage`]: its layers as recipes, the tree that a container would see so far, the state of
//! the dynamic loader, package records, and the reason for each file. Nothing changes a
//! finished stage. [`verify`] checks the whole [`Composition`].
//!
//! The caller provides [`Contents`] to read files and [`Compile`] to compile sources. This module
//! does no other I/O.

mod application;
mod base;
mod build_outputs;
mod bytecode;
mod compile;
mod compose_stage;
mod composition;
mod contents;
mod context;
mod database;
mod dependencies;
mod draft;
mod elf_reader;
mod extract;
mod interpreter;
mod key;
mod layer_metadata;
mod libraries;
mod link_targets;
mod loader;
mod package_records;
mod reason_file;
mod reasons;
mod restore;
mod runtime;
mod scratch;
mod script_interpreters;
mod select;
mod site_packages;
mod source_image;
mod stage;
mod stored;
mod text_files;
mod unavailable;
pub mod verify;

pub use application::{Application, CopiedFiles, application, install_project, left_out_of_project, no_entrypoint};
pub use base::base;
pub use build_outputs::missing_build_outputs;
pub use compile::{Compile, Compiled, Sources};
pub use composition::Composition;
pub use contents::{Contents, Result};
pub use context::Context;
pub use dependencies::{SitePackages, dependencies, private_key_warning};
pub use elf_reader::{ElfFile, ElfReader, WheelElfFiles};
pub use extract::extract;
pub use interpreter::{check_releases, find_interpreter};
pub use key::KeyHasher;
pub use reason_file::reason_file;
pub use reasons::{Because, Reason, Reasons};
pub use runtime::runtime;
pub use site_packages::distributions;
pub use source_image::{SourceImage, SourceImageId};
pub use stage::{Changes, Facts, ImageState, InstalledDistribution, Stage, StageResult, TakenLibrary, TakenPackage};
pub use text_files::reader;
pub use unavailable::Unavailable;
pub use verify::{excluded_python, verify};
