//! How layers are compressed.

use serde::{Deserialize, Serialize};

use super::Packing;

/// A compressor and its level.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Compression {
    /// Levels 1 to 19.
    Zstd { level: i32 },
    /// Levels 1 to 9.
    Gzip { level: u32 },
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd { level: 3 }
    }
}

impl Compression {
    /// gzip at a level, or at its customary 6.
    #[must_use]
    pub fn gzip(level: Option<u32>) -> Self {
        Self::Gzip { level: level.unwrap_or(6) }
    }

    /// How a layer compressed like this is packed.
    #[must_use]
    pub fn packing(self) -> Packing {
        match self {
            Self::Zstd { .. } => Packing::Zstd,
            Self::Gzip { .. } => Packing::Gzip,
        }
    }
}
