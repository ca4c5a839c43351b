//! The manifest or index that an image's name refers to.

use std::sync::Arc;

use crate::oci::RawManifest;
use crate::repository::Source;

/// The manifest or index that an image's name refers to.
pub struct ImageRoot {
    pub source: Arc<dyn Source>,
    pub raw: RawManifest,
}
