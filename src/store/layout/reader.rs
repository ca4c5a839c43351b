//! A layout, in a directory or in an archive, as a source of images.
//!
//! `index.json` is read once, when the layout is opened; later requests by name use that content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt as _;

use super::blob_path;
use super::index::{self, Entry, Index};
use crate::diagnostic::Code;
use crate::hint::nearest;
use crate::oci::digest::Verifier;
use crate::oci::location::Selector;
use crate::oci::manifest::LIMIT;
use crate::oci::{Descriptor, Digest, RawManifest, media_type};
use crate::operation_error::OperationError;
use crate::repository::{BlobReader, Source};
use crate::store::archive::members::{Members, open_part};
use crate::store::archive::tar_file::read_bounded;
use crate::store::verified::Verified;

/// An existing layout, and the image in it that the user named.
pub struct Layout {
    place: Place,
    name: Option<String>,
    index: Index,
    /// The bytes of `index.json`, which can itself be an image's index.
    raw: RawManifest,
}

/// The place of a layout.
enum Place {
    Folder(PathBuf),
    Archive {
        file: PathBuf,
        /// Offset and size of each blob.
        blobs: BTreeMap<Digest, (u64, u64)>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "the OCI layout in `{}`", folder.display()),
            Self::Archive { file, .. } => write!(f, "the OCI archive `{}`", file.display()),
        }
    }
}

impl Layout {
    /// Opens the layout in a directory; `name` is the `org.opencontainers.image.ref.name` that the
    /// user gave with it.
    ///
    /// # Errors
    /// A directory that is not a layout.
    pub fn open(folder: &Path, name: Option<&str>) -> Result<Self, OperationError> {
        let (bytes, index) = index::read(folder)?;
        let raw = RawManifest { media_type: media_type::INDEX.to_owned(), bytes };
        Ok(Self { place: Place::Folder(folder.to_owned()), name: name.map(str::to_owned), index, raw })
    }

    /// Opens the layout in an archive.
    ///
    /// # Errors
    /// A file that is not an OCI archive.
    pub fn open_archive(file: &Path, name: Option<&str>) -> Result<Self, OperationError> {
        let Members { blobs, marker, index: bytes } = Members::find(file)?;
        let place = Place::Archive { file: file.to_owned(), blobs };
        index::check_version(&place.to_string(), &marker)?;
        let index = Index::parse(&bytes).map_err(|cause| {
            OperationError::new(Code::InvalidImage, format!("{place} has no valid index")).because(&cause)
        })?;
        let raw = RawManifest { media_type: media_type::INDEX.to_owned(), bytes };
        Ok(Self { place, name: name.map(str::to_owned), index, raw })
    }

    /// Returns the image that the user named; without a name, the only image in the layout, or
    /// `index.json` itself when its entries are the platforms of one image.
    ///
    /// # Errors
    /// `NotFound` in an empty layout; several images to choose from.
    pub fn root(&self) -> Result<Selector, OperationError> {
        if let Some(name) = &self.name {
            return Ok(Selector::Tag(name.clone()));
        }
        let entries = &self.index.manifests;
        let Some(first) = entries.first() else {
            let message = format!("{} holds no image", self.place);
            return Err(OperationError::new(Code::NotFound, message));
        };
        if entries.iter().all(|entry| entry.digest == first.digest) {
            return index::digest(&self.place, first).map(Selector::Digest);
        }
        if are_platforms(entries) {
            return Ok(Selector::Digest(self.raw.digest()));
        }
        let message = format!("{} holds several images", self.place);
        Err(OperationError::new(Code::InvalidArgument, message).with_hint(self.choices()))
    }

    fn names(&self) -> BTreeSet<&str> {
        self.index.manifests.iter().filter_map(Entry::name).collect()
    }

    fn choices(&self) -> String {
        let names: Vec<_> = self.names().into_iter().collect();
        match names.first() {
            Some(first) => {
                let list = names.join(", ");
                let place = match &self.place {
                    Place::Folder(folder) => format!("oci:{}", folder.display()),
                    Place::Archive { file, .. } => format!("oci-archive:{}", file.display()),
                };
                format!("name one, as in {place}:{first}; its names are {list}")
            }
            None => "none of them has a name; give each image a name to choose it by".to_owned(),
        }
    }

