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
use super::{blob_path, blobs};
use crate::diagnostic::Code;
use crate::oci::digest::Verifier;
use crate::oci::{Descriptor, RawManifest, media_type};
use crate::operation_error::OperationError;
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
        done.unwrap_or_else(|stopped| {
            Err(OperationError::new(Code::Internal, "writing to an OCI layout stopped").because(&stopped))
        })
    }

    async fn add(&self, blob: &Descriptor, origin: &BlobSource) -> Result<(), OperationError> {
        let content: Box<dyn Read + Send> = match origin {
            BlobSource::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
            BlobSource::File(path) => {
                let file = fs_err::File::open(path);
                let damaged = |cause| OperationError { code: Code::DamagedCache, ..self.shared.failed(&cause) };
                Box::new(Kept(file.map_err(damaged)?))
            }
            BlobSource::Repository(source) => Box::new(SyncIoBridge::new(source.blob(blob).await?)),
        };
        let blob = blob.clone();
        let written = self.blocking(move |shared| shared.write(&blob, content)).await;
        written.map_err(|error| match (error.code, origin) {
            (Code::CorruptContent, BlobSource::File(_)) => OperationError { code: Code::DamagedCache, ..error },
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
        let message = format!("`{}` is not empty and is not an OCI layout", folder.display());
        let hint = "name an empty directory, a layout, or a directory that does not exist yet";
        Err(OperationError::new(Code::UnwritableOutput, message).with_hint(hint))
    }

    /// Makes the layout, unless that was done.
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
            return Err(OperationError::new(Code::UnwritableOutput, message).with_hint("wait for it, or end it"));
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
        let code = if corrupt { Code::CorruptContent } else { Code::UnwritableOutput };
        OperationError::new(code, format!("cannot write the OCI layout in `{}`", self.folder.display())).because(cause)
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
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::oci::location::Selector;
    use crate::repository::Source as _;
    use crate::store::Layout;

    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl Progress for Log {
        fn on(&self, event: Event) {
            self.0.lock().unwrap().push(match event {
                Event::Started { verb, size, .. } => format!("{verb:?} of {size:?}"),
                Event::Advanced { bytes, .. } => format!("+{bytes}"),
                Event::Ended { outcome, .. } => format!("{outcome:?}"),
                other => format!("{other:?}"),
            });
        }
    }

    fn create(folder: &Path) -> Result<(LayoutWriter, Arc<Log>), OperationError> {
        let log = Arc::<Log>::default();
        LayoutWriter::create(folder, log.clone()).map(|writer| (writer, log))
    }

    fn raw(media_type: &str, text: String) -> RawManifest {
        RawManifest { media_type: media_type.to_owned(), bytes: text.into_bytes() }
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn blobs_come_from_bytes_files_and_other_layouts() {
        let root = tempfile::tempdir().unwrap();
        let (writer, log) = create(&root.path().join("new/one")).unwrap();
        let file = root.path().join("file");
        fs_err::write(&file, "content").unwrap();
        let blob = Descriptor::of("x", b"content");
        assert_eq!(writer.blob(&blob, &BlobSource::File(file)).await.unwrap(), Outcome::Done);
        let bytes = BlobSource::Bytes(Bytes::from_static(b"content"));
        assert_eq!(writer.blob(&blob, &bytes).await.unwrap(), Outcome::Present);
        assert_eq!(*log.0.lock().unwrap(), ["Push of Some(7)", "+7", "Done", "Present"]);

        writer.manifest(&raw(media_type::INDEX, "{}".to_owned()), None).await.unwrap();
        let source = Layout::open(&root.path().join("new/one"), None).unwrap();
        let (copy, _) = create(&root.path().join("two")).unwrap();
        assert_eq!(copy.blob(&blob, &BlobSource::Repository(Arc::new(source))).await.unwrap(), Outcome::Done);
        assert_eq!(files(&blobs(&root.path().join("two"))), [blob.digest.hex()]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn wrong_content_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let (writer, log) = create(root.path()).unwrap();
        let blob = Descriptor::of("x", b"content");
        for wrong in ["contend", "conten", "contents"] {
            let error = writer.blob(&blob, &BlobSource::Bytes(Bytes::from_static(wrong.as_bytes()))).await.unwrap_err();
            assert_eq!(error.code, Code::CorruptContent, "{wrong}: {error}");
            assert_eq!(log.0.lock().unwrap().last().unwrap(), "Failed");
        }
        assert_eq!(files(&blobs(root.path())), Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_index_is_reachable_with_and_without_tags() {
        let root = tempfile::tempdir().unwrap();
        let (writer, _) = create(root.path()).unwrap();
        let image = raw(media_type::MANIFEST, "{}".to_owned());
        let index = raw(media_type::INDEX, r#"{"manifests":[]}"#.to_owned());
        writer.manifest(&image, None).await.unwrap();
        writer.manifest(&index, None).await.unwrap();
        writer.manifest(&index, None).await.unwrap();
        let layout = Layout::open(root.path(), None).unwrap();
        assert_eq!(layout.root().unwrap(), Selector::Digest(index.digest()));
        assert_eq!(layout.manifest(&Selector::Digest(image.digest())).await.unwrap(), image);

        writer.manifest(&index, Some("1.4")).await.unwrap();
        let layout = Layout::open(root.path(), None).unwrap();
        assert_eq!(layout.manifest(&Selector::Tag("1.4".to_owned())).await.unwrap(), index);
        assert_eq!(layout.root().unwrap(), Selector::Digest(index.digest()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn names_written_at_once_are_all_kept() {
        let root = tempfile::tempdir().unwrap();
        let (writer, _) = create(root.path()).unwrap();
        let (again, _) = create(root.path()).unwrap();
        let tags: Vec<_> = (0..20).map(|number| format!("v{number}")).collect();
        let index = raw(media_type::INDEX, r#"{"manifests":[]}"#.to_owned());
        futures_util::future::try_join_all(tags.iter().map(|tag| writer.manifest(&index, Some(tag)))).await.unwrap();
        again.manifest(&index, Some("last")).await.unwrap();
        let layout = Layout::open(root.path(), None).unwrap();
        for tag in tags.iter().map(String::as_str).chain(["last"]) {
            layout.manifest(&Selector::Tag(tag.to_owned())).await.unwrap();
        }
    }

    #[test]
    fn what_killed_processes_staged_is_deleted_and_no_more() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(blobs(root.path())).unwrap();
        for name in [".carboy-xxxxxx", "blobs/sha256/.carboy-yyyyyy"] {
            fs_err::write(root.path().join(name), "").unwrap();
        }
        let (writer, _) = create(root.path()).unwrap();
        writer.shared.prepare().unwrap();
        assert_eq!(files(root.path()), ["blobs", "oci-layout"]);
        assert_eq!(files(&blobs(root.path())), Vec::<String>::new());
        let staged = writer.shared.stage(&blobs(root.path())).unwrap();
        fs_err::write(root.path().join(".carboy-notes"), "").unwrap();
        create(root.path()).unwrap().0.shared.prepare().unwrap();
        assert!(staged.path().exists());
        assert_eq!(files(root.path()), [".carboy-notes", "blobs", "oci-layout"]);
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join("thesis.txt"), "").unwrap();
        let error = create(root.path()).err().unwrap();
        assert!(error.line().ends_with("is not empty and is not an OCI layout"), "{error}");
        assert!(error.hint.is_some());
        assert_eq!(files(root.path()), ["thesis.txt"]);
        fs_err::write(root.path().join(".carboy-xxxxxx"), "").unwrap();
        assert!(create(root.path()).is_err());
        assert_eq!(files(root.path()), [".carboy-xxxxxx", "thesis.txt"], "a foreign folder is not swept");
    }
}
