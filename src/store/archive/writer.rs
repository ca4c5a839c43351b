//! An archive as a target of images.
//!
//! Blobs are remembered, not copied, until all of them are known: `prepare` writes the tar in one
//! pass under a temporary name beside its place, and `publish` renames it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tempfile::NamedTempFile;

use super::contents::{Blobs, Contents, failed};
use super::tar_file::TarFile;
use super::{docker, oci};
use crate::diagnostic::Code;
use crate::oci::{Descriptor, RawManifest};
use crate::operation_error::OperationError;
use crate::progress::{Outcome, Progress};
use crate::repository::{BlobSource, NamedManifest, Sink};
use crate::store::blob_reader::{blame, copy_verified, open};
use crate::store::staged::{place_synced, staged};

/// The offset of `ustar` in a tar's first header (POSIX `pax`, "ustar Interchange Format").
const MAGIC_AT: usize = 257;

/// The form of an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArchiveFormat {
    /// A tar of an OCI layout.
    Oci,
    /// A tar for `docker load`.
    Docker,
}

/// An archive to which images are written.
pub struct ArchiveWriter {
    shared: Arc<Shared>,
}

struct Shared {
    file: PathBuf,
    format: ArchiveFormat,
    progress: Arc<dyn Progress>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// True once nothing more is written.
    closed: bool,
    blobs: Blobs,
    /// The path of the unfinished archive.
    staging: Option<PathBuf>,
    /// The archive that is finished, without its name.
    staged: Option<NamedTempFile>,
}

impl ArchiveWriter {
    /// Opens an archive, which replaces a file that is an archive or empty.
    ///
    /// # Errors
    /// A file of another kind at its place.
    pub fn create(file: &Path, format: ArchiveFormat, progress: Arc<dyn Progress>) -> Result<Self, OperationError> {
        let file = replaced(file)?;
        Ok(Self { shared: Arc::new(Shared { file, format, progress, state: Mutex::default() }) })
    }

    /// Returns the archive's path, with links resolved.
    pub fn path(&self) -> &Path {
        &self.shared.file
    }

    /// Stops writing, and deletes an unfinished archive.
    pub fn close(&self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.staged = None;
        if let Some(path) = state.staging.take() {
            let _ = fs_err::remove_file(path);
        }
    }

    /// Runs blocking work outside of the tasks' threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, OperationError> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|stopped| {
            Err(OperationError::new(Code::Internal, "writing an archive stopped").because(&stopped))
        })
    }
}

/// Returns the path that an archive is written to: the target of a link.
fn replaced(file: &Path) -> Result<PathBuf, OperationError> {
    let shown = file.display();
    let unwritable = |message: String, hint: &str| OperationError::new(Code::UnwritableOutput, message).with_hint(hint);
    let found = match fs_err::canonicalize(file) {
        Ok(found) => found,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound && file.file_name().is_some() => {
            return Ok(file.to_owned());
        }
        Err(cause) => return Err(unwritable(format!("cannot write `{shown}`"), "name a file").because(&cause)),
    };
    if !found.is_file() {
        return Err(unwritable(format!("`{shown}` is not a regular file"), "name a file, as in oci-archive:image.tar"));
    }
    let mut head = Vec::new();
    let read = File::open(&found).and_then(|file| file.take(512).read_to_end(&mut head));
    read.map_err(|cause| unwritable(format!("cannot read `{shown}`"), "name another file").because(&cause))?;
    if head.is_empty() || head.get(MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        return Ok(found);
    }
    let hint = "name an archive, or a file that does not exist yet";
    Err(unwritable(format!("`{shown}` exists and is not an archive"), hint))
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, OperationError> {
        let state = self.state();
        if state.closed {
            return Err(OperationError::new(Code::Internal, "the build was cancelled"));
        }
        Ok(state)
    }

    fn write(&self, images: &[NamedManifest]) -> Result<(), OperationError> {
        let failed = |cause: io::Error| self.failed(&cause);
        let folder = self.file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder).map_err(failed)?;
        let (staged, blobs) = {
            let mut state = self.open_state()?;
            let staged = staged(folder).map_err(failed)?;
            state.staging = Some(staged.path().to_owned());
            (staged, state.blobs.clone())
        };
        let going_on = || self.open_state().map(drop);
        let (file, progress) = (self.file.as_path(), self.progress.as_ref());
        let contents = Contents { blobs: &blobs, file, progress, going_on: &going_on };
        let mut tar = TarFile::new(staged.as_file().try_clone().map_err(failed)?);
        match self.format {
            ArchiveFormat::Oci => oci::write(&mut tar, &contents, images)?,
            ArchiveFormat::Docker => docker::write(&mut tar, &contents, images)?,
        }
        tar.finish().map_err(failed)?;
        self.open_state()?.staged = Some(staged);
        Ok(())
    }

    fn place(&self) -> Result<(), OperationError> {
        let mut state = self.open_state()?;
        let unprepared = || OperationError::new(Code::Internal, "the archive was not written");
        let staged = state.staged.take().ok_or_else(unprepared)?;
        place_synced(staged, &self.file).map_err(|cause| self.failed(&cause))?;
        state.staging = None;
        state.closed = true;
        Ok(())
    }

    fn failed(&self, cause: &io::Error) -> OperationError {
        failed(&self.file, cause)
    }
}

impl Sink for ArchiveWriter {
    /// Remembers the blob after its content was verified.
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>> {
        Box::pin(async move {
            let (described, from) = (blob.clone(), origin.clone());
            let added = self.blocking(move |shared| {
                let read = copy_verified(&described, open(&described, &from)?, |_| Ok(()));
                read.map_err(|cause| shared.failed(&cause))?;
                shared.open_state()?.blobs.insert(described.digest, (described, from));
                Ok(Outcome::Done)
            });
            added.await.map_err(|error| blame(error, origin))
        })
    }

    fn manifest<'a>(&'a self, manifest: &'a RawManifest) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let origin = BlobSource::Bytes(Bytes::from(manifest.bytes.clone()));
            self.shared.open_state()?.blobs.insert(manifest.digest(), (manifest.descriptor(), origin));
            Ok(())
        })
    }

    fn prepare<'a>(&'a self, images: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        let images = images.to_vec();
        Box::pin(self.blocking(move |shared| shared.write(&images)))
    }

    fn publish<'a>(&'a self, _: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(self.blocking(Shared::place))
    }
}

#[cfg(test)]
mod tests;
