//! The source of an archive's bytes.

use std::io::{self, BufReader, Read, Seek};

/// The source of an archive's bytes.
pub trait TarInput {
    /// Fills the buffer.
    ///
    /// # Errors
    /// `UnexpectedEof` where fewer bytes are left.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()>;

    /// Passes over so many bytes.
    ///
    /// # Errors
    /// Errors of reading; bytes beyond the end may be passed over without an error.
    fn forward(&mut self, bytes: u64) -> io::Result<()>;
}

impl<R: Read + Seek> TarInput for BufReader<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact(buffer)
    }

    fn forward(&mut self, bytes: u64) -> io::Result<()> {
        self.seek_relative(i64::try_from(bytes).map_err(io::Error::other)?)
    }
}
