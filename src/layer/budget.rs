//! The limits that all layers of an image, or all wheels of its layers, share.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::oci::Descriptor;
use crate::rootfs::Limits;

/// An image that has more than `[limits]` allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("its layers have {size} bytes compressed, and may have {limit} unpacked")]
    Stored { size: u64, limit: u64 },
    #[error("its {what} unpack to more than {limit} bytes together")]
    Size { what: &'static str, limit: u64 },
    #[error("its {what} have more than {limit} entries together")]
    Entries { what: &'static str, limit: u64 },
}

impl ImageError {
    /// Returns the key of `[limits]` that would have to be raised.
    #[must_use]
    pub fn limit(&self) -> &'static str {
        match self {
            Self::Stored { .. } | Self::Size { .. } => "image-size",
            Self::Entries { .. } => "image-entries",
        }
    }
}

/// The rest of an image's limits. Threads that unpack parts of the image at once share it.
pub struct Budget {
    what: &'static str,
    size: AtomicU64,
    entries: AtomicU64,
    limits: Limits,
}

impl Budget {
    /// Returns all that the limits allow; `what` is said in errors, as in "layers".
    #[must_use]
    pub fn new(limits: &Limits, what: &'static str) -> Self {
        let (size, entries) = (limits.image_size.into(), limits.image_entries.into());
        Self { what, size, entries, limits: *limits }
    }

    /// Takes bytes that something unpacked to.
    ///
    /// # Errors
    /// `Size` when fewer are left.
    pub fn take_bytes(&self, bytes: u64) -> Result<(), ImageError> {
        let error = ImageError::Size { what: self.what, limit: self.limits.image_size };
        take(&self.size, bytes).ok_or(error)
    }

    /// Takes entries.
    ///
    /// # Errors
    /// `Entries` when fewer are left.
    pub fn take_entries(&self, entries: u64) -> Result<(), ImageError> {
        let error = ImageError::Entries { what: self.what, limit: self.limits.image_entries };
        take(&self.entries, entries).ok_or(error)
    }
}

fn take(left: &AtomicU64, amount: u64) -> Option<()> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount)).ok().map(drop)
}

/// Checks what an image's manifest says of its layers, before any is pulled.
///
/// # Errors
/// `Stored`: no image is larger compressed than unpacked.
pub fn check_stored(layers: &[Descriptor], limits: &Limits) -> Result<(), ImageError> {
    let size = layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
    let limit = limits.image_size;
    if size > limit { Err(ImageError::Stored { size, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_count_together() {
        let limits = Limits { image_size: 10, image_entries: 3, ..Limits::default() };
        let budget = Budget::new(&limits, "layers");
        assert_eq!(budget.take_bytes(4).and_then(|()| budget.take_bytes(6)), Ok(()));
        let size = budget.take_bytes(1).unwrap_err();
        assert_eq!(
            (size.to_string().as_str(), size.limit()),
            ("its layers unpack to more than 10 bytes together", "image-size")
        );
        assert!(Budget::new(&limits, "").take_bytes(u64::MAX).is_err());
        assert_eq!(budget.take_entries(1).and_then(|()| budget.take_entries(2)), Ok(()));
        let entries = budget.take_entries(1).unwrap_err();
        assert_eq!(
            (entries.to_string().as_str(), entries.limit()),
            ("its layers have more than 3 entries together", "image-entries")
        );
        let layer = |size| Descriptor { size, ..Descriptor::of("x", b"") };
        assert_eq!(check_stored(&[layer(4), layer(6)], &limits), Ok(()));
        let stored = check_stored(&[layer(u64::MAX), layer(u64::MAX)], &limits);
        assert_eq!(stored, Err(ImageError::Stored { size: u64::MAX, limit: 10 }));
    }
}
