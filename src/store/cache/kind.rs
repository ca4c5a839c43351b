//! The kinds of entries that the cache holds.

/// The kinds of entries that the cache holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CacheKind {
    /// A verified blob, manifest or config, by its own digest.
    Blob,
    /// A verified layer's uncompressed tar, by a digest over blob and diff id.
    Tar,
    /// A verified wheel, by its SHA-256.
    Wheel,
    /// The entries of a layer's tar and their digests, by a digest over the tar's key.
    Listing,
    /// JSON about a layer that carboy made, by the digest of its inputs.
    Layer,
    /// The SHA-256 of a wheel, by a digest over another hash of it.
    WheelName,
    /// Facts about the files of a local folder, by the digest of its path.
    Folder,
    /// Compiled bytecode, by the digest of interpreter, paths and sources.
    Bytecode,
    /// JSON about a wheel's ELF files, by a digest over the wheel's.
    Elf,
    /// A composed stage, or the outcome of all stages, by the digest of its inputs.
    Stage,
}

impl CacheKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Blob,
        Self::Tar,
        Self::Wheel,
        Self::Listing,
        Self::Layer,
        Self::WheelName,
        Self::Folder,
        Self::Bytecode,
        Self::Elf,
        Self::Stage,
    ];

    /// Whether an entry is named by the digest of its content, so that it can be verified
    /// whoever wrote it. Others say what some inputs lead to, and have to be believed.
    #[must_use]
    pub fn is_content(self) -> bool {
        matches!(self, Self::Blob | Self::Tar | Self::Wheel)
    }
}
