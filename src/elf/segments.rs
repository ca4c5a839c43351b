//! A file as it would lie in memory: addresses become offsets by `PT_LOAD`.
//!
//! Source: gABI chapter 5, "Program Loading". Every read is bounded, whatever sizes
//! the file claims: what a loader would map is never read whole.

use object::elf::PT_LOAD;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, Pod, ReadRef};

use super::error::ElfError;

/// The most bytes of one name: `PATH_MAX`.
pub(super) const STRING: u64 = 4096;
/// The most bytes of all strings of one file. Real files stay below some KiB, but for
/// the search paths that some build systems write: those have hundreds of folders.
const STRINGS: usize = 256 << 10;
/// The most bytes of one table (dynamic section, version records): real ones have
/// some KiB.
const TABLE: u64 = 1 << 16;

/// The loaded segments of a file.
pub(super) struct Memory<R> {
    data: R,
    end: u64,
    segments: Vec<Segment>,
    /// The number of bytes of strings that may still be read.
    left: usize,
}

struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

impl<'data, R: ReadRef<'data>> Memory<R> {
    pub fn new<H>(data: R, headers: &[H::ProgramHeader], endian: Endianness) -> Result<Self, ElfError>
    where
        H: FileHeader<Endian = Endianness>,
    {
        let segments = headers.iter().filter(|header| header.p_type(endian) == PT_LOAD).map(|header| Segment {
            address: header.p_vaddr(endian).into(),
            offset: header.p_offset(endian).into(),
            size: header.p_filesz(endian).into(),
        });
        let end = data.len().map_err(|()| ElfError::new("its length is not known"))?;
        Ok(Self { data, end, segments: segments.collect(), left: STRINGS })
    }

    /// Returns the offset of an address in the file, and the end of its segment there.
    fn offset(&self, address: u64) -> Option<(u64, u64)> {
        // Of segments that overlap, the last mapped counts.
        self.segments.iter().rev().find_map(|segment| {
            let inside = address.checked_sub(segment.address).filter(|inside| *inside < segment.size)?;
            let from = segment.offset.checked_add(inside)?;
            let end = segment.offset.saturating_add(segment.size).min(self.end);
            (from < end).then_some((from, end))
        })
    }

    /// Returns the bytes from an address to the end of its segment, 64 KiB at most.
    pub fn table(&self, address: u64) -> Result<&'data [u8], ElfError> {
        let (from, end) = self.offset(address).ok_or_else(|| ElfError::new("a table is in no segment"))?;
        let size = (end - from).min(TABLE);
        self.data.read_bytes_at(from, size).map_err(|()| ElfError::new("a table ends behind the file's end"))
    }

    /// So many bytes at an address.
    pub fn bytes(&self, address: u64, size: u64) -> Result<&'data [u8], ElfError> {
        let outside = || ElfError::new("a table is in no segment");
        let (from, end) = self.offset(address).filter(|(from, end)| end - from >= size).ok_or_else(outside)?;
        self.data.read_bytes_at(from, size.min(end - from)).map_err(|()| outside())
    }

    /// Reads a name of the string table at an address.
    pub fn string(&mut self, table: u64, size: u64, at: u64) -> Result<Vec<u8>, ElfError> {
        let (from, end) = self.text(table, size, at)?;
        let bytes = self.data.read_bytes_at_until(from..end.min(from.saturating_add(STRING)), 0);
        let bytes = bytes.map_err(|()| outside())?;
        self.count(bytes)?;
        Ok(bytes.to_vec())
    }

    /// Reads a list of directories in the string table: as long as all strings together may be.
    pub fn search_path(&mut self, table: u64, size: u64, at: u64) -> Result<Vec<u8>, ElfError> {
        let (mut from, end) = self.text(table, size, at)?;
        let mut out = Vec::new();
        while from < end {
            let piece = self.data.read_bytes_at(from, STRING.min(end - from)).map_err(|()| outside())?;
            let text = piece.split(|&byte| byte == 0).next().unwrap_or_default();
            self.count(text)?;
            out.extend_from_slice(text);
            if text.len() < piece.len() {
                return Ok(out);
            }
            from += piece.len() as u64;
        }
        Err(outside())
    }

    /// Returns the offset of a string in the file, and the offset at which it has to end.
    fn text(&self, table: u64, size: u64, at: u64) -> Result<(u64, u64), ElfError> {
        let address = table.checked_add(at).filter(|_| at < size).ok_or_else(outside)?;
        let (from, end) = self.offset(address).ok_or_else(outside)?;
        Ok((from, end.min(from.saturating_add(size - at))))
    }

    /// Charges for a string that is kept.
    pub(super) fn count(&mut self, text: &[u8]) -> Result<(), ElfError> {
        self.left = self.left.checked_sub(text.len()).ok_or_else(|| ElfError::new("its strings are too long"))?;
        Ok(())
    }
}

fn outside() -> ElfError {
    ElfError::new("a string lies outside of its string table")
}

/// Returns the record at an offset of a table.
pub(super) fn record<T: Pod>(table: &[u8], at: usize) -> Result<&T, ElfError> {
    let bytes = table.get(at..).ok_or_else(|| ElfError::new("a record lies outside of its table"))?;
    object::pod::from_bytes(bytes).map(|(record, _)| record).map_err(|()| ElfError::new("a record is cut off"))
}
