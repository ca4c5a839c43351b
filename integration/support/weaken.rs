//! ELF files as no linker makes them.

use std::fs;
use std::path::Path;

/// Makes a needed version weak, which no linker of this age does by itself.
pub fn weaken(path: &Path, version: &str) {
    let hash = version.bytes().fold(0_u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(byte.into());
        (hash ^ ((hash & 0xf000_0000) >> 24)) & 0x0fff_ffff
    });
    let mut bytes = fs::read(path).unwrap();
    let wanted = [&hash.to_le_bytes()[..], &[0, 0]].concat();
    let at = bytes.windows(wanted.len()).position(|part| part == wanted).unwrap();
    bytes[at + 4] = 2;
    fs::write(path, bytes).unwrap();
}
