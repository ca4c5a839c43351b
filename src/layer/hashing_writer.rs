//! A writer that hashes and counts the bytes that pass.

use std::io::{self, Write};

use crate::oci::Digest;
use crate::oci::digest::Hasher;

/// A writer that hashes and counts what passes.
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
    size: u64,
}

impl<W> HashingWriter<W> {
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::default(), size: 0 }
    }

    pub fn finish(self) -> (W, (Digest, u64)) {
        (self.inner, (self.hasher.finish(), self.size))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
