//! The kinds of entries in the cache.

/// A kind of entries in the cache.
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
    /// The SHA-256 of a wheel, by a digest over another hash of it, or over its distribution.
    WheelName,
    /// Facts about the files of a local directory, by the digest of its path.
    Folder,
    /// Compiled bytecode, by the digest of interpreter, paths and sources.
    Bytecode,
    /// JSON about a wheel's ELF files, by a digest over the wheel's.
    Elf,
    /// A composed stage, or the outcome of all stages, by the digest of its inputs.
    Stage,
    /// The digest and media type of a manifest, by a digest over an image's name and tag.
    Tag,
}

impl CacheKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
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
        Self::Tag,
    ];

    /// Returns whether an entry is named by the digest of its content, so that it can be verified
    /// no matter which user wrote it. Other entries are results for given inputs, and are used only
    /// if their writer is trusted.
    #[must_use]
    pub fn is_content(self) -> bool {
        matches!(self, Self::Blob | Self::Tar | Self::Wheel)
    }

    /// Returns the directory of these entries, below the cache's own.
    pub(super) fn folder_name(self) -> &'static str {
        match self {
            Self::Blob => "blobs/sha256",
            Self::Tar => "tars",
            Self::Wheel => "wheels",
            Self::Listing => "facts",
            Self::Layer => "layers",
            Self::WheelName => "wheel-names",
            Self::Folder => "folders",
            Self::Bytecode => "bytecode",
            Self::Elf => "elf",
            Self::Stage => "stages",
            Self::Tag => "tags",
        }
    }

    /// Returns the name that warnings give to an entry.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Blob => "a manifest or layer",
            Self::Tar => "a layer's tar",
            Self::Wheel => "a wheel",
            Self::Listing => "a layer's list of files",
            Self::Layer => "the record of a layer",
            Self::WheelName => "the record of a wheel",
            Self::Folder => "the index of a local directory",
            Self::Bytecode => "compiled bytecode",
            Self::Elf => "the record of a wheel's libraries",
            Self::Stage => "a composed stage",
            Self::Tag => "the record of an image's tag",
        }
    }
}
