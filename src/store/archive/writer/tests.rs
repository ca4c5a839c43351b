use std::io::Read as _;

use serde_json::{Value, json};

use super::*;
use crate::oci::location::Selector;
use crate::oci::{DiffId, Digest, media_type};
use crate::progress::Silent;
use crate::repository::Source as _;
use crate::store::Layout;

/// A tar of one file.
fn layer(name: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    tar.append_data(&mut header, name, &b"hello"[..]).unwrap();
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// An image whose layers are packed in three ways, the last one twice.
struct Image {
    manifest: RawManifest,
    config: Vec<u8>,
    blobs: Vec<(Descriptor, Vec<u8>)>,
    diff_ids: Vec<Digest>,
}

fn image() -> Image {
    let tars = ["a", "b", "c", "c"].map(layer);
    let packed = [
        ("application/vnd.oci.image.layer.v1.tar", tars[0].clone()),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", gzip(&tars[1])),
        ("application/vnd.oci.image.layer.v1.tar+zstd", zstd::encode_all(&tars[2][..], 1).unwrap()),
        ("application/vnd.oci.image.layer.v1.tar+zstd", zstd::encode_all(&tars[2][..], 1).unwrap()),
    ];
    let diff_ids = tars.iter().map(|tar| Digest::of(tar)).collect::<Vec<_>>();
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "rootfs": { "type": "layers", "diff_ids": diff_ids.iter().map(|id| DiffId(*id).to_string()).collect::<Vec<_>>() },
    });
    let config = config.to_string().into_bytes();
    let layers: Vec<_> = packed.iter().map(|(media_type, bytes)| Descriptor::of(media_type, bytes)).collect();
    let described = Descriptor::of(media_type::CONFIG, &config);
    let manifest = crate::oci::ImageManifest::new(described.clone(), layers.clone()).to_raw();
    let blobs = layers.into_iter().zip(packed.map(|(_, bytes)| bytes)).chain([(described, config.clone())]).collect();
    Image { manifest, config, blobs, diff_ids }
}

async fn write(file: &Path, format: ArchiveFormat, image: &Image, names: &[&str]) -> Result<(), OperationError> {
    let writer = ArchiveWriter::create(file, format, Arc::new(Silent))?;
    for (blob, bytes) in &image.blobs {
        writer.blob(blob, &BlobSource::Bytes(bytes.clone().into())).await?;
    }
    writer.manifest(&image.manifest).await?;
    let names = names.iter().map(|&name| name.to_owned()).collect();
    let images = [NamedManifest { manifest: image.manifest.clone(), names }];
    writer.prepare(&images).await?;
    assert!(!fs_err::read(file).is_ok_and(|bytes| !bytes.is_empty()), "it has no name before the end");
    writer.publish(&images).await
}

