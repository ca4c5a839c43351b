//! Reads a file with holes from the tar that has its data.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::rootfs::Sparse;

/// A file with holes, which read as zeros.
pub struct SparseReader {
    file: Arc<File>,
    sparse: Arc<Sparse>,
    /// The offset in the tar of each extent's data.
    starts: Vec<u64>,
    at: u64,
    /// Of the data read so far.
    hasher: Hasher,
}

impl SparseReader {
    /// Opens the file at its beginning.
    #[must_use]
    pub fn new(file: Arc<File>, sparse: Arc<Sparse>) -> Self {
        let next = |at: &mut u64, length: u64| Some(std::mem::replace(at, *at + length));
        let lengths = sparse.extents.iter().map(|extent| extent.length);
        let starts = lengths.scan(sparse.offset, next).collect();
        Self { file, sparse, starts, at: 0, hasher: Hasher::default() }
    }

    /// Returns SHA-256 of the data that was read: of all, once the file was read from its beginning
    /// to its end.
    #[must_use]
    pub fn data_digest(&self) -> Digest {
        self.hasher.clone().finish()
    }
}

impl Read for SparseReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let extents = &self.sparse.extents;
        let here = extents.partition_point(|extent| extent.offset + extent.length <= self.at);
        let (start, end, data) = match extents.get(here) {
            Some(extent) if extent.offset <= self.at => {
                let into = self.at - extent.offset;
                (self.starts[here] + into, extent.offset + extent.length, true)
            }
            next => (0, next.map_or(self.sparse.size, |extent| extent.offset), false),
        };
        let want = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let mut count = want;
        if data && want > 0 {
            count = self.file.read_at(&mut buffer[..want], start)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.hasher.update(&buffer[..count]);
        } else {
            buffer[..want].fill(0);
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for SparseReader {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        let at = match position {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::End(offset) => self.sparse.size.checked_add_signed(offset),
            io::SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
