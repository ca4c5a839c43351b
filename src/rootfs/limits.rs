//! Limits on the size of an image and its parts.

/// Bounds on one layer, on all layers of an image, and on the tree that they make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of a layer's uncompressed tar, and of its sparse files once expanded.
    pub layer_size: u64,
    /// Entries of a layer's tar; entries of the tree, with the folders that names imply.
    pub layer_entries: u64,
    /// Bytes of all names, link targets and attributes of a layer; of the tree's paths.
    pub layer_names: u64,
    /// Bytes of one path or link target.
    pub name_length: u64,
    /// Bytes of all layers of an image, unpacked; of all its blobs as they are stored.
    pub image_size: u64,
    /// Entries of all layers of an image together.
    pub image_entries: u64,
    /// Bytes of memory that a layer's zstd frame may ask for to be unpacked, 1 KiB to
    /// 2 GiB, rounded up to a power of two.
    pub zstd_window: u64,
}

impl Default for Limits {
    /// Measured: a layer of 500,000 entries costs some 140 MB in memory with short names.
    /// The largest of python's images has some 40,000, unpacks to 1 GB (assumed), and Linux
    /// opens no path above 4,095 bytes (`PATH_MAX`, `limits.h`). A window of 8 MiB is what
    /// RFC 8878 wants every decoder to take ("Window Descriptor"), what zstd's levels up to
    /// 19 use, and the Go library of containers' tools at every level.
    fn default() -> Self {
        Self {
            layer_size: 16 << 30,
            layer_entries: 500_000,
            layer_names: 64 << 20,
            name_length: 4095,
            image_size: 32 << 30,
            image_entries: 1_000_000,
            zstd_window: 8 << 20,
        }
    }
}
