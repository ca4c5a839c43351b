//! `[layers]`: the compression and the split of the layers.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::error::BadValue;
use super::reader::Node;
use super::size;
use super::{ConfigError, keys};

/// The compression and the split of the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layers {
    pub compression: Option<Compression>,
    /// The level, within [`Compression::levels`].
    pub level: Option<i32>,
    /// The smallest size in bytes of a distribution with a layer of its own.
    pub split_size: Option<u64>,
    /// The largest number of distributions with a layer of their own.
    pub split_max: Option<usize>,
}

/// The compression of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    #[default]
    Zstd,
    Gzip,
}

impl Compression {
    /// Returns the levels of the compression, the fastest first.
    #[must_use]
    pub fn levels(self) -> RangeInclusive<i32> {
        match self {
            Self::Zstd => 1..=19,
            Self::Gzip => 1..=9,
        }
    }

    /// Returns the level if the compression has it.
    ///
    /// # Errors
    /// Returns an error for a level outside [`Self::levels`].
    pub fn check_level(self, level: i32) -> Result<i32, BadValue> {
        let levels = self.levels();
        if levels.contains(&level) {
            return Ok(level);
        }
        let hint = format!("{self} has levels {} to {}", levels.start(), levels.end());
        Err(BadValue::new(format!("cannot be {level}")).with_hint(hint))
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        })
    }
}

impl FromStr for Compression {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        match text {
            "zstd" => Ok(Self::Zstd),
            "gzip" => Ok(Self::Gzip),
            other => Err(BadValue::new(format!("cannot be `{other}`")).with_hint("write \"zstd\" or \"gzip\"")),
        }
    }
}

/// The largest number of layers for distributions. Images have at most 127 layers (overlayfs as
/// Docker uses it), and bases some twenty.
const MOST: usize = 60;

fn read_count(node: &Node<'_>) -> Result<usize, ConfigError> {
    let count = node.integer()?;
    let problem = || BadValue::new(format!("cannot be {count}")).with_hint(format!("write a number from 0 to {MOST}"));
    if count <= MOST { Ok(count) } else { Err(node.refuse(problem())) }
}

impl Layers {
    /// Reads the table. A level without a compression belongs to `inherited`.
    pub(super) fn read(node: &Node<'_>, inherited: Compression) -> Result<Self, ConfigError> {
        let table = node.table(keys::LAYERS)?;
        let compression = table.get("compression", Node::parsed::<Compression>)?;
        let level = table.get("level", |node| {
            let level = node.integer()?;
            compression.unwrap_or(inherited).check_level(level).map_err(|problem| node.refuse(problem))
        })?;
        let split_size = table.get("split-size", size::read)?;
        Ok(Self { compression, level, split_size, split_max: table.get("split-max", read_count)? })
    }

    /// Merges this table over another one. A level belongs to its compression: the lower level is
    /// dropped if the upper table selects another compression.
    pub(super) fn over(self, under: Self) -> Self {
        let below = under.compression.unwrap_or_default();
        let same = self.compression.is_none_or(|above| above == below);
        Self {
            compression: self.compression.or(under.compression),
            level: self.level.or(under.level.filter(|_| same)),
            split_size: self.split_size.or(under.split_size),
            split_max: self.split_max.or(under.split_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_goes_with_its_compression() {
        let layers = |compression, level| Layers { compression, level, ..Layers::default() };
        let below = layers(None, Some(19));
        let over = |above: Layers| above.over(below);
        assert_eq!(over(Layers::default()).level, Some(19));
        assert_eq!(over(layers(Some(Compression::Zstd), None)).level, Some(19));
        assert_eq!(over(layers(Some(Compression::Gzip), None)), layers(Some(Compression::Gzip), None));
        assert_eq!(over(layers(Some(Compression::Gzip), Some(6))), layers(Some(Compression::Gzip), Some(6)));
    }
}
