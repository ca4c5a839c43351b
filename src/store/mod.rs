//! Content on the local disk: the cache between runs, registries behind it, OCI layouts and archives.
//!
//! Every file appears under its name complete or not at all: it is staged beside its place and
//! renamed.

pub mod archive;
mod blob_reader;
pub mod cache;
mod cached_repository;
pub mod layout;
mod lock_wait;
mod staged;
mod verified;

pub use archive::{ArchiveFormat, ArchiveWriter};
pub use cache::{Cache, CacheKind, CacheOptions};
pub use cached_repository::{CachedRepository, KeptBlobs};
pub use layout::{Layout, LayoutWriter};
