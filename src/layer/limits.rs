//! How much of a hostile layer carboy is willing to take.

/// Bounds on one layer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the uncompressed tar.
    pub unpacked: u64,
    /// Entries of the tar.
    pub entries: usize,
    /// Bytes of a path or a link's target.
    pub name: usize,
}

impl Default for Limits {
    /// Far above real base and builder images (assumed: the largest python image
    /// unpacks to 1 GB), far below what hurts.
    fn default() -> Self {
        Self { unpacked: 16 << 30, entries: 2_000_000, name: 4096 }
    }
}
