//! An entry of a tar archive.

use std::collections::BTreeMap;

use crate::rootfs::entry::Extent;

/// What an entry is.
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
    /// As written.
    pub name: Vec<u8>,
    /// As written; empty for what is no link.
    pub link: Vec<u8>,
    pub mode: u64,
    pub uid: u64,
    pub gid: u64,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Where its data begins in the archive.
    pub offset: u64,
    /// A file's length, holes included.
    pub size: u64,
    /// Where the data goes in a file with holes; none for a plain file.
    pub extents: Option<Vec<Extent>>,
}
