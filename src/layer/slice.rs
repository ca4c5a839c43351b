//! A range of a file as a reader of its own.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A stretch of a file, read without moving the file's own position.
#[derive(Clone)]
pub struct Slice {
    file: Arc<File>,
    start: u64,
    at: u64,
    size: u64,
}

impl Slice {
    /// `size` bytes from `start`.
    #[must_use]
    pub fn new(file: Arc<File>, start: u64, size: u64) -> Self {
        Self { file, start, at: 0, size }
    }

    /// Returns the offset in the file at which the slice begins.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let want = left.min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let count = self.file.read_at(&mut buffer[..want], self.start + self.at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Slice {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        let at = match position {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            io::SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
