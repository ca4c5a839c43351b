//! A registry's repository behind the cache, so that later runs find its images without the network.
//!
//! A tag's record has the digest and the media type of its manifest; the manifest itself is a blob of
//! the cache. A repository that is offline is never asked.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, ReadBuf};

use super::cache::{Cache, CacheKind};
use super::verified::Verified;
use crate::diagnostic::Code;
use crate::oci::digest::Verifier;
use crate::oci::location::{RegistryName, Selector};
use crate::oci::manifest::LIMIT;
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::operation_error::OperationError;
use crate::repository::{BlobReader, Source};

/// A repository of a registry, and the cache.
pub struct CachedRepository {
    /// The repository; none if no host may be asked.
    pub online: Option<Arc<dyn Source>>,
    pub name: RegistryName,
    pub cache: Arc<Cache>,
}

impl CachedRepository {
    /// Returns the key of a manifest's record. A digest names the same bytes in every repository.
    fn key(&self, selector: &Selector) -> Digest {
        let text = match selector {
            Selector::Tag(tag) => format!("the manifest of {}:{tag}", self.name.bare()),
            Selector::Digest(digest) => format!("the manifest {digest}"),
        };
        Digest::of(text.as_bytes())
    }

    fn keep(&self, selector: &Selector, manifest: &RawManifest) -> Result<(), OperationError> {
        let digest = manifest.digest();
        let record = format!("{digest} {}", manifest.media_type);
        for key in [self.key(selector), self.key(&Selector::Digest(digest))] {
            if self.cache.record(CacheKind::Tag, &key)?.as_deref() != Some(record.as_bytes()) {
                self.cache.keep(CacheKind::Tag, &key, record.as_bytes())?;
            }
        }
        if self.blob_of(&digest)?.is_none() {
            let mut staged = self.cache.stage()?;
            staged.write_all(&manifest.bytes).map_err(|cause| self.cache.failure(&cause))?;
            self.cache.commit(staged, CacheKind::Blob, &digest)?;
        }
        Ok(())
    }

    fn kept(&self, selector: &Selector) -> Result<Option<RawManifest>, OperationError> {
        let Some(record) = self.cache.record(CacheKind::Tag, &self.key(selector))? else { return Ok(None) };
        let record = String::from_utf8_lossy(&record).into_owned();
        let parsed = record.split_once(' ').and_then(|(digest, kind)| Some((digest.parse::<Digest>().ok()?, kind)));
        let Some((digest, media_type)) = parsed else { return Ok(None) };
        let bytes = self.blob_of(&digest)?;
        Ok(bytes.map(|bytes| RawManifest { media_type: media_type.to_owned(), bytes }))
    }

    /// Returns the bytes of a manifest in the cache. A damaged one is dropped.
    fn blob_of(&self, digest: &Digest) -> Result<Option<Vec<u8>>, OperationError> {
        let Some(file) = self.cache.open(CacheKind::Blob, digest)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(LIMIT).read_to_end(&mut bytes);
        if read.is_ok() && Digest::of(&bytes) == *digest {
            return Ok(Some(bytes));
        }
        self.cache.damaged(CacheKind::Blob, digest, &format!("manifest {}", digest.short()));
        Ok(None)
    }

    fn offline(&self, what: &str) -> OperationError {
        let registry = &self.name.registry;
        let message = format!("{what} is not in the cache, and {registry} is not asked: `--offline` is set");
        OperationError::new(Code::Offline, message)
            .with_hint("build once without --offline, or name a local image, as in oci:FOLDER")
    }
}

