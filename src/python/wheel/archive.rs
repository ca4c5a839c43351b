//! A wheel's files, as its zip archive lists them.

use std::io::{self, Read};
use std::sync::Arc;

use crate::oci::Digest;
use crate::rootfs::{ArchiveFile, ZipEntry};

/// A wheel that was listed: names are relative, UTF-8, without `.` and `..`; no two are
/// one path, none is below another, and their data do not overlap. See `layer::zip`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Archive {
    pub file: Arc<ArchiveFile>,
    /// In the archive's order. Folders are left out.
    pub members: Vec<RawZipEntry>,
}

/// A file in a wheel, whose content nothing has vouched for yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawZipEntry {
    pub name: String,
    /// Where its data begins in the archive.
    pub offset: u64,
    /// How much of the archive it takes, in bytes.
    pub packed: u64,
    /// In bytes, unpacked.
    pub size: u64,
    /// Whether the data is deflated; stored as it is otherwise.
    pub deflated: bool,
    /// Whether its mode has any execute bit.
    pub executable: bool,
    /// Of its content, as zip computes it.
    pub crc: u32,
}

/// Opens the content of a member. The reader verifies the checksum of the archive.
pub type Open<'a> = dyn FnMut(&RawZipEntry) -> io::Result<Box<dyn Read>> + 'a;

impl Archive {
    /// A member as a tree's files name it, once the SHA-256 of its content is known.
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