    /// Returns the entry of a name.
    fn named(&self, name: &str) -> Result<&Entry, OperationError> {
        let mut entries = self.index.manifests.iter().filter(|entry| entry.name() == Some(name));
        let Some(first) = entries.next() else {
            let names = self.names();
            let message = format!("{} has no image named `{name}`", self.place);
            let near = nearest(name, names.iter().copied()).map(|near| format!("it has one named `{near}`"));
            let hint = near.or_else(|| (!names.is_empty()).then(|| self.choices()));
            return Err(OperationError { hint, ..OperationError::new(Code::NotFound, message) });
        };
        if entries.all(|entry| entry.digest == first.digest) {
            return Ok(first);
        }
        let message = format!("{} has several images named `{name}`", self.place);
        Err(OperationError::new(Code::InvalidArgument, message))
    }

    fn read(&self, selector: &Selector) -> Result<RawManifest, OperationError> {
        match selector {
            Selector::Tag(name) => {
                let entry = self.named(name)?;
                self.by_digest(&index::digest(&self.place, entry)?, Some(entry))
            }
            Selector::Digest(digest) if *digest == self.raw.digest() => Ok(self.raw.clone()),
            Selector::Digest(digest) => {
                let text = digest.to_string();
                self.by_digest(digest, self.index.manifests.iter().find(|entry| entry.digest == text))
            }
        }
    }

    fn by_digest(&self, digest: &Digest, entry: Option<&Entry>) -> Result<RawManifest, OperationError> {
        let bytes = match &self.place {
            Place::Folder(folder) => index::bounded(&blob_path(folder, digest)),
            Place::Archive { .. } => self.part(digest).and_then(|part| read_bounded(part, LIMIT)),
        };
        let bytes = bytes.map_err(|cause| self.failed(digest, &cause))?;
        let mut verifier = Verifier::new(*digest, entry.map_or(bytes.len() as u64, |entry| entry.size));
        verifier.update(&bytes).and_then(|()| verifier.finish()).map_err(|cause| self.corrupt(&cause))?;
        let media_type = entry.map(|entry| entry.media_type.clone()).or_else(|| index::media_type_of(&bytes));
        let media_type = media_type.ok_or_else(|| self.corrupt(&format!("manifest {digest} is not JSON")))?;
        Ok(RawManifest { media_type, bytes })
    }

    fn corrupt(&self, cause: &dyn fmt::Display) -> OperationError {
        let message = format!("{} is damaged", self.place);
        OperationError::new(Code::CorruptContent, message).because(cause.to_string())
    }

    fn failed(&self, digest: &Digest, cause: &io::Error) -> OperationError {
        if cause.kind() == io::ErrorKind::NotFound {
            let message = format!("{} has no blob {digest}", self.place);
            return OperationError::new(Code::NotFound, message);
        }
        index::failed(&self.place, cause)
    }

    /// Opens a blob of an archive.
    fn part(&self, digest: &Digest) -> io::Result<io::Take<File>> {
        let Place::Archive { file, blobs } = &self.place else { return Err(io::ErrorKind::NotFound.into()) };
        let (offset, size) = blobs.get(digest).copied().ok_or(io::ErrorKind::NotFound)?;
        open_part(file, offset, size)
    }
}

/// Returns whether the entries belong to one image, each for another platform.
fn are_platforms(entries: &[Entry]) -> bool {
    let mut seen = vec![];
    entries.iter().filter(|entry| !entry.is_for_no_platform()).all(|entry| {
        let new = entry.platform.is_some() && !seen.contains(&&entry.platform);
        seen.push(&entry.platform);
        new
    }) && !seen.is_empty()
}

impl Source for Layout {
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, OperationError>> {
        Box::pin(async move { self.read(selector) })
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, OperationError>> {
        Box::pin(async move {
            let failed = |cause| self.failed(&blob.digest, &cause);
            match &self.place {
                Place::Folder(folder) => {
                    let file = tokio::fs::File::open(blob_path(folder, &blob.digest)).await.map_err(failed)?;
                    Ok(Box::pin(Verified::new(file, blob)) as BlobReader)
                }
                Place::Archive { .. } => {
                    let part = self.part(&blob.digest).map_err(failed)?;
                    let (limit, file) = (part.limit(), part.into_inner());
                    let part = tokio::fs::File::from_std(file).take(limit);
                    Ok(Box::pin(Verified::new(part, blob)) as BlobReader)
                }
            }
        })
    }

    fn mountable_at(&self, _: &str) -> Option<&str> {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::*;

    const IMAGE: &[u8] = br#"{"schemaVersion":2,"config":{},"layers":[]}"#;

    fn layout(manifests: &Value) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("oci-layout"), index::marker()).unwrap();
        let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
        fs_err::write(folder.path().join("index.json"), index).unwrap();
        put(&folder, IMAGE);
        folder
    }

