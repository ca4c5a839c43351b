//! The cache's string table: a string that ends another one shares its bytes.
//!
//! Source: glibc's `elf/stringtable.c`, since 2.33.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Strings that end with NUL, and where each begins.
pub(super) struct Strings<'a> {
    bytes: Vec<u8>,
    offsets: BTreeMap<&'a [u8], usize>,
}

impl<'a> Strings<'a> {
    pub fn new(strings: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut all: Vec<_> = strings.collect();
        // Backwards from the last byte, greater ones first, so that a string follows
        // the one it may be the tail of.
        all.sort_by_cached_key(|string| Reverse(string.iter().rev().copied().collect::<Vec<u8>>()));
        all.dedup();
        let (mut bytes, mut offsets) = (Vec::new(), BTreeMap::new());
        let mut previous: &[u8] = &[];
        for string in all {
            if offsets.is_empty() || !previous.ends_with(string) {
                bytes.extend_from_slice(string);
                bytes.push(0);
            }
            offsets.insert(string, bytes.len() - 1 - string.len());
            previous = string;
        }
        Self { bytes, offsets }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the offset of a string in the table; the table's end for a string that it does not
    /// have.
    pub fn offset(&self, string: &[u8]) -> usize {
        self.offsets.get(string).copied().unwrap_or(self.bytes.len())
    }
}
