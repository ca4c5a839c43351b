//! Numbers as zip archives store them.

/// A little-endian number of `size` bytes at a place that is there.
pub fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
