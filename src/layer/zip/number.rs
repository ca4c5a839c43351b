//! Numbers as zip archives store them.

/// Reads a little-endian number of `size` bytes. The bytes must exist.
pub fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
