//! Content on the local disk: the cache between runs, registries behind it, and OCI layouts.
//!
//! Every file appears under its name complete or not at all: it is staged beside its place and
//! renamed.

pub mod cache;
mod cached_repository;
pub mod layout;
mod lock_wait;
mod staged;
mod verified;

pub use cache::{Cache, CacheKind, CacheOptions};
pub use cached_repository::{CachedRepository, KeptBlobs};
pub use layout::{Layout, LayoutWriter};
