//! Access to the bytes of sources.

use std::io;

use crate::rootfs::Content;

/// Callbacks that read sources for the compiler.
pub struct SourceReader<'a> {
    /// Reads a source of at most the given number of bytes.
    pub read: &'a (dyn Fn(&Content, u64) -> io::Result<Vec<u8>> + Sync),
    /// Reports the bytes of sources that are done.
    pub advanced: &'a (dyn Fn(u64) + Sync),
}
