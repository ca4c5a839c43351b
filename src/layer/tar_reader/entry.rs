//! An entry of a tar archive.

use std::collections::BTreeMap;

use crate::rootfs::entry::Extent;

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    File,
    HardLink,
    Link,
    Folder,
    /// A device or a pipe.
    Special,
}

/// An entry of the archive.
#[derive(Debug)]
pub struct TarEntry {
    pub kind: EntryType,
    /// The name as written.
    pub name: Vec<u8>,
    /// The target as written; empty for entries that are not links.
    pub link: Vec<u8>,
    pub mode: u64,
    pub uid: u64,
    pub gid: u64,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The offset of its data in the archive.
    pub offset: u64,
    /// A file's length, holes included.
    pub size: u64,
    /// The ranges that the data fills in a file with holes; none for a plain file.
    pub extents: Option<Vec<Extent>>,
}
