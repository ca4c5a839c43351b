//! Walks an archive, header by header.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::entry::{EntryType, TarEntry};
use super::error::TarError;
use super::header::{BLOCK, Block, Header, until_nul};
use super::input::TarInput;
use super::pax::{self, Pax};
use super::sparse::{self, SparseFormat, SparseMap};
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::rootfs::entry::Extent;

/// The most bytes of one extended header or long name; Go's limit too.
const MAX_EXTENSION: u64 = 1 << 20;
/// The most headers before one entry: a writer needs three.
const MAX_CHAIN: usize = 16;

/// The number of bytes that are hashed at once.
const PIECE: usize = 128 << 10;

/// An archive that is being walked.
pub struct TarReader<I> {
    tar: I,
    /// The offsets of the reader and of the next header.
    at: u64,
    next: u64,
    /// `u64::MAX` where it is not known.
    length: u64,
    globals: Pax,
    /// The name of the current entry as far as it was read, for errors.
    name: Vec<u8>,
    /// Room for data that is hashed.
    piece: Vec<u8>,
}

/// The headers before an entry.
#[derive(Default)]
struct PendingHeaders {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
    count: usize,
}

impl<R: Read + Seek> TarReader<BufReader<R>> {
    /// Opens an archive at its beginning.
    ///
    /// # Errors
    /// A reader that cannot seek.
    pub fn new(mut tar: R) -> io::Result<Self> {
        let length = tar.seek(SeekFrom::End(0))?;
        tar.rewind()?;
        Ok(Self::of(BufReader::new(tar), length))
    }
}

impl<I: TarInput> TarReader<I> {
    /// Opens an archive of unknown length, from its beginning. An entry is returned before its data
    /// has come: where the archive ends is seen, as [`TarError::Io`], at the entry after it.
    pub fn streamed(tar: I) -> Self {
        Self { tar, at: 0, next: 0, length: u64::MAX, globals: Pax::default(), name: Vec::new(), piece: Vec::new() }
    }

    /// Opens an archive of known length, from its beginning.
    pub fn of(tar: I, length: u64) -> Self {
        Self { length, ..Self::streamed(tar) }
    }

    /// Returns SHA-256 of a stretch of the archive. The next entry is the one that it would have
    /// been.
    ///
    /// # Errors
    /// A stretch that the archive does not have.
    pub fn digest(&mut self, offset: u64, size: u64) -> Result<Digest, TarError> {
        let io = |cause: io::Error| TarError::Io(cause.kind());
        self.tar.forward(offset.checked_sub(self.at).ok_or(TarError::Cut)?).map_err(io)?;
        self.at = offset;
        self.piece.resize(PIECE, 0);
        let mut hasher = Hasher::default();
        let mut left = size;
        while left > 0 {
            let piece = usize::try_from(left).unwrap_or(usize::MAX).min(self.piece.len());
            self.tar.fill(&mut self.piece[..piece]).map_err(io)?;
            hasher.update(&self.piece[..piece]);
            left -= piece as u64;
        }
        self.at += size;
        Ok(hasher.finish())
    }

    /// Returns the input, at its present position.
    pub fn into_input(self) -> I {
        self.tar
    }

    /// Returns the offset at which the last entry's data ends, its last block filled up.
    pub fn end(&self) -> u64 {
        self.next
    }

