use bytes::Bytes;

use super::*;
use crate::oci::location::Selector;
use crate::oci::media_type;
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

/// Writes a manifest and names it.
async fn publish(writer: &LayoutWriter, manifest: &RawManifest, names: &[&str]) {
    writer.manifest(manifest).await.unwrap();
    let names = names.iter().map(|&name| name.to_owned()).collect();
    let images = [NamedManifest { manifest: manifest.clone(), names }];
    writer.prepare(&images).await.unwrap();
    writer.publish(&images).await.unwrap();
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

    publish(&writer, &raw(media_type::INDEX, "{}".to_owned()), &[]).await;
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
    writer.manifest(&image).await.unwrap();
    writer.manifest(&index).await.unwrap();
    publish(&writer, &index, &[]).await;
    let layout = Layout::open(root.path(), None).unwrap();
    assert_eq!(layout.root().unwrap(), Selector::Digest(index.digest()));
    assert_eq!(layout.manifest(&Selector::Digest(image.digest())).await.unwrap(), image);

    let (writer, _) = create(root.path()).unwrap();
    publish(&writer, &index, &["1.4"]).await;
    let layout = Layout::open(root.path(), None).unwrap();
    assert_eq!(layout.manifest(&Selector::Tag("1.4".to_owned())).await.unwrap(), index);
    assert_eq!(layout.root().unwrap(), Selector::Digest(index.digest()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_layout_is_whole_and_takes_nothing_more() {
    let root = tempfile::tempdir().unwrap();
    let (writer, _) = create(root.path()).unwrap();
    let index = raw(media_type::INDEX, r#"{"manifests":[]}"#.to_owned());
    let staged = writer.shared.stage(root.path()).unwrap();
    publish(&writer, &index, &["1"]).await;
    assert!(!staged.path().exists());
    assert_eq!(files(root.path()), ["blobs", "index.json", "oci-layout"]);
    let layout = Layout::open(root.path(), None).unwrap();
    assert_eq!(layout.manifest(&Selector::Tag("1".to_owned())).await.unwrap(), index);
    assert!(writer.manifest(&raw(media_type::INDEX, "{}".to_owned())).await.is_err());
    assert!(writer.publish(&[NamedManifest { manifest: index, names: vec![] }]).await.is_err());
    let bytes = BlobSource::Bytes(Bytes::from_static(b"x"));
    assert!(writer.blob(&Descriptor::of("x", b"x"), &bytes).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_written_at_once_are_all_kept() {
    let root = tempfile::tempdir().unwrap();
    let tags: Vec<_> = (0..20).map(|number| format!("v{number}")).collect();
    let index = raw(media_type::INDEX, r#"{"manifests":[]}"#.to_owned());
    let writers: Vec<_> = tags.iter().map(|tag| (tag.as_str(), create(root.path()).unwrap().0)).collect();
    let names = writers.iter().map(async |(tag, writer)| publish(writer, &index, &[tag]).await);
    futures_util::future::join_all(names).await;
    let layout = Layout::open(root.path(), None).unwrap();
    for tag in tags.iter().map(String::as_str) {
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
