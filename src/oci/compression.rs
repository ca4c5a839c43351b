//! The compression of layers.

use serde::{Deserialize, Serialize};

/// A compression of layers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// The number of bytes at a blob's beginning that tell its compression.
    pub const MAGIC: usize = 4;

    /// Returns the compression of a blob that begins with these bytes. Media types are wrong now and
    /// then, so that docker and containerd look at the bytes too.
    #[must_use]
    pub fn of_bytes(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // A frame, or a skippable frame (RFC 8878, 3.1).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A compression to write layers with, and its level.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CompressionLevel {
    /// Levels 1 to 19.
    Zstd { level: i32 },
    /// Levels 1 to 9.
    Gzip { level: u32 },
}

impl Default for CompressionLevel {
    fn default() -> Self {
        Self::Zstd { level: 3 }
    }
}

impl CompressionLevel {
    /// gzip at a level, or at its customary 6.
    #[must_use]
    pub fn gzip(level: Option<u32>) -> Self {
        Self::Gzip { level: level.unwrap_or(6) }
    }

    /// Returns the compression without its level.
    #[must_use]
    pub fn format(self) -> Compression {
        match self {
            Self::Zstd { .. } => Compression::Zstd,
            Self::Gzip { .. } => Compression::Gzip,
        }
    }
}
