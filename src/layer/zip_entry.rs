//! A file of a zip archive: its bytes, forwards or from any place.
//!
//! Source: PKWARE's APPNOTE, 4.4.5 (0 stored, 8 deflated); RFC 1951.
//!
//! Deflated data is read forwards only. Who reads here and there (the ELF reader: header,
//! segments at the end, names at the beginning) gets what was inflated on the way from
//! memory: the first 4 MiB and the last 4 MiB so far. What lies between begins anew.
//!
//! Measured with the 219 libraries in the wheels of numpy, pandas, scipy and pyarrow (307
//! MB, Python 3.13, x86-64), on a busy machine, carboy not optimised: `elf::parse` of all
//! takes 2.2 s in the archives, and 0.2 s of the files after these were unpacked in 3.8 s.
//! `integration/wheels.rs` measures it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::bufread::DeflateDecoder;

use super::slice::Slice;
use crate::rootfs::ZipEntry;

/// The number of bytes of a file's beginning, and of the data read last, that are kept.
const KEPT: usize = 4 << 20;
/// The number of bytes that are inflated at once, except for the first bytes: readers often need a
/// file's type only.
const STEP: usize = 32 << 10;
const FIRST: usize = 4 << 10;
/// The number of times that a reader may begin anew, which bounds the work for a hostile file.
const RESTARTS: u32 = 64;

/// The bytes of a member from the first to the last: not fewer, not more than it says.
/// Not checked against its digest: the caller that reads it to its end does that.
pub struct EntryReader {
    data: Data,
    packed: u64,
    left: u64,
    /// True if it was seen to end where it should.
    ended: bool,
}

enum Data {
    Stored(Slice),
    Deflated(DeflateDecoder<BufReader<Slice>>),
}

impl EntryReader {
    /// Opens the archive.
    ///
    /// # Errors
    /// An archive that is not there any more.
    pub fn open(member: &ZipEntry) -> io::Result<Self> {
        Ok(Self::new(Arc::new(File::open(&member.archive.path)?), member))
    }

    /// Opens a member of an archive that is open.
    #[must_use]
    pub fn new(file: Arc<File>, member: &ZipEntry) -> Self {
        let slice = Slice::new(file, member.offset, member.packed);
        let data = if member.deflated {
            let buffer = usize::try_from(member.packed).unwrap_or(usize::MAX).clamp(1, STEP);
            Data::Deflated(DeflateDecoder::new(BufReader::with_capacity(buffer, slice)))
        } else {
            Data::Stored(slice)
        };
        Self { data, packed: member.packed, left: member.size, ended: false }
    }

    /// Sees to it that the data ends with the last byte.
    fn end(&mut self) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        let more = match &mut self.data {
            Data::Stored(slice) => slice.read(&mut [0])? > 0,
            Data::Deflated(decoder) => decoder.read(&mut [0])? > 0 || decoder.total_in() != self.packed,
        };
        if more {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than the archive says"));
        }
        self.ended = true;
        Ok(())
    }
}

impl Read for EntryReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.end()?;
        }
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let count = match &mut self.data {
            Data::Stored(slice) => slice.read(&mut buffer[..want])?,
            Data::Deflated(decoder) => decoder.read(&mut buffer[..want])?,
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than the archive says"));
        }
        self.left -= count as u64;
        if self.left == 0 {
            self.end()?;
        }
        Ok(count)
    }
}

/// The bytes of a member from any place, not checked against its digest.
pub struct SeekableEntry {
    file: Arc<File>,
    member: Arc<ZipEntry>,
    at: u64,
    /// None for what is stored, which needs no inflating.
    window: Option<InflatedWindow>,
}

/// The inflated bytes that are kept.
struct InflatedWindow {
    source: EntryReader,
    /// The offset of `source`.
    reached: u64,
    restarts: u32,
    /// The buffer of one step.
    step: Box<[u8]>,
    /// The first bytes, from 0.
    first: Vec<u8>,
    /// The last bytes before `reached`, as far as they are not in `first`.
    last: VecDeque<u8>,
}

impl SeekableEntry {
    /// Opens the archive.
    ///
    /// # Errors
    /// An archive that is not there any more.
    pub fn open(member: &Arc<ZipEntry>) -> io::Result<Self> {
        let file = Arc::new(File::open(&member.archive.path)?);
        let window = member.deflated.then(|| InflatedWindow::new(EntryReader::new(file.clone(), member), member.size));
        Ok(Self { file, member: member.clone(), at: 0, window })
    }
}

impl InflatedWindow {
    fn new(source: EntryReader, size: u64) -> Self {
        let step = vec![0; usize::try_from(size).unwrap_or(STEP).min(STEP)].into();
        Self { source, reached: 0, restarts: 0, step, first: Vec::new(), last: VecDeque::new() }
    }

