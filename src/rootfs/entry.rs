//! One file, folder or link of a tree, and where a file's bytes are.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;

use crate::oci::Digest;

/// Mode and owner. Times are no part of a tree: layers write one fixed time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Meta {
    /// Permission bits with set-id and sticky, `0o7777` at most.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Extended attributes by full name, such as `security.capability`.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Meta {
    /// Root's, without extended attributes.
    #[must_use]
    pub fn root(mode: u32) -> Self {
        Self { mode, ..Self::default() }
    }
}

/// A file, folder or link.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    pub meta: Meta,
    pub kind: Kind,
}

/// The type of an entry.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Folder,
    File(Content),
    /// A symbolic link's target, as written.
    Link(Vec<u8>),
    /// A device or pipe: seen, never copied.
    Special,
}

/// The source of a file's bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Content {
    /// A stretch of a pulled layer's uncompressed tar.
    Layer {
        /// The digest of the layer's blob.
        blob: Digest,
        offset: u64,
        size: u64,
        /// SHA-256 of its content.
        digest: Digest,
    },
    /// A file with holes, of a pulled layer.
    Sparse(Arc<Sparse>),
    /// Made by carboy.
    Bytes(Arc<[u8]>),
    /// On the user's disk.
    Local(Arc<LocalFile>),
    /// In a wheel on the user's disk or in the cache.
    ZipEntry(Arc<ZipEntry>),
}

/// A file that others are packed in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ArchiveFile {
    /// A wheel's file name, for errors: the cache calls it otherwise.
    pub name: String,
    pub path: PathBuf,
    /// SHA-256 of the whole archive, which identifies its content.
    pub digest: Digest,
}

/// A file in an archive. Its content is checked against the digest as it is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ZipEntry {
    pub archive: Arc<ArchiveFile>,
    /// The offset of its data in the archive.
    pub offset: u64,
    /// The length of its data in the archive, in bytes.
    pub packed: u64,
    /// In bytes, unpacked.
    pub size: u64,
    /// True if the data is deflated, false if it is stored as it is.
    pub deflated: bool,
    /// SHA-256 of its content.
    pub digest: Digest,
}

/// Data of a layer's tar, with zeros around it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sparse {
    /// The digest of the layer's blob.
    pub blob: Digest,
    /// The offset of the data in the tar. The data has no gaps there.
    pub offset: u64,
    /// The file's length, holes included.
    pub size: u64,
    /// The ranges of the file that the data fills: in order, not empty, inside the file.
    pub extents: Vec<Extent>,
    /// SHA-256 of the data, holes left out.
    pub data: Digest,
}

/// A part of a file that is not a hole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Extent {
    pub offset: u64,
    pub length: u64,
}

/// A regular local file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalFile {
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
    pub executable: bool,
    /// SHA-256 of its content.
    pub digest: Digest,
    /// Its first four bytes (fewer when it is shorter, then padded with zeros).
    pub magic: [u8; 4],
}

impl LocalFile {
    /// Its mode in an image: of the disk's, only whether it is executable counts.
    #[must_use]
    pub fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}

impl Content {
    /// Returns the length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Layer { size, .. } => *size,
            Self::Sparse(sparse) => sparse.size,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Local(file) => file.size,
            Self::ZipEntry(member) => member.size,
        }
    }

    /// Returns SHA-256 of the bytes; none of a file with holes.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Bytes(bytes) => Some(Digest::of(bytes)),
            Self::Local(file) => Some(file.digest),
            Self::ZipEntry(member) => Some(member.digest),
            Self::Layer { digest, .. } => Some(*digest),
            Self::Sparse(_) => None,
        }
    }

    /// Returns the digest of the pulled layer's blob that the bytes are in, if they are in one.
    #[must_use]
    pub fn blob(&self) -> Option<&Digest> {
        match self {
            Self::Layer { blob, .. } => Some(blob),
            Self::Sparse(sparse) => Some(&sparse.blob),
            Self::Bytes(_) | Self::Local(_) | Self::ZipEntry(_) => None,
        }
    }
}

impl Sparse {
    /// Returns the length of the data, in bytes.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.extents.iter().map(|extent| extent.length).sum()
    }
}

impl Entry {
    /// Returns a folder of root's.
    #[must_use]
    pub fn folder(mode: u32) -> Self {
        Self { meta: Meta::root(mode), kind: Kind::Folder }
    }

    /// Returns a file of root's, with bytes at hand.
    #[must_use]
    pub fn bytes(mode: u32, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { meta: Meta::root(mode), kind: Kind::File(Content::Bytes(bytes.into())) }
    }

    /// Returns a local file, made root's.
    #[must_use]
    pub fn local(file: &LocalFile) -> Self {
        Self { meta: Meta::root(file.mode()), kind: Kind::File(Content::Local(Arc::new(file.clone()))) }
    }

    /// Returns a link of root's.
    #[must_use]
    pub fn link(target: impl Into<Vec<u8>>) -> Self {
        Self { meta: Meta::root(0o777), kind: Kind::Link(target.into()) }
    }

    /// Returns the file's content; none for what is no file.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::File(content) => Some(content),
            Kind::Folder | Kind::Link(_) | Kind::Special => None,
        }
    }

    /// Returns whether this is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }
}

/// Bytes that can be read from any position.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}
