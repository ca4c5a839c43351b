//! What the layers of one image may unpack to, together.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::oci::Descriptor;
use crate::rootfs::Limits;

/// An image that has more than `[limits]` allow for all of its layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("its layers have {size} bytes compressed, and may have {limit} unpacked")]
    Stored { size: u64, limit: u64 },
    #[error("its layers unpack to more than {limit} bytes together")]
    Size { limit: u64 },
    #[error("its layers have more than {limit} entries together")]
    Entries { limit: u64 },
}

impl ImageError {
    /// The key of `[limits]` that would have to be raised.
    #[must_use]
    pub fn limit(&self) -> &'static str {
        match self {
            Self::Stored { .. } | Self::Size { .. } => "image-size",
            Self::Entries { .. } => "image-entries",
        }
    }
}

/// The bytes that are left for an image's layers. Shared by those that are unpacked at once.
pub struct Budget {
    left: AtomicU64,
    limit: u64,
}

impl Budget {
    /// A whole image's.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { left: AtomicU64::new(limits.image_size), limit: limits.image_size }
    }

    /// Takes bytes that a layer unpacked to.
    ///
    /// # Errors
    /// `Size` when fewer are left.
    pub fn take(&self, bytes: u64) -> Result<(), ImageError> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| ImageError::Size { limit: self.limit })
    }
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

/// Checks the sizes of unpacked layers, those that the cache had included.
///
/// # Errors
/// `Size`.
pub fn check_unpacked(layers: impl IntoIterator<Item = u64>, limits: &Limits) -> Result<(), ImageError> {
    let all = Budget::new(limits);
    layers.into_iter().try_for_each(|size| all.take(size))
}

/// Checks the number of entries of all layers.
///
/// # Errors
/// `Entries`.
pub fn check_entries(entries: u64, limits: &Limits) -> Result<(), ImageError> {
    let limit = limits.image_entries;
    if entries > limit { Err(ImageError::Entries { limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_layers_count_together() {
        let limits = Limits { image_size: 10, image_entries: 3, ..Limits::default() };
        let budget = Budget::new(&limits);
        assert_eq!(budget.take(4).and_then(|()| budget.take(6)), Ok(()));
        assert_eq!(budget.take(1), Err(ImageError::Size { limit: 10 }));
        assert_eq!(check_unpacked([5, 5], &limits), Ok(()));
        assert_eq!(check_unpacked([5, 6], &limits).map_err(|error| error.limit()), Err("image-size"));
        assert_eq!(check_unpacked([u64::MAX, u64::MAX], &limits), Err(ImageError::Size { limit: 10 }));
        assert_eq!(check_entries(3, &limits), Ok(()));
        assert_eq!(check_entries(4, &limits).map_err(|error| error.limit()), Err("image-entries"));
        let layer = |size| Descriptor { size, ..Descriptor::of("x", b"") };
        assert_eq!(check_stored(&[layer(4), layer(6)], &limits), Ok(()));
        let stored = check_stored(&[layer(u64::MAX), layer(u64::MAX)], &limits);
        assert_eq!(stored, Err(ImageError::Stored { size: u64::MAX, limit: 10 }));
    }
}
