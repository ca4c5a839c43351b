//! Shared libraries: what ELF files need, and where the dynamic loader finds it.
//!
//! Files are read, never run. Pure: bytes come through [`object::ReadRef`].

pub mod closure;
pub mod dynamic;
mod exports;
mod file;
mod files;
pub mod header;
mod locate;
mod memory;
mod process;
pub mod search;
mod version_records;
pub mod versions;

pub use closure::{Closure, Edge, Loader, Missing, Outcome, Taken, TakenFrom};
pub use dynamic::{Abi, ElfError, Need, NeedKind, Object, is_elf, parse};
pub use exports::exports;
pub use process::Process;
pub use version_records::VersionNeed;
pub use versions::{Mismatch, MismatchKind};
