//! A writer that compresses with zstd or gzip.

use std::io::{self, Write};

/// A writer that compresses what passes.
pub enum Compressor<'a, W: Write> {
    Zstd(zstd::stream::write::Encoder<'a, W>),
    Gzip(flate2::write::GzEncoder<W>),
}

impl<W: Write> Compressor<'_, W> {
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(encoder) => encoder.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Zstd(encoder) => encoder.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}