    /// Begins anew, with the first bytes still at hand.
    fn restart(&mut self, source: EntryReader) -> io::Result<()> {
        self.restarts += 1;
        if self.restarts > RESTARTS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is read back and forth too often"));
        }
        self.source = source;
        self.reached = 0;
        self.last.clear();
        Ok(())
    }

    /// Copies what is at hand from `at` on; none when that is further back.
    fn copy(&self, at: u64, buffer: &mut [u8]) -> Option<usize> {
        let fill = |from: &[u8], buffer: &mut [u8]| {
            let count = from.len().min(buffer.len());
            buffer[..count].copy_from_slice(&from[..count]);
            count
        };
        if let Some(rest) = usize::try_from(at).ok().and_then(|at| self.first.get(at..)).filter(|rest| !rest.is_empty())
        {
            return Some(fill(rest, buffer));
        }
        let start = self.reached - self.last.len() as u64;
        let into = usize::try_from(at.checked_sub(start)?).ok()?;
        let (front, back) = self.last.as_slices();
        match front.get(into..) {
            Some(rest) if !rest.is_empty() => Some(fill(rest, buffer)),
            _ => back.get(into - front.len()..).filter(|rest| !rest.is_empty()).map(|rest| fill(rest, buffer)),
        }
    }

    /// Inflates some more.
    fn forward(&mut self) -> io::Result<()> {
        let want = if self.reached == 0 { FIRST.min(self.step.len()) } else { self.step.len() };
        let count = self.source.read(&mut self.step[..want])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let new = &self.step[..count];
        // after a restart, the first bytes are known
        let known =
            usize::try_from(self.reached).map_or(usize::MAX, |reached| self.first.len().saturating_sub(reached));
        let new_here = &new[known.min(count)..];
        let (first, last) = new_here.split_at((KEPT - self.first.len()).min(new_here.len()));
        self.first.extend_from_slice(first);
        // room is made before: the buffer never grows past what is kept
        self.last.drain(..(self.last.len() + last.len()).saturating_sub(KEPT).min(self.last.len()));
        self.last.extend(last);
        self.reached += count as u64;
        Ok(())
    }
}

impl Read for SeekableEntry {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (at, member) = (self.at, &self.member);
        if at >= member.size || buffer.is_empty() {
            return Ok(0);
        }
        let count = match &mut self.window {
            None => {
                let mut slice = Slice::new(self.file.clone(), member.offset, member.packed.min(member.size));
                slice.seek(SeekFrom::Start(at))?;
                slice.read(buffer)?
            }
            Some(window) => loop {
                if let Some(count) = window.copy(at, buffer) {
                    break count;
                }
                if at < window.reached {
                    window.restart(EntryReader::new(self.file.clone(), member))?;
                }
                window.forward()?;
            },
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for SeekableEntry {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let at = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.member.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::oci::Digest;
    use crate::rootfs::ArchiveFile;

    /// Content that is nowhere the same, as a member of a file that is that member only.
    fn member(folder: &tempfile::TempDir, size: usize, deflated: bool) -> (Arc<ZipEntry>, Vec<u8>) {
        let content: Vec<u8> = (0..size).map(|at| u8::try_from(at * at / 7 % 251).unwrap()).collect();
        let data = if deflated {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&content).unwrap();
            encoder.finish().unwrap()
        } else {
            content.clone()
        };
        let path = folder.path().join("x");
        std::fs::write(&path, &data).unwrap();
        let member = ZipEntry {
            archive: Arc::new(ArchiveFile { name: "x.whl".to_owned(), path, digest: Digest::of(&data) }),
            offset: 0,
            packed: data.len() as u64,
            size: size as u64,
            deflated,
            digest: Digest::of(&content),
        };
        (Arc::new(member), content)
    }

    #[test]
    fn any_place_can_be_read_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        for (size, deflated) in [(0, true), (1, true), (100_000, false), (KEPT * 3, true)] {
            let (member, content) = member(&folder, size, deflated);
            let mut reader = SeekableEntry::open(&member).unwrap();
            let mut all = Vec::new();
            EntryReader::open(&member).unwrap().read_to_end(&mut all).unwrap();
            assert!(all == content, "{size}");
            for at in
                [0, size / 2, size, size - size / 10, 10, KEPT - 3, size / 2, KEPT + 3, 2 * KEPT, size / 2 + KEPT, 0]
            {
                let mut some = vec![0; 3 * STEP];
                reader.seek(SeekFrom::Start(at as u64)).unwrap();
                let want = content.get(at..).unwrap_or_default();
                let want = &want[..want.len().min(some.len())];
                reader.read_exact(&mut some[..want.len()]).unwrap();
                assert!(some.starts_with(want), "{size} at {at}");
            }
            reader.seek(SeekFrom::End(0)).unwrap();
            assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        }
    }

    #[test]
    fn going_back_and_forth_has_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let (member, _) = member(&folder, KEPT * 3, true);
        let mut reader = SeekableEntry::open(&member).unwrap();
        let mut read = |at: usize| {
            reader.seek(SeekFrom::Start(at as u64)).unwrap();
            reader.read(&mut [0])
        };
        let error = (0..=RESTARTS).find_map(|_| read(KEPT * 3 - 1).and_then(|_| read(KEPT + 1)).err());
        assert_eq!(error.unwrap().to_string(), "it is read back and forth too often");
    }

    #[test]
    fn sizes_are_held_to() {
        let folder = tempfile::tempdir().unwrap();
        for deflated in [true, false] {
            let (member, content) = member(&folder, 1000, deflated);
            for size in [0, 999, 1001] {
                let other = Arc::new(ZipEntry { size, ..ZipEntry::clone(&member) });
                let all = EntryReader::open(&other).unwrap().read_to_end(&mut Vec::new());
                let says = if size > 1000 {
                    "it is shorter than the archive says"
                } else {
                    "it is longer than the archive says"
                };
                assert_eq!(all.unwrap_err().to_string(), says, "{size}");
            }
            let longer = ZipEntry { packed: member.packed - 1, ..ZipEntry::clone(&member) };
            assert!(EntryReader::open(&longer).unwrap().read_to_end(&mut Vec::new()).is_err());
            assert_eq!(content.len(), 1000);
        }
    }
}
