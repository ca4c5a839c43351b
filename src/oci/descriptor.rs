//! A descriptor: what content is called, how long it is, what it means.
//!
//! Source: image-spec `descriptor.md`. The wire form is oci-client's; this is
//! the checked form, with a parsed digest and a size that is no negative number.

use std::collections::BTreeMap;

use oci_distribution::manifest::OciDescriptor;
use serde::{Deserialize, Serialize};

use super::digest::{Digest, DigestError};

/// The name of content: type, digest and size in bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
}

/// Why a descriptor on the wire is not acceptable.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DescriptorError {
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("{digest} has a negative size, {size}")]
    Size { digest: String, size: i64 },
}

impl Descriptor {
    /// Describes bytes at hand.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self { media_type: media_type.to_owned(), digest: Digest::of(bytes), size: bytes.len() as u64 }
    }

    /// Checks a descriptor's fields as they came over the wire.
    ///
    /// # Errors
    /// A digest that is not sha256; a negative size.
    pub fn checked(media_type: &str, digest: &str, size: i64) -> Result<Self, DescriptorError> {
        let bytes = u64::try_from(size).map_err(|_| DescriptorError::Size { digest: digest.to_owned(), size })?;
        Ok(Self { media_type: media_type.to_owned(), digest: digest.parse()?, size: bytes })
    }

    /// The wire form, without annotations.
    #[must_use]
    pub fn to_wire(&self) -> OciDescriptor {
        OciDescriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.to_string(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        }
    }
}

/// Annotations in the order they are written in.
pub type Annotations = BTreeMap<String, String>;