    fn put(folder: &TempDir, content: &[u8]) -> Descriptor {
        let blob = Descriptor::of(media_type::MANIFEST, content);
        fs_err::create_dir_all(super::super::blobs(folder.path())).unwrap();
        fs_err::write(blob_path(folder.path(), &blob.digest), content).unwrap();
        blob
    }

    fn entry(content: &[u8], name: Option<&str>, platform: Option<&str>) -> Value {
        let mut entry = json!({
            "mediaType": media_type::MANIFEST, "digest": Digest::of(content).to_string(), "size": content.len(),
        });
        if let Some(name) = name {
            entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        }
        if let Some(architecture) = platform {
            entry["platform"] = json!({"os": "linux", "architecture": architecture});
        }
        entry
    }

    fn root(manifests: &Value, name: Option<&str>) -> Result<Selector, OperationError> {
        Layout::open(layout(manifests).path(), name).unwrap().root()
    }

    #[tokio::test]
    async fn a_name_finds_its_manifest() {
        let folder = layout(&json!([entry(IMAGE, Some("1.4"), None), entry(b"{}", Some("1.5"), None)]));
        let layout = Layout::open(folder.path(), Some("1.4")).unwrap();
        let raw = layout.manifest(&layout.root().unwrap()).await.unwrap();
        assert_eq!((raw.media_type.as_str(), raw.bytes.as_slice()), (media_type::MANIFEST, IMAGE));
        let error = layout.manifest(&Selector::Tag("1.6".to_owned())).await.unwrap_err();
        assert_eq!(error.code, Code::NotFound);
        assert!(error.hint.unwrap().contains("`1."));
    }

    #[tokio::test]
    async fn without_a_name_the_only_image_is_meant() {
        let digest = Selector::Digest(Digest::of(IMAGE));
        assert_eq!(root(&json!([entry(IMAGE, None, None)]), None).unwrap(), digest);
        let twice = json!([entry(IMAGE, Some("1"), None), entry(IMAGE, Some("1.4"), None)]);
        assert_eq!(root(&twice, None).unwrap(), digest);
        assert_eq!(root(&json!([]), None).unwrap_err().code, Code::NotFound);
        let several = json!([entry(IMAGE, Some("a"), None), entry(b"{}", Some("b"), None)]);
        let hint = root(&several, None).unwrap_err().hint.unwrap();
        assert!(hint.ends_with(":a; its names are a, b"), "{hint}");
    }

    #[tokio::test]
    async fn entries_for_platforms_are_one_image() {
        let folder = layout(&json!([entry(IMAGE, None, Some("amd64")), entry(b"{}", None, Some("arm64"))]));
        let layout = Layout::open(folder.path(), None).unwrap();
        let raw = layout.manifest(&layout.root().unwrap()).await.unwrap();
        assert_eq!(raw.media_type, media_type::INDEX);
        assert_eq!(raw.bytes, fs_err::read(folder.path().join("index.json")).unwrap());
        let same = json!([entry(IMAGE, None, Some("amd64")), entry(b"{}", None, Some("amd64"))]);
        assert!(root(&same, None).is_err());
    }

    #[tokio::test]
    async fn damage_is_noticed() {
        let folder = layout(&json!([entry(IMAGE, Some("x"), None)]));
        let layout = Layout::open(folder.path(), None).unwrap();
        let blob = put(&folder, b"blob");
        let mut content = vec![];
        layout.blob(&blob).await.unwrap().read_to_end(&mut content).await.unwrap();
        assert_eq!(content, b"blob");
        fs_err::write(blob_path(folder.path(), &blob.digest), b"blub").unwrap();
        let error = layout.blob(&blob).await.unwrap().read_to_end(&mut content).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let missing = layout.blob(&Descriptor::of("x", b"nothing")).await.err().unwrap();
        assert_eq!(missing.code, Code::NotFound);

        let path = blob_path(folder.path(), &Digest::of(IMAGE));
        fs_err::write(&path, &IMAGE[1..]).unwrap();
        let error = layout.manifest(&Selector::Tag("x".to_owned())).await.unwrap_err();
        assert_eq!(error.code, Code::CorruptContent, "{error}");
        fs_err::File::create(&path).unwrap().set_len(5 << 20).unwrap();
        let error = layout.manifest(&Selector::Digest(Digest::of(IMAGE))).await.unwrap_err();
        assert!(error.line().contains("is larger than"), "{error}");
    }

    #[test]
    fn a_folder_that_is_no_layout_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Layout::open(folder.path(), None).err().unwrap();
        assert_eq!(error.code, Code::NotFound);
        fs_err::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
        assert!(Layout::open(folder.path(), None).err().unwrap().line().contains("version 2.0.0"));
    }
}
