//! Access to the bytes of sources.

use std::io;

use crate::rootfs::Content;

/// Reads sources for the compiler.
pub struct SourceReader<'a> {
    /// The bytes of a source, which are not more than the number given.
    pub read: &'a (dyn Fn(&Content, u64) -> io::Result<Vec<u8>> + Sync),
    /// Hears of the bytes of sources that are done.
    pub advanced: &'a (dyn Fn(u64) + Sync),
}
