//! A layout as a target of images.
//!
//! What `index.json` points to after a push: with tags, one entry for each,
//! named like it; without any, one nameless entry, of the image's index (see
//! [`Index::hold`]). The manifests that an index lists are blobs only.

use std::fs::File;
use std::io::{self, Cursor, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tempfile::NamedTempFile;
use tokio_util::io::SyncIoBridge;

use super::index::{self, Index};
use super::{blob_path, blobs, other};
use crate::oci::digest::Verifier;
use crate::oci::{Descriptor, RawManifest, media_type};
use crate::ports::{Origin, PortError, PortErrorKind, Sink};
use crate::progress::{Event, Outcome, Progress, Subject, Verb};
use crate::store::staged::{PREFIX, place_synced, staged};

const CHUNK: usize = 128 << 10;

/// A layout that images are added to.
pub struct LayoutWriter {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    progress: Arc<dyn Progress>,
}

impl LayoutWriter {
    /// The layout in a folder, which is made when it is absent or empty.
    ///
    /// # Errors
    /// A folder that holds something else; a folder that cannot be written.
    pub fn create(folder: &Path, progress: Arc<dyn Progress>) -> Result<Self, PortError> {
        let shared = Shared { folder: folder.to_owned(), progress };
        shared.prepare()?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Does blocking work with what is shared, off the tasks' threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|stopped| Err(other(format!("writing to an OCI layout stopped: {stopped}"))))
    }

    async fn add(&self, blob: &Descriptor, origin: &Origin) -> Result<(), PortError> {
        let content: Box<dyn Read + Send> = match origin {
            Origin::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
            Origin::File(path) => {
                let open = fs_err::File::open(path);
                Box::new(
                    open.map_err(|cause| PortError { kind: PortErrorKind::Damaged, ..self.shared.failed(&cause) })?,
                )
            }
            Origin::Repository(source) => Box::new(SyncIoBridge::new(source.blob(blob).await?)),
        };
        let blob = blob.clone();
        let written = self.blocking(move |shared| shared.write(&blob, content)).await;
        written.map_err(|error| match (error.kind, origin) {
            (PortErrorKind::Corrupt, Origin::File(_)) => PortError { kind: PortErrorKind::Damaged, ..error },
            _ => error,
        })
    }
}

impl Shared {
    fn prepare(&self) -> Result<(), PortError> {
        let folder = &self.folder;
        let error = |cause: io::Error| self.failed(&cause);
        fs_err::create_dir_all(folder).map_err(error)?;
        let _held = self.locked().map_err(error)?;
        if index::is_layout(folder)? {
            self.read_index()?;
            fs_err::create_dir_all(blobs(folder)).map_err(error)?;
            self.sweep();
            return Ok(());
        }
        self.sweep();
        let foreign = |entry: &fs_err::DirEntry| entry.file_name() != "blobs";
        let entries = fs_err::read_dir(folder).map_err(error)?.collect::<io::Result<Vec<_>>>().map_err(error)?;
        // Folders for blobs are what a process leaves that is killed before it writes the marker.
        if entries.iter().any(foreign) || fs_err::read_dir(blobs(folder)).is_ok_and(|mut blobs| blobs.next().is_some())
        {
            return Err(PortError {
                hint: Some("name an empty folder, a layout, or one that does not exist yet".to_owned()),
                ..other(format!("`{}` is not empty and is no OCI layout", folder.display()))
            });
        }
        fs_err::create_dir_all(blobs(folder)).map_err(error)?;
        self.put(locked_stage(folder).map_err(error)?, &folder.join("oci-layout"), index::marker().as_bytes())
    }

    /// The layout, held against other processes (flock(2)). Where the file system knows no
    /// locks, nothing is held.
    fn locked(&self) -> io::Result<File> {
        let folder = File::open(&self.folder)?;
        let _ = folder.lock();
        Ok(folder)
    }

    /// Deletes what killed processes staged: files that nobody holds locked.
    fn sweep(&self) {
        for folder in [self.folder.clone(), blobs(&self.folder)] {
            for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
                let is_staged = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
                    && entry.file_type().is_ok_and(|kind| kind.is_file());
                if is_staged && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
                    let _ = fs_err::remove_file(entry.path());
                }
            }
        }
    }

    /// A staged file that `sweep` sees is in use.
    fn stage(&self, folder: &Path) -> io::Result<NamedTempFile> {
        let held = File::open(&self.folder)?;
        let _ = held.lock_shared();
        locked_stage(folder)
    }

    fn put(&self, mut file: NamedTempFile, path: &Path, content: &[u8]) -> Result<(), PortError> {
        let written = file.write_all(content).and_then(|()| place_synced(file, path));
        written.map_err(|cause| self.failed(&cause))
    }

    /// `index.json`; an empty one where a layout has none yet.
    fn read_index(&self) -> Result<Index, PortError> {
        match self.folder.join("index.json").try_exists() {
            Ok(true) => index::read(&self.folder).map(|(_, index)| index),
            Ok(false) => Ok(Index::empty()),
            Err(cause) => Err(self.failed(&cause)),
        }
    }

    /// Changes `index.json`, one caller and one process after the other.
    fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), PortError> {
        let error = |cause: io::Error| self.failed(&cause);
        let _held = self.locked().map_err(error)?;
        let mut index = self.read_index()?;
        change(&mut index);
        let json = index.to_json().map_err(|cause| error(cause.into()))?;
        self.put(locked_stage(&self.folder).map_err(error)?, &self.folder.join("index.json"), &json)
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

    fn write(&self, blob: &Descriptor, content: Box<dyn Read + Send>) -> Result<(), PortError> {
        let error = |cause: io::Error| self.failed(&cause);
        let mut file = self.stage(&blobs(&self.folder)).map_err(error)?;
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

    fn failed(&self, cause: &io::Error) -> PortError {
        let corrupt = cause.kind() == io::ErrorKind::InvalidData;
        PortError {
            kind: if corrupt { PortErrorKind::Corrupt } else { PortErrorKind::Other },
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
    fn blob<'a>(&'a self, blob: &'a Descriptor, origin: &'a Origin) -> BoxFuture<'a, Result<Outcome, PortError>> {
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
    fn manifest<'a>(&'a self, manifest: &'a RawManifest, tag: Option<&'a str>) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async move {
            let (raw, tag) = (manifest.clone(), tag.map(str::to_owned));
            self.blocking(move |shared| {
                let blob = raw.descriptor();
                if !shared.has(&blob) {
                    let staged = shared.stage(&blobs(&shared.folder)).map_err(|cause| shared.failed(&cause))?;
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
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;
    use crate::oci::location::Selector;
    use crate::ports::Source as _;
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

    fn create(folder: &Path) -> Result<(LayoutWriter, Arc<Log>), PortError> {
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
        assert_eq!(writer.blob(&blob, &Origin::File(file)).await.unwrap(), Outcome::Done);
        let bytes = Origin::Bytes(Bytes::from_static(b"content"));
        assert_eq!(writer.blob(&blob, &bytes).await.unwrap(), Outcome::Present);
        assert_eq!(*log.0.lock().unwrap(), ["Push of Some(7)", "+7", "Done", "Present"]);

        writer.manifest(&raw(media_type::INDEX, "{}".to_owned()), None).await.unwrap();
        let source = Layout::open(&root.path().join("new/one"), None).unwrap();
        let (copy, _) = create(&root.path().join("two")).unwrap();
        assert_eq!(copy.blob(&blob, &Origin::Repository(Arc::new(source))).await.unwrap(), Outcome::Done);
        assert_eq!(files(&blobs(&root.path().join("two"))), [blob.digest.hex()]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn wrong_content_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let (writer, log) = create(root.path()).unwrap();
        let blob = Descriptor::of("x", b"content");
        for wrong in ["contend", "conten", "contents"] {
            let error = writer.blob(&blob, &Origin::Bytes(Bytes::from_static(wrong.as_bytes()))).await.unwrap_err();
            assert_eq!(error.kind, PortErrorKind::Corrupt, "{wrong}: {error}");
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
    fn a_folder_of_something_else_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join("thesis.txt"), "").unwrap();
        let error = create(root.path()).err().unwrap();
        assert!(error.message.ends_with("is not empty and is no OCI layout"), "{error}");
        assert!(error.hint.is_some());
        assert_eq!(files(root.path()), ["thesis.txt"]);
    }
}