impl Source for CachedRepository {
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, OperationError>> {
        Box::pin(async move {
            if let Some(online) = &self.online {
                let manifest = online.manifest(selector).await?;
                self.keep(selector, &manifest)?;
                return Ok(manifest);
            }
            let named = match selector {
                Selector::Tag(tag) => format!("{}:{tag}", self.name.bare()),
                Selector::Digest(digest) => format!("{}@{digest}", self.name.bare()),
            };
            self.kept(selector)?.ok_or_else(|| self.offline(&named))
        })
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, OperationError>> {
        Box::pin(async move {
            if let Some(online) = &self.online {
                return online.blob(blob).await;
            }
            let kept = open_blob(&self.cache, blob).await?;
            kept.ok_or_else(|| self.offline(&format!("blob {} of {}", blob.digest.short(), self.name.bare())))
        })
    }

    fn mountable_at(&self, registry: &str) -> Option<&str> {
        self.online.as_ref()?.mountable_at(registry)
    }
}

/// A source whose blobs go into the cache as they are read, and come from there the next time.
pub struct KeptBlobs {
    pub source: Arc<dyn Source>,
    pub cache: Arc<Cache>,
}

impl Source for KeptBlobs {
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, OperationError>> {
        self.source.manifest(selector)
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, OperationError>> {
        Box::pin(async move {
            if let Some(kept) = open_blob(&self.cache, blob).await? {
                return Ok(kept);
            }
            let reader = self.source.blob(blob).await?;
            let staged = Some(self.cache.stage()?);
            Ok(Box::pin(Keeping { reader, staged, cache: self.cache.clone(), digest: blob.digest }) as BlobReader)
        })
    }

    fn mountable_at(&self, registry: &str) -> Option<&str> {
        self.source.mountable_at(registry)
    }
}

/// Opens a blob of the cache after it was verified. A damaged one is dropped.
async fn open_blob(cache: &Cache, blob: &Descriptor) -> Result<Option<BlobReader>, OperationError> {
    let Some(file) = cache.open(CacheKind::Blob, &blob.digest)? else { return Ok(None) };
    let (copy, wanted) = (file.try_clone().map_err(|cause| cache.failure(&cause))?, blob.clone());
    let is_whole = tokio::task::spawn_blocking(move || is_whole(copy, &wanted)).await;
    if !is_whole.unwrap_or_default() {
        cache.damaged(CacheKind::Blob, &blob.digest, &format!("layer {}", blob.digest.short()));
        return Ok(None);
    }
    // The verification moved the position that both handles share.
    let mut file = file;
    file.rewind().map_err(|cause| cache.failure(&cause))?;
    Ok(Some(Box::pin(Verified::new(tokio::fs::File::from_std(file), blob)) as BlobReader))
}

/// Returns whether a file has the described content.
fn is_whole(mut file: File, blob: &Descriptor) -> bool {
    let mut verifier = Verifier::new(blob.digest, blob.size);
    let mut chunk = vec![0; 128 << 10];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return verifier.finish().is_ok(),
            Ok(length) if verifier.update(&chunk[..length]).is_ok() => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// A reader of verified bytes that stores them in the cache at their end.
struct Keeping {
    reader: BlobReader,
    staged: Option<NamedTempFile>,
    cache: Arc<Cache>,
    digest: Digest,
}

impl Keeping {
    fn take(&mut self, new: &[u8]) -> Result<(), OperationError> {
        if new.is_empty() {
            let Some(staged) = self.staged.take() else { return Ok(()) };
            return self.cache.commit(staged, CacheKind::Blob, &self.digest);
        }
        let Some(staged) = &mut self.staged else { return Ok(()) };
        staged.write_all(new).map_err(|cause| self.cache.failure(&cause))
    }
}

impl AsyncRead for Keeping {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(self.reader.as_mut().poll_read(cx, buf))?;
        let kept = self.take(&buf.filled()[before..]);
        Poll::Ready(kept.map_err(|cause| {
            buf.set_filled(before);
            io::Error::other(cause)
        }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::progress::Silent;
    use crate::repository::{BlobSource, NamedManifest, Sink as _};
    use crate::store::{Layout, LayoutWriter};

    struct World {
        root: tempfile::TempDir,
        cache: Arc<Cache>,
        manifest: RawManifest,
        blob: Descriptor,
    }

    impl World {
        /// A layout with an image of one blob.
        async fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let cache = Arc::new(Cache::new(root.path().join("cache")).unwrap());
            let writer = LayoutWriter::create(&root.path().join("layout"), Arc::new(Silent)).unwrap();
            let blob = Descriptor::of("text/plain", b"carboy");
            writer.blob(&blob, &BlobSource::Bytes(b"carboy".to_vec().into())).await.unwrap();
            let manifest = RawManifest {
                media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
                bytes: b"{}".to_vec(),
            };
            writer.manifest(&manifest).await.unwrap();
            let images = [NamedManifest { manifest: manifest.clone(), names: vec!["1".to_owned()] }];
            writer.publish(&images).await.unwrap();
            Self { root, cache, manifest, blob }
        }

        fn layout(&self) -> Arc<dyn Source> {
            Arc::new(Layout::open(&self.root.path().join("layout"), Some("1")).unwrap())
        }

        fn repository(&self, online: bool) -> CachedRepository {
            let name = RegistryName {
                registry: "ghcr.io".to_owned(),
                repository: "acme/shop".to_owned(),
                tag: Some("1".to_owned()),
                digest: None,
            };
            CachedRepository { online: online.then(|| self.layout()), name, cache: self.cache.clone() }
        }
    }

    #[tokio::test]
    async fn a_manifest_that_was_read_is_found_offline() {
        let world = World::new().await;
        let tag = Selector::Tag("1".to_owned());
        let error = world.repository(false).manifest(&tag).await.unwrap_err();
        assert_eq!(error.code, Code::Offline);
        assert_eq!(
            error.message,
            "ghcr.io/acme/shop:1 is not in the cache, and ghcr.io is not asked: `--offline` is set"
        );
        world.repository(true).manifest(&tag).await.unwrap();
        for selector in [tag, Selector::Digest(world.manifest.digest())] {
            let found = world.repository(false).manifest(&selector).await.unwrap();
            assert_eq!(
                (found.media_type, found.bytes),
                (world.manifest.media_type.clone(), world.manifest.bytes.clone())
            );
        }
        assert!(world.repository(false).manifest(&Selector::Tag("2".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn a_blob_that_was_read_whole_is_found_offline() {
        let world = World::new().await;
        let source = KeptBlobs { source: world.layout(), cache: world.cache.clone() };
        let mut start = [0; 3];
        source.blob(&world.blob).await.unwrap().read_exact(&mut start).await.unwrap();
        assert!(world.repository(false).blob(&world.blob).await.is_err());
        for repository in [&source as &dyn Source, &world.repository(false)] {
            let mut text = String::new();
            repository.blob(&world.blob).await.unwrap().read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "carboy");
        }
        fs_err::write(world.cache.path(CacheKind::Blob, &world.blob.digest), "carbox").unwrap();
        assert!(world.repository(false).blob(&world.blob).await.is_err(), "a damaged blob is dropped");
        let mut text = String::new();
        source.blob(&world.blob).await.unwrap().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "carboy");
    }
}
