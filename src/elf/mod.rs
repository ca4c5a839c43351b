//! Shared libraries: what ELF files need, and where the dynamic loader finds it.
//!
//! Files are read, never run. Pure: bytes come through [`object::ReadRef`].

mod candidate;
pub mod closure;
pub mod dynamic;
mod exports;
mod file;
pub mod header;
mod loaded_objects;
mod locate;
pub mod search;
mod segments;
mod version_records;
pub mod versions;

pub use closure::{Closure, Edge, LibraryFile, Loader, MissingLibrary, Resolution, ResolvedLibrary};
pub use dynamic::{Abi, ElfError, Need, NeedKind, Object, is_elf, parse};
pub use exports::exports;
pub use loaded_objects::LoaderState;
pub use version_records::VersionNeed;
pub use versions::{Mismatch, MismatchKind};
