//! Files with holes, in the four ways that GNU tar writes them.
//!
//! Source: GNU tar's manual, "Storing Sparse Files". Stretches must come in order,
//! lie within the file and name all of the data, and all but the last must fill their
//! blocks: of anything else GNU tar, tarfile and Go make different files.

use super::error::TarError;
use super::header::{BLOCK, Block, positive, until_nul};
use super::pax::{SparseKeys, decimal};
use crate::rootfs::entry::Extent;

/// Of one file.
const MAX_STRETCHES: usize = 1 << 16;
const MALFORMED: TarError = TarError::Broken("the map of its holes is malformed");

/// The extents of a sparse file as far as they were read.
#[derive(Default)]
pub struct SparseMap {
    extents: Vec<Extent>,
    ended: bool,
}

/// The sparse format of an extended header's records.
pub enum SparseFormat {
    None,
    /// The map is in the records.
    Records(SparseMap, u64),
    /// The map is where the data begins.
    Data(u64),
}

impl SparseMap {
    fn add(&mut self, offset: u64, length: u64) -> Result<(), TarError> {
        if self.extents.len() == MAX_STRETCHES {
            return Err(TarError::Broken("it has more holes than carboy reads"));
        }
        self.extents.push(Extent { offset, length });
        Ok(())
    }

    /// Reads the pairs of an old header, or of a block that extends it. A field that
    /// is empty ends the map.
    pub fn fields(&mut self, block: &[u8], extended: bool) -> Result<(), TarError> {
        for pair in block.chunks_exact(24) {
            let (offset, length) = pair.split_at(12);
            let empty = until_nul(offset).is_empty() || until_nul(length).is_empty();
            if self.ended && !empty {
                return Err(MALFORMED);
            }
            self.ended |= empty;
            if !empty {
                self.add(positive(offset)?, positive(length)?)?;
            }
        }
        if self.ended && extended { Err(MALFORMED) } else { Ok(()) }
    }

    fn pairs(numbers: &[u64]) -> Result<Self, TarError> {
        let mut map = Self::default();
        for pair in numbers.chunks(2) {
            let &[offset, length] = pair else { return Err(MALFORMED) };
            map.add(offset, length)?;
        }
        Ok(map)
    }

    /// Returns the stretches, once they are known to make a file of `size` bytes out of `data`.
    pub fn finish(self, size: u64, data: u64) -> Result<Vec<Extent>, TarError> {
        let (mut at, mut taken) = (0, 0_u64);
        for extent in &self.extents {
            let end = extent.offset.checked_add(extent.length).ok_or(MALFORMED)?;
            let unaligned = extent.length > 0 && !taken.is_multiple_of(BLOCK);
            if extent.offset < at || end > size || unaligned {
                return Err(TarError::Ambiguous("the stretches of data between its holes are no proper ones"));
            }
            at = end;
            taken += extent.length;
        }
        // Of a file whose map stops before its end, GNU tar makes a shorter one.
        if at != size {
            return Err(TarError::Ambiguous("the map of its holes does not reach its end"));
        }
        if taken != data {
            return Err(TarError::Ambiguous("the stretches of data between its holes are not all of its data"));
        }
        Ok(self.extents.into_iter().filter(|extent| extent.length > 0).collect())
    }
}

/// Returns the format that records speak, and what they say.
pub fn format(keys: &SparseKeys) -> Result<SparseFormat, TarError> {
    let unknown = TarError::Ambiguous("it is a sparse file of no known format");
    let early = matches!(keys.version, (None, None) | (Some(0), Some(0 | 1)));
    let count = |map: &[u64]| keys.blocks.and_then(|blocks| blocks.checked_mul(2)) == Some(map.len() as u64);
    match keys {
        _ if *keys == SparseKeys::default() => Ok(SparseFormat::None),
        SparseKeys { map: Some(map), size: Some(size), real_size: None, pairs, .. }
            if early && pairs.is_empty() && count(map) =>
        {
            Ok(SparseFormat::Records(SparseMap::pairs(map)?, *size))
        }
        SparseKeys { map: None, size: Some(size), real_size: None, name: None, pairs, .. }
            if early && !pairs.is_empty() && count(pairs) =>
        {
            Ok(SparseFormat::Records(SparseMap::pairs(pairs)?, *size))
        }
        SparseKeys {
            version: (Some(1), Some(0)),
            real_size: Some(size),
            size: None,
            map: None,
            blocks: None,
            pairs,
            ..
        } if pairs.is_empty() => Ok(SparseFormat::Data(*size)),
        _ => Err(unknown),
    }
}

/// Reads format 1.0's map, block by block: a count, then offsets and lengths, a
/// line each. Returns it with the number of bytes that it took.
pub fn map_in_data(mut block: impl FnMut() -> Result<Block, TarError>) -> Result<(SparseMap, u64), TarError> {
    let (mut numbers, mut line, mut taken) = (Vec::new(), Vec::new(), 0);
    let mut wanted = None;
    while wanted.is_none_or(|wanted| numbers.len() < wanted) {
        let bytes = block()?;
        taken += BLOCK;
        for byte in bytes {
            if wanted == Some(numbers.len()) {
                break;
            }
            match byte {
                b'\n' => {
                    let number = decimal(&std::mem::take(&mut line))?;
                    match wanted {
                        Some(_) => numbers.push(number),
                        None => wanted = Some(count(number)?),
                    }
                }
                _ if line.len() < 20 => line.push(byte),
                _ => return Err(MALFORMED),
            }
        }
    }
    Ok((SparseMap::pairs(&numbers)?, taken))
}

fn count(number: u64) -> Result<usize, TarError> {
    let count = usize::try_from(number).ok().filter(|&count| count <= MAX_STRETCHES);
    count.map(|count| 2 * count).ok_or(TarError::Broken("it has more holes than carboy reads"))
}
