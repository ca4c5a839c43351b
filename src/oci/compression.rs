//! The compression of layers.

use serde::{Deserialize, Serialize};

/// A compression that a layer's media type names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
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
