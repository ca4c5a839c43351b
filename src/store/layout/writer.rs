//! A layout as a target of images.
//!
//! What `index.json` points to after a push: with tags, one entry for each,
//! named like it; without any, one nameless entry, of the image's index (see
//! [`Index::hold`]). The manifests that an index lists are blobs only.

use std::fs::{File, TryLockError};
use std::io::{self, Cursor, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tempfile::NamedTempFile;
use tokio_util::io::SyncIoBridge;

use super::index::{self, Index};
use super::{blob_path, blobs, other};
use crate::oci::digest::Verifier;
use crate::oci::{Descriptor, RawManifest, media_type};
use crate::operation_error::{OperationError, OperationErrorKind};
use crate::progress::{Event, Outcome, Progress, Subject, Verb};
use crate::repository::{BlobSource, Sink};
use crate::store::lock_wait::wait;
use crate::store::staged::{is_staged, place_synced, staged};

const CHUNK: usize = 128 << 10;
/// How long another process is waited for, which holds the layout for moments.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// A layout that images are added to.
pub struct LayoutWriter {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    progress: Arc<dyn Progress>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the layout's folders and marker are there.
    prepared: bool,
    /// Whether nothing is to be written any more.
    closed: bool,
    /// Where files were staged; those that have got their names are gone from there.
    staged: Vec<PathBuf>,
}

impl LayoutWriter {
    /// The layout in a folder, which is made, when it is absent or empty, with the first blob.
    ///
    /// # Errors
    /// A folder that holds something else, or cannot be read.
    pub fn create(folder: &Path, progress: Arc<dyn Progress>) -> Result<Self, OperationError> {
        let shared = Shared { folder: folder.to_owned(), progress, state: Mutex::default() };
        shared.check()?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Writes nothing any more, and deletes what was staged and got no name.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Does blocking work with what is shared, off the tasks' threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, OperationError> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|stopped| Err(other(format!("writing to an OCI layout stopped: {stopped}"))))
    }

    async fn add(&self, blob: &Descriptor, origin: &BlobSource) -> Result<(), OperationError> {
        let content: Box<dyn Read + Send> = match origin {
            BlobSource::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
            BlobSource::File(path) => {
                let file = fs_err::File::open(path);
                let damaged =
                    |cause| OperationError { kind: OperationErrorKind::Damaged, ..self.shared.failed(&cause) };
                Box::new(Kept(file.map_err(damaged)?))
            }
            BlobSource::Repository(source) => Box::new(SyncIoBridge::new(source.blob(blob).await?)),
        };
        let blob = blob.clone();
        let written = self.blocking(move |shared| shared.write(&blob, content)).await;
        written.map_err(|error| match (error.kind, origin) {
            (OperationErrorKind::Corrupt, BlobSource::File(_)) => {
                OperationError { kind: OperationErrorKind::Damaged, ..error }
            }
            _ => error,
        })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for path in state.staged.drain(..) {
            let _ = fs_err::remove_file(path);
        }
    }

    /// Whether the folder is a layout; an error where it holds something else.
    fn check(&self) -> Result<bool, OperationError> {
        let folder = &self.folder;
        match folder.symlink_metadata() {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
            _ => {}
        }
        if index::is_layout(folder)? {
            return self.read_index().map(|_| true);
        }
        // Looked at once more: another process may have made a layout of it just now.
        if self.is_free().map_err(|cause| self.failed(&cause))? || index::is_layout(folder)? {
            return Ok(false);
        }
        Err(OperationError {
            hint: Some("name an empty folder, a layout, or one that does not exist yet".to_owned()),
            ..other(format!("`{}` is not empty and is no OCI layout", folder.display()))
        })
    }

    /// Makes the layout, unless that was done.
    fn prepare(&self) -> Result<(), OperationError> {
        let mut state = self.state();
        if state.closed {
            return Err(other("the build was given up".to_owned()));
        }
        if !state.prepared {
            let is_layout = self.check()?;
            fs_err::create_dir_all(blobs(&self.folder)).map_err(|cause| self.failed(&cause))?;
            if !is_layout {
                self.mark().map_err(|cause| self.failed(&cause))?;
            }
            let _held = self.locked()?;
            self.sweep();
            state.prepared = true;
        }
        Ok(())
    }

    /// Whether the folder holds nothing but what a process leaves that is killed before it
    /// writes the marker.
    fn is_free(&self) -> io::Result<bool> {
        let nothing = |folder: &Path, but: &str| -> io::Result<bool> {
            let entries = fs_err::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
            Ok(entries.iter().all(|entry| entry.file_name() == but || is_staged(&entry.file_name())))
        };
        let inner = self.folder.join("blobs");
        Ok(nothing(&self.folder, "blobs")?
            && (!inner.exists() || nothing(&inner, "sha256")?)
            && (!blobs(&self.folder).exists() || nothing(&blobs(&self.folder), "")?))
    }

    /// Writes the marker. Of several processes the first one's stays: it is what they lock.
    fn mark(&self) -> io::Result<()> {
        let mut file = locked_stage(&self.folder)?;
        file.write_all(index::marker().as_bytes())?;
        file.as_file().sync_all()?;
        let marker = self.folder.join("oci-layout");
        match file.persist_noclobber(&marker) {
            // Another process was faster; it may have swept this one's file away too.
            Err(_) if marker.exists() => Ok(()),
            Err(failed) => Err(failed.error),
            Ok(_) => Ok(()),
        }
    }

    /// The layout's marker, locked against other processes (flock(2)). Where the file system
    /// knows no locks, nothing is held.
    fn locked(&self) -> Result<File, OperationError> {
        let path = self.folder.join("oci-layout");
        // NFS locks only what may be written.
        let file = File::options().read(true).write(true).open(&path).or_else(|_| File::open(&path));
        let file = file.map_err(|cause| self.failed(&cause))?;
        if let Err(TryLockError::WouldBlock) = wait(LOCK_WAIT, || file.try_lock()) {
            let message = format!("another process holds the OCI layout in `{}`", self.folder.display());
            return Err(OperationError { hint: Some("wait for it, or end it".to_owned()), ..other(message) });
        }
        Ok(file)
    }

    /// Deletes what killed processes staged: files that nobody holds locked.
    fn sweep(&self) {
        for folder in [self.folder.clone(), blobs(&self.folder)] {
            for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
                let is_staged = is_staged(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file());
                let open = || File::options().read(true).write(true).open(entry.path());
                if is_staged && open().is_ok_and(|file| file.try_lock().is_ok()) {
                    let _ = fs_err::remove_file(entry.path());
                }
            }
        }
    }

    /// A staged file that `sweep` sees is in use.
    fn stage(&self, folder: &Path) -> Result<NamedTempFile, OperationError> {
        self.prepare()?;
        let _held = self.locked()?;
        self.stage_locked(folder)
    }

    /// The same where the layout is held.
    fn stage_locked(&self, folder: &Path) -> Result<NamedTempFile, OperationError> {
        let mut state = self.state();
        if state.closed {
            return Err(other("the build was given up".to_owned()));
        }
        let file = locked_stage(folder).map_err(|cause| self.failed(&cause))?;
        state.staged.push(file.path().to_owned());
        Ok(file)
    }

    fn put(&self, mut file: NamedTempFile, path: &Path, content: &[u8]) -> Result<(), OperationError> {
        let written = file.write_all(content).and_then(|()| place_synced(file, path));
        written.map_err(|cause| self.failed(&cause))
    }

    /// `index.json`; an empty one where a layout has none yet.
    fn read_index(&self) -> Result<Index, OperationError> {
        match self.folder.join("index.json").try_exists() {
            Ok(true) => index::read(&self.folder).map(|(_, index)| index),
            Ok(false) => Ok(Index::empty()),
            Err(cause) => Err(self.failed(&cause)),
        }
    }

    /// Changes `index.json`, one caller and one process after the other.
    fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), OperationError> {
        let error = |cause: io::Error| self.failed(&cause);
        self.prepare()?;
        let _held = self.locked()?;
        let mut index = self.read_index()?;
        change(&mut index);
        let json = index.to_json().map_err(|cause| error(cause.into()))?;
        self.put(self.stage_locked(&self.folder)?, &self.folder.join("index.json"), &json)
    }

    /// Whether the blob is there and is what its digest promises.
    fn has(&self, blob: &Descriptor) -> bool {
        let Ok(file) = File::open(blob_path(&self.folder, &blob.digest)) else { return false };
        if !file.metadata().is_ok_and(|file| file.is_file() && file.len() == blob.size) {
            return false;
        }
        let mut verifier = Verifier::new(blob.digest, blob.size);
        copy(file, |bytes| verifier.update(bytes).map_err(invalid)).is_ok() && verifier.finish().is_ok()
    }

    fn write(&self, blob: &Descriptor, content: Box<dyn Read + Send>) -> Result<(), OperationError> {
        let error = |cause: io::Error| self.failed(&cause);
        let mut file = self.stage(&blobs(&self.folder))?;
        let mut verifier = Verifier::new(blob.digest, blob.size);
        let copied = copy(content, |bytes| {
            verifier.update(bytes).map_err(invalid)?;
            file.write_all(bytes)?;
            self.tell(blob, |verb, subject| Event::Advanced { verb, subject, bytes: bytes.len() as u64 });
            Ok(())
        });
        copied.map_err(error)?;
        verifier.finish().map_err(|cause| error(invalid(cause)))?;
        place_synced(file, &blob_path(&self.folder, &blob.digest)).map_err(error)
    }

    fn tell(&self, blob: &Descriptor, event: impl FnOnce(Verb, Subject) -> Event) {
        self.progress.on(event(Verb::Push, Subject::Blob(blob.digest)));
    }

    fn failed(&self, cause: &io::Error) -> OperationError {
        let corrupt = cause.kind() == io::ErrorKind::InvalidData;
        OperationError {
            kind: if corrupt { OperationErrorKind::Corrupt } else { OperationErrorKind::Other },
            message: format!("cannot write the OCI layout in `{}`: {cause}", self.folder.display()),
            hint: None,
        }
    }
}