    /// Returns the name of the entry that the last call was about, as far as it was read.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Returns the archive's length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns the next entry; none at the end.
    pub fn entry(&mut self) -> Result<Option<TarEntry>, TarError> {
        let mut pending = PendingHeaders::default();
        self.name.clear();
        while let Some(header) = self.header()? {
            header.check()?;
            self.name = header.name()?;
            pending.count += 1;
            if pending.count > MAX_CHAIN {
                return Err(TarError::Broken("it has too many extended headers"));
            }
            match header.kind() {
                b'L' => agree(&mut pending.name, self.long_name(&header)?)?,
                b'K' => agree(&mut pending.link, self.long_name(&header)?)?,
                b'x' => agree(&mut pending.pax, self.pax(&header)?)?,
                b'g' if pending.count > 1 => {
                    return Err(TarError::Ambiguous("a global header stands between its own headers"));
                }
                b'g' => {
                    let globals = Pax::global(&self.extension(&header)?)?;
                    if globals.size.is_some() || globals.sparse != pax::SparseKeys::default() {
                        return Err(TarError::Ambiguous("a global header tells a size"));
                    }
                    if globals.over(&self.globals) != globals {
                        return Err(TarError::Ambiguous("a global header leaves out what one before it says"));
                    }
                    self.globals = globals;
                    pending.count = 0;
                }
                _ => return self.record(&header, pending).map(Some),
            }
        }
        if pending.count == 0 { Ok(None) } else { Err(TarError::Cut) }
    }

    /// Returns the next block, if it is a header.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        if self.next == self.length {
            return Ok(None);
        }
        let header = Header::new(&self.block()?);
        Ok(Some(header).filter(|header| !header.is_zero()))
    }

    fn block(&mut self) -> Result<Block, TarError> {
        let mut block = [0; 512];
        self.read(&mut block)?;
        Ok(block)
    }

    /// Reads what is next.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        let start = self.next;
        self.skip(buffer.len() as u64)?;
        let distance = start.checked_sub(self.at).ok_or(TarError::Cut)?;
        let io = |cause: io::Error| TarError::Io(cause.kind());
        self.tar.forward(distance).map_err(io)?;
        self.tar.fill(buffer).map_err(io)?;
        self.at = self.next;
        Ok(())
    }

    /// Goes past the data of `size` bytes and returns where it begins.
    fn skip(&mut self, size: u64) -> Result<u64, TarError> {
        let start = self.next;
        let padded = size.checked_next_multiple_of(BLOCK).and_then(|padded| start.checked_add(padded));
        self.next = padded.filter(|&end| end <= self.length).ok_or(TarError::Cut)?;
        Ok(start)
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, TarError> {
        let size = header.size()?;
        if size > MAX_EXTENSION {
            return Err(TarError::Broken("it has an extended header of more than 1 MiB"));
        }
        let padded = usize::try_from(size.next_multiple_of(BLOCK)).unwrap_or_default();
        let mut bytes = vec![0; padded];
        self.read(&mut bytes)?;
        bytes.truncate(usize::try_from(size).unwrap_or_default());
        Ok(bytes)
    }

    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>, TarError> {
        let name = until_nul(&self.extension(header)?).to_vec();
        // Go keeps the short name then.
        if name.is_empty() { Err(TarError::Ambiguous("it has an empty long name")) } else { Ok(name) }
    }

    fn pax(&mut self, header: &Header) -> Result<Pax, TarError> {
        Pax::parse(&self.extension(header)?)
    }

    fn record(&mut self, header: &Header, pending: PendingHeaders) -> Result<TarEntry, TarError> {
        let own = pending.pax.unwrap_or_default();
        let pax = own.over(&self.globals);
        let mut name = pax.path.clone();
        for other in pending.name.into_iter().chain(own.sparse.name.clone()) {
            agree(&mut name, other)?;
        }
        self.name = name.unwrap_or(std::mem::take(&mut self.name));
        let mut link = pax.link;
        if let Some(other) = pending.link {
            agree(&mut link, other)?;
        }
        let kind = kind(header, &self.name)?;
        let (uid, gid) = header.owner()?;
        if header.kind() == b'S' && (self.globals != Pax::default() || own.size.is_some()) {
            return Err(TarError::Ambiguous("it is an old sparse file with newer headers"));
        }
        let (offset, size, extents) = if kind == EntryType::File {
            self.data(header, &own)?
        } else {
            check_no_data(header, kind, &own)?;
            (self.next, 0, None)
        };
        Ok(TarEntry {
            kind,
            name: self.name.clone(),
            link: if matches!(kind, EntryType::Link | EntryType::HardLink) {
                link.unwrap_or_else(|| header.link().to_vec())
            } else {
                Vec::new()
            },
            mode: header.mode()?,
            uid: pax.uid.unwrap_or(uid),
            gid: pax.gid.unwrap_or(gid),
            xattrs: pax.xattrs,
            offset,
            size,
            extents,
        })
    }

    /// Returns the offset of a file's data, its length, and its extents if it has holes.
    fn data(&mut self, header: &Header, own: &Pax) -> Result<(u64, u64, Option<Vec<Extent>>), TarError> {
        let stored = header.size()?;
        let format = sparse::format(&own.sparse)?;
        if header.kind() == b'S' {
            if own.sparse != pax::SparseKeys::default() {
                return Err(TarError::Ambiguous("it is a sparse file in two formats"));
            }
            return self.old_sparse(header, stored);
        }
        if own.size.is_some() && !matches!(format, SparseFormat::None) {
            return Err(TarError::Ambiguous("it is a sparse file with a size in its extended header"));
        }
        match format {
            SparseFormat::None => {
                let size = own.size.unwrap_or(stored);
                Ok((self.skip(size)?, size, None))
            }
            SparseFormat::Records(map, size) => Ok((self.skip(stored)?, size, Some(map.finish(size, stored)?))),
            SparseFormat::Data(size) => {
                let (map, taken) = sparse::map_in_data(|| self.block())?;
                let stored = stored.checked_sub(taken).ok_or(TarError::Cut)?;
                Ok((self.skip(stored)?, size, Some(map.finish(size, stored)?)))
            }
        }
    }

    fn old_sparse(&mut self, header: &Header, stored: u64) -> Result<(u64, u64, Option<Vec<Extent>>), TarError> {
        let mut map = SparseMap::default();
        let (size, fields, mut extended) = header.sparse()?;
        map.fields(fields, extended)?;
        while extended {
            let block = self.block()?;
            extended = block[504] != 0;
            map.fields(&block[..504], extended)?;
        }
        Ok((self.skip(stored)?, size, Some(map.finish(size, stored)?)))
    }
}

