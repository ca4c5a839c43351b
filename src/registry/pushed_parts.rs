//! The blobs and manifests that a repository was given, to push again what the registry misses.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::oci::{Descriptor, Digest, RawManifest};
use crate::repository::BlobSource;

/// Everything that was pushed, with the origins of its bytes.
#[derive(Default)]
pub struct PushedParts(Mutex<BTreeMap<Digest, PushedPart>>);

/// A blob or manifest that was pushed.
#[derive(Clone)]
pub enum PushedPart {
    Blob(Box<Descriptor>, BlobSource),
    Manifest(RawManifest),
}

impl PushedParts {
    /// Keeps a part, in place of an earlier one with the digest.
    pub fn keep(&self, digest: Digest, part: PushedPart) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, part);
    }

    /// Returns the part with a digest.
    pub fn get(&self, digest: &Digest) -> Option<PushedPart> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }
}
