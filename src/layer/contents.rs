//! Opens the bytes of a tree's files: stretches of pulled layers, local files,
//! bytes at hand.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::zip_entry::SeekableEntry;
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::rootfs::{Content, ReadSeek, Sparse};

/// Opens the tars that layers' stretches are in.
pub trait TarFiles: Send + Sync {
    /// The uncompressed tar of a pulled layer, by its blob's digest.
    ///
    /// # Errors
    /// A tar that is not there any more.
    fn tar(&self, blob: &Digest) -> io::Result<Arc<File>>;

    /// Whether the file that begins at an offset of a tar was verified already.
    fn is_verified(&self, _blob: &Digest, _offset: u64) -> bool {
        false
    }

    /// Remembers that a file was verified.
    fn set_verified(&self, _blob: &Digest, _offset: u64) {}

    /// Hears that a tar is not what it was when its files were hashed, and returns the
    /// error to fail with.
    fn damaged(&self, blob: &Digest) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("the stored tar of layer {} is damaged", blob.short()))
    }
}

/// Files up to this size, in bytes, are verified in memory and read from there.
const SMALL: u64 = 64 << 10;
/// How much is hashed at once, in bytes.
const PIECE: usize = 128 << 10;

/// Opens a file's bytes. Those of a pulled layer are verified before they are returned.
///
/// # Errors
/// Local files or tars that are not there any more; tars that were damaged.
pub fn open(content: &Content, tars: &dyn TarFiles) -> io::Result<Box<dyn ReadSeek>> {
    Ok(match content {
        Content::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
        Content::Layer { blob, offset, size, digest } => {
            let slice = Slice::new(tars.tar(blob)?, *offset, *size);
            if *size <= SMALL {
                return Ok(Box::new(Cursor::new(small(slice, *digest).map_err(|_| tars.damaged(blob))?)));
            }
            verify(&slice, *digest, blob, tars)?;
            Box::new(slice)
        }
        Content::Sparse(sparse) => {
            let file = tars.tar(&sparse.blob)?;
            let data = Slice::new(file.clone(), sparse.offset, sparse.stored());
            verify(&data, sparse.data, &sparse.blob, tars)?;
            Box::new(SparseReader::new(file, sparse.clone()))
        }
        Content::Local(file) => Box::new(File::open(&file.path)?),
        Content::ZipEntry(member) => Box::new(SeekableEntry::open(member)?),
    })
}

/// Reads a small file and checks it.
fn small(mut slice: Slice, want: Digest) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    slice.read_to_end(&mut bytes)?;
    if Digest::of(&bytes) == want { Ok(bytes) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Checks a stretch of a tar, unless that was done.
fn verify(slice: &Slice, want: Digest, blob: &Digest, tars: &dyn TarFiles) -> io::Result<()> {
    if tars.is_verified(blob, slice.start) {
        return Ok(());
    }
    let hashed = hash(slice.clone());
    if !hashed.is_ok_and(|digest| digest == want) {
        return Err(tars.damaged(blob));
    }
    tars.set_verified(blob, slice.start);
    Ok(())
}

/// SHA-256 of everything that a reader gives.
///
/// # Errors
/// The reader's.
fn hash(mut reader: impl Read) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(&piece[..count]),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
}

/// A small file, whole.
///
/// # Errors
/// `FileTooLarge` past `limit` bytes; what `open` cannot open.
pub fn read(content: &Content, tars: &dyn TarFiles, limit: u64) -> io::Result<Vec<u8>> {
    if content.size() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    head(content, tars, limit)
}

/// A file's first bytes, fewer when it is shorter.
///
/// # Errors
/// What `open` cannot open.
pub fn head(content: &Content, tars: &dyn TarFiles, length: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    open(content, tars)?.take(length).read_to_end(&mut out)?;
    Ok(out)
}

/// A file's first four bytes, padded with zeros.
///
/// # Errors
/// What `open` cannot open.
pub fn magic(content: &Content, tars: &dyn TarFiles) -> io::Result<[u8; 4]> {
    let mut out = [0; 4];
    match content {
        Content::Local(file) => out = file.magic,
        _ if content.size() < 4 => {}
        _ => open(content, tars)?.read_exact(&mut out)?,
    }
    Ok(out)
}

/// A stretch of a file, read without moving the file's own position.
#[derive(Clone)]
pub struct Slice {
    file: Arc<File>,
    start: u64,
    at: u64,
    size: u64,
}

impl Slice {
    /// `size` bytes from `start`.
    #[must_use]
    pub fn new(file: Arc<File>, start: u64, size: u64) -> Self {
        Self { file, start, at: 0, size }
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let want = left.min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let count = self.file.read_at(&mut buffer[..want], self.start + self.at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Slice {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        let at = match position {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            io::SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// A file with holes, which read as zeros.
pub struct SparseReader {
    file: Arc<File>,
    sparse: Arc<Sparse>,
    /// Where the data of each stretch begins in the tar.
    starts: Vec<u64>,
    at: u64,
    /// Of the data read so far.
    hasher: Hasher,
}

impl SparseReader {
    /// The file, from its beginning.
    #[must_use]
    pub fn new(file: Arc<File>, sparse: Arc<Sparse>) -> Self {
        let next = |at: &mut u64, length: u64| Some(std::mem::replace(at, *at + length));
        let lengths = sparse.extents.iter().map(|extent| extent.length);
        let starts = lengths.scan(sparse.offset, next).collect();
        Self { file, sparse, starts, at: 0, hasher: Hasher::default() }
    }

    /// SHA-256 of the data that was read: of all, once the file was read from its beginning to its end.
    #[must_use]
    pub fn data_digest(&self) -> Digest {
        self.hasher.clone().finish()
    }
}

impl Read for SparseReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let extents = &self.sparse.extents;
        let here = extents.partition_point(|extent| extent.offset + extent.length <= self.at);
        let (start, end, data) = match extents.get(here) {
            Some(extent) if extent.offset <= self.at => {
                let into = self.at - extent.offset;
                (self.starts[here] + into, extent.offset + extent.length, true)
            }
            next => (0, next.map_or(self.sparse.size, |extent| extent.offset), false),
        };
        let want = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let mut count = want;
        if data && want > 0 {
            count = self.file.read_at(&mut buffer[..want], start)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.hasher.update(&buffer[..count]);
        } else {
            buffer[..want].fill(0);
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for SparseReader {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        let at = match position {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::End(offset) => self.sparse.size.checked_add_signed(offset),
            io::SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
