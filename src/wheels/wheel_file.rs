//! A wheel on the local disk.

use std::path::Path;
use std::sync::Arc;

use crate::oci::Digest;

/// A wheel on the local disk with a verified hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WheelFile {
    /// The name that the lock file, the index or the wheelhouse has for it.
    pub name: String,
    pub path: Arc<Path>,
    /// SHA-256 of the whole file.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// The file name of the sdist that carboy made the wheel from.
    pub sdist: Option<Arc<str>>,
}
