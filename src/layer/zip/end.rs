//! The end of a zip archive: one, at the file's very end, right behind the central
//! directory.
//!
//! Source: PKWARE's APPNOTE, 4.3.14 to 4.3.16. Stricter than that, as `PyPI` and uv are,
//! so that no two readers see two archives in one file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::error::ArchiveFault;
use super::number::number;

/// The length of the end record without its comment.
const END: u64 = 22;
const LOCATOR: u64 = 20;
const END64: u64 = 56;
const SIGNATURE: &[u8] = b"PK\x05\x06";

/// The location of the central directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirectoryLocation {
    pub start: u64,
    pub end: u64,
    pub members: u64,
}

/// Finds the central directory of a file of `length` bytes.
pub fn find(file: &File, length: u64) -> Result<DirectoryLocation, ArchiveFault> {
    let tail = length.min(END + 0xffff);
    let tail = bytes(file, length - tail, tail)?;
    let end = end(&tail)?;
    let position = length - end.len() as u64;
    let own = Numbers {
        disks: [number(end, 4, 2), number(end, 6, 2)],
        members: [number(end, 8, 2), number(end, 10, 2)],
        size: number(end, 12, 4),
        start: number(end, 16, 4),
    };
    match zip64(file, position)? {
        None => own.directory(position),
        Some((numbers, position)) => {
            let narrow = |wide: u64, most: u64| move |own: u64| own == most || own == wide;
            let members = numbers.members.map(|members| narrow(members, 0xffff));
            let fits = members[0](own.members[0])
                && members[1](own.members[1])
                && narrow(numbers.size, 0xffff_ffff)(own.size)
                && narrow(numbers.start, 0xffff_ffff)(own.start)
                && own.disks.iter().all(|&disk| narrow(0, 0xffff)(disk));
            if !fits {
                return Err(ArchiveFault::Ends);
            }
            numbers.directory(position)
        }
    }
}

/// Returns the end whose comment reaches to the file's end. Zip archives in the archive have ends
/// too, which do not.
fn end(tail: &[u8]) -> Result<&[u8], ArchiveFault> {
    let ends = (0..tail.len()).map(|at| &tail[at..]);
    let ends: Vec<_> = ends.filter(|end| end.starts_with(SIGNATURE) && end.len() as u64 >= END).collect();
    let mut whole = ends.iter().filter(|end| end.len() as u64 == END + number(end, 20, 2));
    match (whole.next(), whole.next(), ends.last()) {
        (Some(end), None, _) => Ok(end),
        (Some(_), Some(_), _) => Err(ArchiveFault::Ends),
        (None, _, Some(last)) if last.len() as u64 > END + number(last, 20, 2) => Err(ArchiveFault::After),
        (None, ..) => Err(ArchiveFault::NoEnd),
    }
}

/// The fields that both kinds of end record have.
struct Numbers {
    disks: [u64; 2],
    members: [u64; 2],
    size: u64,
    start: u64,
}

impl Numbers {
    /// Returns the directory, which ends at `position`.
    fn directory(&self, position: u64) -> Result<DirectoryLocation, ArchiveFault> {
        if self.disks != [0, 0] || self.members[0] != self.members[1] {
            return Err(ArchiveFault::Parts);
        }
        match self.start.checked_add(self.size) {
            Some(end) if end == position => Ok(DirectoryLocation { start: self.start, end, members: self.members[0] }),
            Some(end) if end < position => Err(ArchiveFault::Before),
            _ => Err(ArchiveFault::DirectoryLocation),
        }
    }
}

/// Returns the larger end before the end at `position`, if there is one, and where it is.
fn zip64(file: &File, position: u64) -> Result<Option<(Numbers, u64)>, ArchiveFault> {
    let Some(locator) = position.checked_sub(LOCATOR) else { return Ok(None) };
    let locator = bytes(file, locator, LOCATOR)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(None);
    }
    let at = position.checked_sub(LOCATOR + END64).ok_or(ArchiveFault::DirectoryLocation)?;
    let end = bytes(file, at, END64)?;
    // its own length does not count the first 12 bytes; further data has no use
    let is_whole = end.starts_with(b"PK\x06\x06") && number(&end, 4, 8) == END64 - 12;
    if !is_whole || number(&locator, 8, 8) != at {
        return Err(ArchiveFault::DirectoryLocation);
    }
    if number(&locator, 4, 4) != 0 || number(&locator, 16, 4) > 1 {
        return Err(ArchiveFault::Parts);
    }
    let numbers = Numbers {
        disks: [number(&end, 16, 4), number(&end, 20, 4)],
        members: [number(&end, 24, 8), number(&end, 32, 8)],
        size: number(&end, 40, 8),
        start: number(&end, 48, 8),
    };
    Ok(Some((numbers, at)))
}

fn bytes(file: &File, at: u64, length: u64) -> Result<Vec<u8>, ArchiveFault> {
    let mut out = vec![0; usize::try_from(length).unwrap_or_default()];
    let read = file.read_exact_at(&mut out, at);
    read.map_err(|cause: io::Error| ArchiveFault::Read(cause.to_string()))?;
    Ok(out)
}
