//! A file of a zip archive: its bytes, from any place.
//!
//! Source: PKWARE's APPNOTE, 4.4.5 (0 stored, 8 deflated); RFC 1951. Reading goes
//! forwards; going back begins anew.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::bufread::DeflateDecoder;

use super::contents::Slice;
use crate::rootfs::Member;

/// The bytes of a member, not checked against its digest: whoever reads it to its end does that.
pub struct Unzipped {
    file: Arc<File>,
    member: Arc<Member>,
    data: Data,
    /// How far `data` has come, and where the next byte is wanted.
    reached: u64,
    at: u64,
}

enum Data {
    Stored(Slice),
    Deflated(DeflateDecoder<BufReader<Slice>>),
}

impl Unzipped {
    /// Opens the archive.
    ///
    /// # Errors
    /// An archive that is not there any more.
    pub fn open(member: &Arc<Member>) -> io::Result<Self> {
        let file = Arc::new(File::open(&member.archive)?);
        let data = data(&file, member);
        Ok(Self { file, member: member.clone(), data, reached: 0, at: 0 })
    }
}

fn data(file: &Arc<File>, member: &Member) -> Data {
    let slice = Slice::new(file.clone(), member.offset, member.packed);
    if member.deflated {
        Data::Deflated(DeflateDecoder::new(BufReader::with_capacity(64 << 10, slice)))
    } else {
        Data::Stored(slice)
    }
}

impl Unzipped {
    fn forward(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.member.size - self.reached).unwrap_or(usize::MAX).min(buffer.len());
        if left == 0 {
            return Ok(0);
        }
        let count = match &mut self.data {
            Data::Stored(slice) => slice.read(&mut buffer[..left])?,
            Data::Deflated(decoder) => decoder.read(&mut buffer[..left])?,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.reached += count as u64;
        Ok(count)
    }
}

impl Read for Unzipped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.member.size || buffer.is_empty() {
            return Ok(0);
        }
        if self.at < self.reached {
            self.data = data(&self.file, &self.member);
            self.reached = 0;
        }
        let mut skipped = [0; 8 << 10];
        while self.reached < self.at {
            let step = usize::try_from(self.at - self.reached).unwrap_or(usize::MAX).min(skipped.len());
            self.forward(&mut skipped[..step])?;
        }
        let count = self.forward(buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Unzipped {
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
