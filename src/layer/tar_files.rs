//! The trait that opens the tars of pulled layers.

use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::oci::Digest;

/// Opens the tars that layers' stretches are in.
pub trait TarFiles: Send + Sync {
    /// Returns the uncompressed tar of a pulled layer, by its blob's digest.
    ///
    /// # Errors
    /// A tar that is not there any more.
    fn tar(&self, blob: &Digest) -> io::Result<Arc<File>>;

    /// Returns whether the file that begins at an offset of a tar was verified already.
    fn is_verified(&self, _blob: &Digest, _offset: u64) -> bool {
        false
    }

    /// Remembers that a file was verified.
    fn set_verified(&self, _blob: &Digest, _offset: u64) {}

    /// Hears that a tar is not what it was when its files were hashed, and returns the
    /// error to fail with.
    fn damaged(&self, blob: &Digest) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("the stored tar of layer {} is damaged", blob.short()))
    }
}
