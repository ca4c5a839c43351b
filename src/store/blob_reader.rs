//! Blobs of a push as readers, for sinks on the local disk.

use std::io::{self, Cursor, Read};

use tokio::runtime::Handle;
use tokio_util::io::SyncIoBridge;

use crate::diagnostic::Code;
use crate::oci::Descriptor;
use crate::oci::digest::{Verifier, VerifyError};
use crate::operation_error::OperationError;
use crate::repository::BlobSource;

const CHUNK: usize = 128 << 10;

/// Opens a blob. Has to be called on a thread for blocking work.
///
/// # Errors
/// A file of the cache that cannot be opened; any error of a repository.
pub(super) fn open(blob: &Descriptor, origin: &BlobSource) -> Result<Box<dyn Read + Send>, OperationError> {
    match origin {
        BlobSource::Bytes(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
        BlobSource::File(path) => match fs_err::File::open(path) {
            Ok(file) => Ok(Box::new(CacheFile(file))),
            Err(cause) => {
                let message = format!("cannot read {} in the cache", blob.digest);
                Err(OperationError::new(Code::DamagedCache, message).because(&cause))
            }
        },
        BlobSource::Repository(source) => {
            let runtime = Handle::current();
            let reader = runtime.block_on(source.blob(blob))?;
            Ok(Box::new(SyncIoBridge::new_with_handle(reader, runtime)))
        }
    }
}

/// Reports wrong content of a file of the cache as damage of the cache.
pub(super) fn blame(error: OperationError, origin: &BlobSource) -> OperationError {
    match (error.code, origin) {
        (Code::CorruptContent, BlobSource::File(_)) => OperationError { code: Code::DamagedCache, ..error },
        _ => error,
    }
}

/// Passes on the bytes of a blob, chunk by chunk, and verifies them.
///
/// # Errors
/// `InvalidData` for other content than the described one; any error of the reader and of `to`.
pub(super) fn copy_verified(
    blob: &Descriptor,
    from: impl Read,
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut verifier = Verifier::new(blob.digest, blob.size);
    copy(from, |bytes| {
        verifier.update(bytes).map_err(invalid)?;
        to(bytes)
    })?;
    verifier.finish().map_err(invalid)
}

/// Passes on all bytes of a reader, chunk by chunk.
fn copy(mut from: impl Read, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => to(&chunk[..length])?,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
}

fn invalid(cause: VerifyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// A file of the cache: an unreadable one is reported as damaged.
struct CacheFile<R>(R);

impl<R: Read> Read for CacheFile<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.read(buffer);
        bytes.map_err(|cause| match cause.kind() {
            io::ErrorKind::Interrupted => cause,
            _ => io::Error::new(io::ErrorKind::InvalidData, cause),
        })
    }
}
