//! The files of a wheel, as its zip archive lists them.

use std::io::{self, Read};
use std::sync::Arc;

use crate::oci::Digest;
use crate::rootfs::{ArchiveFile, ZipEntry};

/// The list of files in a wheel. Names are relative, UTF-8, without `.` and `..`; no two are one
/// path, none is below another, and their data do not overlap. See `layer::zip`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Archive {
    pub file: Arc<ArchiveFile>,
    /// The files in the order of the archive, without directories.
    pub members: Vec<RawZipEntry>,
}

/// A file of a wheel with unverified content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawZipEntry {
    pub name: String,
    /// The offset of the data in the archive.
    pub offset: u64,
    /// The size of the data in the archive, in bytes.
    pub packed: u64,
    /// The unpacked size in bytes.
    pub size: u64,
    /// Whether the data is deflated or stored.
    pub deflated: bool,
    /// Whether the mode has an execute bit.
    pub executable: bool,
    /// The CRC-32 of the unpacked content.
    pub crc: u32,
}

/// Opens the content of a member. The reader verifies the checksum of the archive.
pub type Open<'a> = dyn FnMut(&RawZipEntry) -> io::Result<Box<dyn Read>> + 'a;

impl Archive {
    /// Returns a member as file content for a tree, with the SHA-256 of its content.
    #[must_use]
    pub fn member(&self, raw: &RawZipEntry, digest: Digest) -> ZipEntry {
        ZipEntry {
            archive: self.file.clone(),
            offset: raw.offset,
            packed: raw.packed,
            size: raw.size,
            deflated: raw.deflated,
            digest,
        }
    }
}