fn members(file: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(fs_err::File::open(file).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().display().to_string(), bytes)
    });
    entries.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_docker_archive_has_uncompressed_layers_once() {
    let root = tempfile::tempdir().unwrap();
    let (file, image) = (root.path().join("new/x.tar"), image());
    write(&file, ArchiveFormat::Docker, &image, &["docker.io/library/shop:1"]).await.unwrap();
    let members = members(&file);
    let config_name = format!("{}.json", Digest::of(&image.config).hex());
    let layer_names: Vec<_> = image.diff_ids.iter().map(|id| format!("{}.tar", id.hex())).collect();
    let names: Vec<_> = members.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, [&layer_names[..3], &[config_name.clone(), "manifest.json".to_owned()]].concat());
    for (name, bytes) in &members[..3] {
        assert_eq!(*name, format!("{}.tar", Digest::of(bytes).hex()));
    }
    assert_eq!(members[3].1, image.config);
    let manifest: Value = serde_json::from_slice(&members[4].1).unwrap();
    let want = json!([{ "Config": config_name, "RepoTags": ["docker.io/library/shop:1"], "Layers": layer_names }]);
    assert_eq!(manifest, want);
    assert_eq!(fs_err::read_dir(root.path().join("new")).unwrap().count(), 1, "nothing staged is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oci_archive_is_a_layout_that_is_read_back() {
    let root = tempfile::tempdir().unwrap();
    let (file, image) = (root.path().join("x.tar"), image());
    write(&file, ArchiveFormat::Oci, &image, &["1", "2"]).await.unwrap();
    let first = fs_err::read(&file).unwrap();
    let names: Vec<_> = members(&file).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..4], ["oci-layout", "index.json", "blobs/", "blobs/sha256/"]);
    assert!(names[4..].is_sorted(), "{names:?}");
    let layout = Layout::open_archive(&file, Some("2")).unwrap();
    assert_eq!(layout.manifest(&layout.root().unwrap()).await.unwrap(), image.manifest);
    for (blob, bytes) in &image.blobs {
        use tokio::io::AsyncReadExt as _;
        let mut read = Vec::new();
        layout.blob(blob).await.unwrap().read_to_end(&mut read).await.unwrap();
        assert_eq!(read, *bytes);
    }
    let by_digest = layout.manifest(&Selector::Digest(image.manifest.digest())).await.unwrap();
    assert_eq!(by_digest.bytes, image.manifest.bytes);
    let missing = layout.blob(&Descriptor::of("x", b"nothing")).await.err().unwrap();
    assert_eq!(missing.code, Code::NotFound);
    let again = root.path().join("y.tar");
    write(&again, ArchiveFormat::Oci, &image, &["1", "2"]).await.unwrap();
    assert_eq!(fs_err::read(&again).unwrap(), first, "the bytes depend on the image alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_content_and_other_files_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("x.tar");
    let writer = ArchiveWriter::create(&file, ArchiveFormat::Oci, Arc::new(Silent)).unwrap();
    let blob = Descriptor::of("x", b"content");
    let error = writer.blob(&blob, &BlobSource::Bytes(Bytes::from_static(b"contend"))).await.unwrap_err();
    assert_eq!(error.code, Code::CorruptContent);
    let kept = root.path().join("kept");
    fs_err::write(&kept, "contend").unwrap();
    let error = writer.blob(&blob, &BlobSource::File(kept.clone())).await.unwrap_err();
    assert_eq!(error.code, Code::DamagedCache);

    let refused = |path: &Path| {
        let error = ArchiveWriter::create(path, ArchiveFormat::Oci, Arc::new(Silent)).err().unwrap();
        error.message.replace(&root.path().display().to_string(), "ROOT")
    };
    assert_eq!(refused(&kept), "`ROOT/kept` exists and is not an archive");
    assert_eq!(refused(root.path()), "`ROOT` is not a regular file");
    assert_eq!(refused(Path::new("/dev/null")), "`/dev/null` is not a regular file");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_closed_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (file, image) = (root.path().join("x.tar"), image());
    fs_err::write(&file, "").unwrap();
    let writer = ArchiveWriter::create(&file, ArchiveFormat::Oci, Arc::new(Silent)).unwrap();
    for (blob, bytes) in &image.blobs {
        writer.blob(blob, &BlobSource::Bytes(bytes.clone().into())).await.unwrap();
    }
    let images = [NamedManifest { manifest: image.manifest.clone(), names: vec![] }];
    writer.manifest(&image.manifest).await.unwrap();
    writer.prepare(&images).await.unwrap();
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 2);
    writer.close();
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 1);
    assert!(writer.publish(&images).await.is_err());
    assert_eq!(fs_err::read(&file).unwrap(), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_does_not_fit_into_a_docker_archive() {
    let root = tempfile::tempdir().unwrap();
    let index = crate::oci::ImageIndex::default().to_raw();
    let image = Image { manifest: index, ..image() };
    let error = write(&root.path().join("x.tar"), ArchiveFormat::Docker, &image, &[]).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidArgument, "{error}");
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 0);
}