/// Fills an empty slot; one that is filled must hold the same.
fn agree<T: PartialEq>(slot: &mut Option<T>, value: T) -> Result<(), TarError> {
    match slot {
        Some(other) if *other != value => Err(TarError::Ambiguous("its headers contradict each other")),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn kind(header: &Header, name: &[u8]) -> Result<EntryType, TarError> {
    let slash = name.ends_with(b"/");
    match header.kind() {
        0 if slash != header.names_folder() => Err(TarError::Ambiguous("its names differ in a last slash")),
        0 if slash => Ok(EntryType::Folder),
        b'0' | b'7' | b'S' if slash => Err(TarError::Ambiguous("it is a file whose name ends in a slash")),
        0 | b'0' | b'7' | b'S' => Ok(EntryType::File),
        b'1' => Ok(EntryType::HardLink),
        b'2' => Ok(EntryType::Link),
        b'3' | b'4' | b'6' => Ok(EntryType::Special),
        b'5' => Ok(EntryType::Folder),
        _ => Err(TarError::Broken("its type is none that images have")),
    }
}

/// Checks that all readers see the next header right after this one.
fn check_no_data(header: &Header, kind: EntryType, own: &Pax) -> Result<(), TarError> {
    let in_header = header.size()?;
    let size = own.size.unwrap_or(in_header);
    let harmless = match kind {
        EntryType::Folder => header.kind() == b'5',
        EntryType::HardLink => own.size.is_none(),
        _ => false,
    };
    if own.sparse != pax::SparseKeys::default() || size > 0 && !harmless {
        return Err(TarError::Ambiguous("it has a size, and is no file"));
    }
    Ok(())
}
