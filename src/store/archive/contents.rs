//! The blobs of an archive that is being written.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use crate::diagnostic::Code;
use crate::oci::{Descriptor, Digest};
use crate::operation_error::OperationError;
use crate::progress::{Event, Outcome, Progress, Subject, Verb};
use crate::repository::BlobSource;
use crate::store::blob_reader::{blame, open};

/// Blobs with their origins.
pub(super) type Blobs = BTreeMap<Digest, (Descriptor, BlobSource)>;

/// The blobs of an archive that is being written.
pub(super) struct Contents<'a> {
    pub blobs: &'a Blobs,
    /// The archive, for errors.
    pub file: &'a Path,
    pub progress: &'a dyn Progress,
    /// Fails once the run was cancelled.
    pub going_on: &'a dyn Fn() -> Result<(), OperationError>,
}

impl Contents<'_> {
    /// Returns a blob of the archive with its origin.
    pub fn blob(&self, named: &Descriptor) -> Result<(&Descriptor, &BlobSource), OperationError> {
        let missing = || OperationError::new(Code::Internal, format!("blob {} is missing", named.digest));
        self.blobs.get(&named.digest).map(|(blob, origin)| (blob, origin)).ok_or_else(missing)
    }

    /// Reads a blob, and reports its progress. `size` is the number of bytes that will be reported.
    pub fn read(
        &self,
        blob: &Descriptor,
        origin: &BlobSource,
        size: Option<u64>,
        write: impl FnOnce(Box<dyn Read + Send>, &dyn Fn(u64)) -> Result<(), OperationError>,
    ) -> Result<(), OperationError> {
        (self.going_on)()?;
        let (verb, subject) = (Verb::Push, Subject::Blob(blob.digest));
        self.progress.on(Event::Started { verb, subject: subject.clone(), size });
        let advanced = |bytes| self.progress.on(Event::Advanced { verb, subject: subject.clone(), bytes });
        let written = open(blob, origin).and_then(|reader| write(reader, &advanced));
        let outcome = if written.is_ok() { Outcome::Done } else { Outcome::Failed };
        self.progress.on(Event::Ended { verb, subject: subject.clone(), outcome });
        written.map_err(|error| blame(error, origin))
    }

    /// Returns the error of an archive that cannot be written.
    pub fn failed(&self, cause: &io::Error) -> OperationError {
        failed(self.file, cause)
    }
}

/// Returns the error of an archive that cannot be written; an error of a blob's origin as it is.
pub(super) fn failed(file: &Path, cause: &io::Error) -> OperationError {
    if let Some(error) = cause.get_ref().and_then(|inner| inner.downcast_ref::<OperationError>()) {
        return error.clone();
    }
    let corrupt = cause.kind() == io::ErrorKind::InvalidData;
    let code = if corrupt { Code::CorruptContent } else { Code::UnwritableOutput };
    OperationError::new(code, format!("cannot write `{}`", file.display())).because(cause)
}
