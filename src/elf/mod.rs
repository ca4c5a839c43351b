//! Shared libraries: what ELF files need, and where the dynamic loader finds it.
//!
//! Files are read, never run. Pure: bytes come through [`object::ReadRef`].

mod abi;
mod candidate;
mod closure;
mod dynamic;
mod error;
mod exports;
mod file;
pub mod header;
mod library_request;
mod loaded_objects;
mod loader;
mod locate;
mod object;
mod resolution;
pub mod search;
mod segments;
mod version_need;
mod version_records;
pub mod versions;
mod walk;
mod walker;

pub use abi::Abi;
pub use closure::Closure;
pub use dynamic::parse;
pub use error::ElfError;
pub use exports::exports;
pub use header::is_elf;
pub use loaded_objects::LoaderState;
pub use loader::Loader;
pub use object::{Need, NeedKind, Object};
pub use resolution::{Edge, LibraryFile, MissingLibrary, Resolution, ResolvedLibrary};
pub use version_need::VersionNeed;
pub use versions::{Mismatch, MismatchKind};
