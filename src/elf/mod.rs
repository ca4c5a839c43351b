//! Shared libraries: what ELF files need, and where the dynamic loader finds it.
//!
//! Files are read, never run. Pure: bytes come through [`object::ReadRef`].

pub mod closure;
pub mod dynamic;
pub mod search;

pub use closure::{Closure, Loader, Missing, Outcome, Taken, TakenFrom};
pub use dynamic::{ElfError, Object, is_elf, parse};
