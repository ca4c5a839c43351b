//! Reads a file's content on its way into a layer, and compares it with its digest at the end.

use std::fs::File;
use std::io::{self, BufReader, Read};

use super::pack_error::PackError;
use super::slice::Slice;
use super::sparse_reader::SparseReader;
use super::tar_files::TarFiles;
use super::zip_entry::EntryReader;
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::rootfs::{Content, LocalFile, RootPath, Sparse, ZipEntry};

/// The number of bytes of a wheel's file that are inflated at once.
const STEP: usize = 64 << 10;

/// A file's bytes on their way into a layer.
pub enum CheckedContent<'a> {
    Bytes(&'a [u8]),
    Slice { slice: Slice, hasher: Hasher, blob: &'a Digest, want: &'a Digest },
    SparseReader { file: SparseReader, sparse: &'a Sparse },
    Local { file: io::Take<File>, left: u64, hasher: Hasher, want: &'a LocalFile },
    ZipEntry { file: Box<BufReader<EntryReader>>, hasher: Hasher, want: &'a ZipEntry },
}

/// Opens a file's content.
///
/// # Errors
/// Local files, archives and tars that are gone.
pub fn open<'a>(content: &'a Content, path: &RootPath, tars: &dyn TarFiles) -> Result<CheckedContent<'a>, PackError> {
    match content {
        Content::Bytes(bytes) => Ok(CheckedContent::Bytes(bytes)),
        Content::Layer { blob, offset, size, digest } => {
            let file = tars.tar(blob).map_err(|cause| PackError::Read { path: path.to_string(), cause })?;
            Ok(CheckedContent::Slice {
                slice: Slice::new(file, *offset, *size),
                hasher: Hasher::default(),
                blob,
                want: digest,
            })
        }
        Content::Sparse(sparse) => {
            let file = tars.tar(&sparse.blob).map_err(|cause| PackError::Read { path: path.to_string(), cause })?;
            Ok(CheckedContent::SparseReader { file: SparseReader::new(file, sparse.clone()), sparse })
        }
        Content::ZipEntry(want) => {
            let name = want.archive.path.display().to_string();
            let file = EntryReader::open(want).map_err(|cause| PackError::Read { path: name, cause })?;
            // Inflating in large steps is faster: what is repeated is still in the buffer.
            let step = usize::try_from(want.size).unwrap_or(STEP).clamp(1, STEP);
            let file = Box::new(BufReader::with_capacity(step, file));
            Ok(CheckedContent::ZipEntry { file, hasher: Hasher::default(), want })
        }
        Content::Local(want) => {
            let name = want.path.display().to_string();
            let file = File::open(&want.path).map_err(|cause| PackError::Read { path: name, cause })?;
            Ok(CheckedContent::Local { file: file.take(want.size), left: want.size, hasher: Hasher::default(), want })
        }
    }
}

impl Read for CheckedContent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes) => bytes.read(buffer),
            Self::Slice { slice, hasher, .. } => {
                let count = slice.read(buffer)?;
                hasher.update(&buffer[..count]);
                Ok(count)
            }
            Self::SparseReader { file, .. } => file.read(buffer),
            Self::Local { file, left, hasher, .. } => {
                let mut count = file.read(buffer)?;
                if count == 0 && *left > 0 {
                    // It shrank: keep the archive's shape, `check` tells of it.
                    count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    buffer[..count].fill(0);
                }
                *left -= count as u64;
                hasher.update(&buffer[..count]);
                Ok(count)
            }
            Self::ZipEntry { file, hasher, .. } => {
                let count = file.read(buffer)?;
                hasher.update(&buffer[..count]);
                Ok(count)
            }
        }
    }
}

impl CheckedContent<'_> {
    /// Returns the error of the file at `path` that cannot be read.
    pub fn blame(&self, path: &RootPath, cause: io::Error, tars: &dyn TarFiles) -> PackError {
        match self {
            Self::Slice { blob, .. } => PackError::Read { path: path.to_string(), cause: tars.damaged(blob) },
            Self::SparseReader { sparse, .. } => {
                PackError::Read { path: path.to_string(), cause: tars.damaged(&sparse.blob) }
            }
            Self::ZipEntry { want, .. } => {
                PackError::ZipEntry { wheel: want.archive.name.clone(), path: path.to_string(), cause }
            }
            Self::Local { want, .. } => PackError::Read { path: want.path.display().to_string(), cause },
            Self::Bytes(_) => PackError::Read { path: path.to_string(), cause },
        }
    }

    pub fn check(self, path: &RootPath, tars: &dyn TarFiles) -> Result<(), PackError> {
        match self {
            Self::Slice { hasher, blob, want, .. } if hasher.clone().finish() != *want => {
                Err(PackError::Read { path: path.to_string(), cause: tars.damaged(blob) })
            }
            Self::SparseReader { file, sparse } if file.data_digest() != sparse.data => {
                Err(PackError::Read { path: path.to_string(), cause: tars.damaged(&sparse.blob) })
            }
            Self::Local { hasher, want, .. } if hasher.clone().finish() != want.digest => {
                Err(PackError::Changed { path: want.path.display().to_string() })
            }
            Self::ZipEntry { hasher, want, .. } if hasher.clone().finish() != want.digest => {
                Err(PackError::Record { wheel: want.archive.name.clone(), path: path.to_string() })
            }
            _ => Ok(()),
        }
    }
}