/// A staged file that is locked for as long as it is open.
fn locked_stage(folder: &Path) -> io::Result<NamedTempFile> {
    let file = staged(folder)?;
    let _ = file.as_file().lock();
    Ok(file)
}

/// A file of the cache: one that cannot be read is as good as one with other bytes.
struct Kept<R>(R);

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.read(buffer);
        bytes.map_err(|cause| match cause.kind() {
            io::ErrorKind::Interrupted => cause,
            _ => io::Error::new(io::ErrorKind::InvalidData, cause),
        })
    }
}

/// Hands on everything that a reader gives, piece by piece.
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

fn invalid(cause: crate::oci::digest::VerifyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

impl Sink for LayoutWriter {
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>> {
        Box::pin(async move {
            let shared = &self.shared;
            let wanted = blob.clone();
            if self.blocking(move |shared| Ok(shared.has(&wanted))).await? {
                shared.tell(blob, |verb, subject| Event::Ended { verb, subject, outcome: Outcome::Present });
                return Ok(Outcome::Present);
            }
            shared.tell(blob, |verb, subject| Event::Started { verb, subject, size: Some(blob.size) });
            let added = self.add(blob, origin).await;
            let outcome = if added.is_ok() { Outcome::Done } else { Outcome::Failed };
            shared.tell(blob, |verb, subject| Event::Ended { verb, subject, outcome });
            added.map(|()| outcome)
        })
    }

    /// With a tag, the entry of that name is replaced; without one, an index that
    /// no entry names yet gets a nameless entry, and a manifest is stored only.
    fn manifest<'a>(
        &'a self,
        manifest: &'a RawManifest,
        tag: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let (raw, tag) = (manifest.clone(), tag.map(str::to_owned));
            self.blocking(move |shared| {
                let blob = raw.descriptor();
                if !shared.has(&blob) {
                    let staged = shared.stage(&blobs(&shared.folder))?;
                    shared.put(staged, &blob_path(&shared.folder, &blob.digest), &raw.bytes)?;
                }
                match &tag {
                    Some(name) => shared.change_index(|index| index.name(&raw, name)),
                    None if media_type::is_index(&raw.media_type) => shared.change_index(|index| index.hold(&raw)),
                    None => Ok(()),
                }
            })
            .await
        })
    }

    /// Blobs and `index.json` are on the disk once they have their names; files that got
    /// none are deleted.
    fn finish(&self) -> BoxFuture<'_, Result<(), OperationError>> {
        Box::pin(async move {
            self.blocking(|shared| {
                shared.close();
                Ok(())
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests;
