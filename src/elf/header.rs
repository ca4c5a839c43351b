//! Reads the header of an ELF file: its machine and its entry point.
//!
//! Source: gABI chapter 4, "ELF Header". Static programs, which the loader has
//! nothing to do with, are known by this alone.

use super::abi::Abi;

/// The number of bytes that are read.
pub const LENGTH: usize = 20;

/// Returns whether a file's first bytes are ELF's.
#[must_use]
pub fn is_elf(magic: [u8; 4]) -> bool {
    magic == *b"\x7fELF"
}

/// Returns the machine of an executable or shared library; none for object files, cores and
/// whatever else there is.
#[must_use]
pub fn abi(head: &[u8; LENGTH]) -> Option<Abi> {
    let little_endian = match head[5] {
        1 => true,
        2 => false,
        _ => return None,
    };
    let half = |at: usize| {
        let bytes = [head[at], head[at + 1]];
        if little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    };
    let is_64 = match head[4] {
        1 => false,
        2 => true,
        _ => return None,
    };
    let loadable = matches!(half(16), 2 | 3); // ET_EXEC, ET_DYN
    (head.starts_with(b"\x7fELF") && loadable).then(|| Abi { machine: half(18), is_64, little_endian })
}

/// Returns the address at which a file is started (`e_entry`), 0 for a library that has none; none
/// when the bytes, the first of a file that [`abi`] knows, end before.
#[must_use]
pub fn entry_point(head: &[u8], abi: Abi) -> Option<u64> {
    let bytes = head.get(24..if abi.is_64 { 32 } else { 28 })?;
    let put = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    Some(if abi.little_endian { bytes.iter().rev().fold(0, put) } else { bytes.iter().fold(0, put) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(class: u8, order: u8, kind: u8, machine: [u8; 2]) -> [u8; LENGTH] {
        let mut head = [0; LENGTH];
        head[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order]);
        head[16] = kind;
        head[18..].copy_from_slice(&machine);
        head
    }

    #[test]
    fn programs_and_libraries_of_any_machine() {
        let x86_64 = Abi { machine: 62, is_64: true, little_endian: true };
        assert_eq!(abi(&head(2, 1, 3, [62, 0])), Some(x86_64));
        let mut s390 = head(2, 2, 0, [0, 22]);
        s390[17] = 2;
        assert_eq!(abi(&s390), Some(Abi { machine: 22, is_64: true, little_endian: false }));
        for none in [head(2, 1, 1, [62, 0]), head(3, 1, 3, [62, 0]), head(2, 0, 3, [62, 0]), [0; LENGTH]] {
            assert_eq!(abi(&none), None);
        }
    }

    #[test]
    fn a_program_has_an_entry_point() {
        let mut bytes = [0; 64];
        bytes[24..28].copy_from_slice(&[0x10, 0x20, 0, 0]);
        let of = |is_64, little_endian| Abi { machine: 62, is_64, little_endian };
        assert_eq!(entry_point(&bytes, of(true, true)), Some(0x2010));
        assert_eq!(entry_point(&bytes, of(false, false)), Some(0x1020_0000));
        assert_eq!(entry_point(&bytes[..31], of(true, true)), None);
    }
}
