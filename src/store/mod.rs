//! Content on the local disk: the cache between runs, and OCI layouts.
//!
//! Every file appears under its name complete or not at all: it is staged beside its place and
//! renamed.

pub mod cache;
pub mod layout;
mod lock_wait;
mod staged;
mod verified;

pub use cache::{Cache, CacheKind, CacheOptions};
pub use layout::{Layout, LayoutWriter};
