//! The cache between runs: a folder of immutable entries.
//!
//! ```text
//! ROOT/CACHEDIR.TAG   ROOT/carboy-cache      marks: a cache, carboy's, of this version (`cache_folder`)
//! ROOT/lock                                  held while entries are opened or deleted
//! ROOT/runs/run-XXXXXX/                      a running process and its staged files (`session`)
//! ROOT/blobs/sha256/HEX   ROOT/tars/HEX   ROOT/wheels/HEX   ROOT/facts/HEX   ROOT/layers/HEX
//! ROOT/wheel-names/HEX   ROOT/folders/HEX   ROOT/bytecode/HEX   ROOT/elf/HEX
//! ```
//! An entry is renamed into place, so that a reader never meets half of one and processes
//! that commit the same key at once do each other no harm. Its modification time is when
//! it was last used. Folders are made with mode 0700, files with 0600.
//!
//! Where the cache cannot be written, entries are made in a folder that lasts for this run.
//! Where others could have written it, records are not believed ([`trust`]).

mod cache_folder;
mod disk_cache;
mod entry_file;
mod failure;
mod kind;
mod record;
mod session;
mod trust;
mod usage;

pub use disk_cache::{Cache, CacheOptions};
pub use kind::CacheKind;
pub use usage::{KindUsage, PruneLimits, Pruned, Usage};
