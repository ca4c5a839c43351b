//! The dynamic loader's files in an image: `ld.so.conf` and `ld.so.cache`. Pure.
//!
//! The search order of a process, and the folders that glibc trusts, are in `elf`.

mod glob;
pub mod ld_so_cache;
pub mod ld_so_conf;
mod symbol_version;

pub use symbol_version::symbol_version;
