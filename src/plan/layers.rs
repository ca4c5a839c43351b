//! The compression of the layers, and the distributions with layers of their own.

use super::{Args, PlanError};
use crate::config::{self, File};
use crate::oci::CompressionLevel;

/// The rule that gives large distributions a layer of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayerSplit {
    /// The smallest unpacked size of such a distribution, in bytes.
    pub size: u64,
    /// The largest number of such layers. The largest distributions get them.
    pub max: usize,
}

impl Default for LayerSplit {
    /// Returns 1 MiB and 24 layers. A pull makes one or two requests for each layer; 1 MiB is worth that.
    fn default() -> Self {
        Self { size: 1 << 20, max: 24 }
    }
}

/// Returns the compression of the layers.
pub(super) fn compression(args: &Args, file: &File) -> Result<CompressionLevel, PlanError> {
    let bad = |cause| PlanError::Flag { flag: "--compression", cause };
    let flag: Option<config::Compression> = args.compression.as_deref().map(str::parse).transpose().map_err(bad)?;
    let kind = flag.or(file.layers.compression).unwrap_or_default();
    // A level belongs to the compression that the file names.
    let level =
        file.layers.level.filter(|_| flag.is_none() || flag == Some(file.layers.compression.unwrap_or_default()));
    let level = level.map(|level| kind.check_level(level)).transpose().map_err(bad)?;
    Ok(match kind {
        config::Compression::Zstd => {
            level.map_or_else(CompressionLevel::default, |level| CompressionLevel::Zstd { level })
        }
        config::Compression::Gzip => CompressionLevel::gzip(level.and_then(|level| u32::try_from(level).ok())),
    })
}

/// Returns the rule for layers of large distributions.
pub(super) fn split(file: &File) -> LayerSplit {
    let default = LayerSplit::default();
    LayerSplit {
        size: file.layers.split_size.unwrap_or(default.size),
        max: file.layers.split_max.unwrap_or(default.max),
    }
}
