//! Opens the bytes of a tree's files: stretches of pulled layers, local files,
//! bytes at hand.

use std::fs::File;
use std::io::{self, Cursor, Read};

use super::slice::Slice;
use super::sparse_reader::SparseReader;
use super::tar_files::TarFiles;
use super::zip_entry::SeekableEntry;
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::rootfs::{Content, ReadSeek};

/// Files up to this size, in bytes, are verified in memory and read from there.
const SMALL: u64 = 64 << 10;
/// The number of bytes that are hashed at once.
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
    if tars.is_verified(blob, slice.start()) {
        return Ok(());
    }
    let hashed = hash(slice.clone());
    if !hashed.is_ok_and(|digest| digest == want) {
        return Err(tars.damaged(blob));
    }
    tars.set_verified(blob, slice.start());
    Ok(())
}

/// Returns SHA-256 of everything that a reader gives.
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

/// Reads a small file whole.
///
/// # Errors
/// `FileTooLarge` past `limit` bytes; what `open` cannot open.
pub fn read(content: &Content, tars: &dyn TarFiles, limit: u64) -> io::Result<Vec<u8>> {
    if content.size() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    head(content, tars, limit)
}

/// Reads a file's first bytes, fewer if it is shorter.
///
/// # Errors
/// Errors of `open`.
pub fn head(content: &Content, tars: &dyn TarFiles, length: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    open(content, tars)?.take(length).read_to_end(&mut out)?;
    Ok(out)
}

/// Reads a file's first four bytes, padded with zeros.
///
/// # Errors
/// Errors of `open`.
pub fn magic(content: &Content, tars: &dyn TarFiles) -> io::Result<[u8; 4]> {
    let mut out = [0; 4];
    match content {
        Content::Local(file) => out = file.magic,
        _ if content.size() < 4 => {}
        _ => open(content, tars)?.read_exact(&mut out)?,
    }
    Ok(out)
}
