//! The cache between runs: a directory of immutable entries.
//!
//! ```text
//! ROOT/CACHEDIR.TAG   ROOT/carboy-cache      marks of a cache: its format, its version (`cache_folder`)
//! ROOT/lock                                  held while entries are opened or deleted
//! ROOT/runs/run-XXXXXX/                      a running process and its staged files (`session`)
//! ROOT/blobs/sha256/HEX   ROOT/tars/HEX   ROOT/wheels/HEX   ROOT/facts/HEX   ROOT/layers/HEX
//! ROOT/wheel-names/HEX   ROOT/folders/HEX   ROOT/bytecode/HEX   ROOT/elf/HEX   ROOT/stages/HEX
//! ```
//! An entry is renamed into place, so that a reader never sees an incomplete one and processes that
//! commit the same key at once do not disturb each other. Its modification time is the time of its
//! last use. Directories have mode 0700, files 0600.
//!
//! If the cache cannot be written, entries are stored in a directory that lasts for this run.
//! Records that other users could have written are not used ([`trust`]).

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
