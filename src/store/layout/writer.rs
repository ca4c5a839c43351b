//! A layout as a target of images.
//!
//! `index.json` gets one entry for each name of an image, and one nameless entry for an image
//! without names (see [`Index::hold`]), all of them at once. The manifests listed by an index are
//! stored as blobs only.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tempfile::NamedTempFile;

use super::index::{self, Index};
use super::{blob_path, blobs};
use crate::diagnostic::Code;
use crate::oci::{Descriptor, RawManifest};
use crate::operation_error::OperationError;
use crate::progress::{Event, Outcome, Progress, Subject, Verb};
use crate::repository::{BlobSource, NamedManifest, Sink};
use crate::store::blob_reader::{blame, copy_verified, open};
use crate::store::lock_wait::wait;
use crate::store::staged::{is_staged, place_synced, staged};

/// The longest wait for another process, which normally holds the layout for moments.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// A layout to which images are added.
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
    /// True once the layout's directories and marker exist.
    prepared: bool,
    /// True once nothing more is written.
    closed: bool,
    /// The paths of staged files; committed files no longer exist under these.
    staged: Vec<PathBuf>,
}

impl LayoutWriter {
    /// Opens the layout in a directory. A missing or empty one becomes a layout with the first
    /// blob.
    ///
    /// # Errors
    /// A directory that holds other files, or cannot be read.
    pub fn create(folder: &Path, progress: Arc<dyn Progress>) -> Result<Self, OperationError> {
        let shared = Shared { folder: folder.to_owned(), progress, state: Mutex::default() };
        shared.check()?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Stops writing, and deletes the staged files.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Runs blocking work outside of the tasks' threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, OperationError> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|stopped| {
            Err(OperationError::new(Code::Internal, "writing to an OCI layout stopped").because(&stopped))
        })
    }

    async fn add(&self, blob: &Descriptor, origin: &BlobSource) -> Result<(), OperationError> {
        let (blob, from) = (blob.clone(), origin.clone());
        let written = self.blocking(move |shared| shared.write(&blob, open(&blob, &from)?)).await;
        written.map_err(|error| blame(error, origin))
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

    /// Returns whether the directory is a layout, with an error where it holds other files.
    fn check(&self) -> Result<bool, OperationError> {
        let folder = &self.folder;
        match folder.symlink_metadata() {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
            _ => {}
        }
        if index::is_layout(folder)? {
            return self.read_index().map(|_| true);
        }
        // Checked again: another process may have made a layout of it just now.
        if self.is_free().map_err(|cause| self.failed(&cause))? || index::is_layout(folder)? {
            return Ok(false);
        }
        let message = format!("`{}` is not empty and is not an OCI layout", folder.display());
        let hint = "name an empty directory, a layout, or a directory that does not exist yet";
        Err(OperationError::new(Code::UnwritableOutput, message).with_hint(hint))
    }

    /// Creates the layout, unless that was done.
    fn prepare(&self) -> Result<(), OperationError> {
        let mut state = self.state();
        if state.closed {
            return Err(OperationError::new(Code::Internal, "the build was cancelled"));
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

    /// Returns whether the directory is empty, apart from the files of a process that was killed
    /// before it wrote the marker.
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

    /// Writes the marker. Of several processes the first one's stays, because they lock it.
    fn mark(&self) -> io::Result<()> {
        let mut file = locked_stage(&self.folder)?;
        file.write_all(index::marker().as_bytes())?;
        file.as_file().sync_all()?;
        let marker = self.folder.join("oci-layout");
        match file.persist_noclobber(&marker) {
            // Another process was faster; it may have deleted this staged file too.
            Err(_) if marker.exists() => Ok(()),
            Err(failed) => Err(failed.error),
            Ok(_) => Ok(()),
        }
    }

    /// Locks the layout's marker against other processes (flock(2)). On file systems without locks,
    /// nothing is held.
    fn locked(&self) -> Result<File, OperationError> {
        let path = self.folder.join("oci-layout");
        // NFS locks only files that are open for writing.
        let file = File::options().read(true).write(true).open(&path).or_else(|_| File::open(&path));
        let file = file.map_err(|cause| self.failed(&cause))?;
        if let Err(TryLockError::WouldBlock) = wait(LOCK_WAIT, || file.try_lock()) {
            let message = format!("another process holds the OCI layout in `{}`", self.folder.display());
            return Err(OperationError::new(Code::UnwritableOutput, message).with_hint("wait for it, or end it"));
        }
        Ok(file)
    }

    /// Deletes the staged files of killed processes: files that no process holds locked.
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

    /// Creates a staged file that `sweep` recognises as in use.
    fn stage(&self, folder: &Path) -> Result<NamedTempFile, OperationError> {
        self.prepare()?;
        let _held = self.locked()?;
        self.stage_locked(folder)
    }

    /// Creates a staged file while the layout is locked.
    fn stage_locked(&self, folder: &Path) -> Result<NamedTempFile, OperationError> {
        let mut state = self.state();
        if state.closed {
            return Err(OperationError::new(Code::Internal, "the build was cancelled"));
        }
        let file = locked_stage(folder).map_err(|cause| self.failed(&cause))?;
        state.staged.push(file.path().to_owned());
        Ok(file)
    }

    fn put(&self, mut file: NamedTempFile, path: &Path, content: &[u8]) -> Result<(), OperationError> {
        let written = file.write_all(content).and_then(|()| place_synced(file, path));
        written.map_err(|cause| self.failed(&cause))
    }

    /// Reads `index.json`; an empty one where a layout has none yet.
    fn read_index(&self) -> Result<Index, OperationError> {
        match self.folder.join("index.json").try_exists() {
            Ok(true) => index::read(&self.folder).map(|(_, index)| index),
            Ok(false) => Ok(Index::empty()),
            Err(cause) => Err(self.failed(&cause)),
        }
    }

    /// Changes `index.json`, for one caller and one process at a time.
    fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), OperationError> {
        let error = |cause: io::Error| self.failed(&cause);
        self.prepare()?;
        let _held = self.locked()?;
        let mut index = self.read_index()?;
        change(&mut index);
        let json = index.to_json().map_err(|cause| error(cause.into()))?;
        self.put(self.stage_locked(&self.folder)?, &self.folder.join("index.json"), &json)
    }

    /// Returns whether the blob exists and matches its digest.
    fn has(&self, blob: &Descriptor) -> bool {
        let Ok(file) = File::open(blob_path(&self.folder, &blob.digest)) else { return false };
        if !file.metadata().is_ok_and(|file| file.is_file() && file.len() == blob.size) {
            return false;
        }
        copy_verified(blob, file, |_| Ok(())).is_ok()
    }

    fn write(&self, blob: &Descriptor, content: Box<dyn Read + Send>) -> Result<(), OperationError> {
        let error = |cause: io::Error| self.failed(&cause);
        let mut file = self.stage(&blobs(&self.folder))?;
        let copied = copy_verified(blob, content, |bytes| {
            file.write_all(bytes)?;
            self.tell(blob, |verb, subject| Event::Advanced { verb, subject, bytes: bytes.len() as u64 });
            Ok(())
        });
        copied.map_err(error)?;
        place_synced(file, &blob_path(&self.folder, &blob.digest)).map_err(error)
    }

    fn tell(&self, blob: &Descriptor, event: impl FnOnce(Verb, Subject) -> Event) {
        self.progress.on(event(Verb::Push, Subject::Blob(blob.digest)));
    }

    fn failed(&self, cause: &io::Error) -> OperationError {
        let corrupt = cause.kind() == io::ErrorKind::InvalidData;
        let code = if corrupt { Code::CorruptContent } else { Code::UnwritableOutput };
        OperationError::new(code, format!("cannot write the OCI layout in `{}`", self.folder.display())).because(cause)
    }
}

/// Creates a staged file that is locked for as long as it is open.
fn locked_stage(folder: &Path) -> io::Result<NamedTempFile> {
    let file = staged(folder)?;
    let _ = file.as_file().lock();
    Ok(file)
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

    /// Stores a manifest as a blob, without an entry in `index.json`.
    fn manifest<'a>(&'a self, manifest: &'a RawManifest) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let raw = manifest.clone();
            self.blocking(move |shared| {
                let blob = raw.descriptor();
                if shared.has(&blob) {
                    return Ok(());
                }
                let staged = shared.stage(&blobs(&shared.folder))?;
                shared.put(staged, &blob_path(&shared.folder, &blob.digest), &raw.bytes)
            })
            .await
        })
    }

    /// Does nothing: blobs that no entry leads to are not seen.
    fn prepare<'a>(&'a self, _: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async { Ok(()) })
    }

    /// Changes `index.json`, and deletes the staged files.
    fn publish<'a>(&'a self, images: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let images = images.to_vec();
            self.blocking(move |shared| {
                shared.change_index(|index| {
                    for NamedManifest { manifest, names } in &images {
                        for name in names {
                            index.name(manifest, name);
                        }
                        if names.is_empty() {
                            index.hold(manifest);
                        }
                    }
                })?;
                shared.close();
                Ok(())
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests;
