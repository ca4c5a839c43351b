//! A layer of an image: its tar in the cache, and what is known of it.
//!
//! A tar in the cache is taken for what it was when its facts were noted: every file is
//! verified against them as it is read. Without facts, or after damage was found, the
//! whole tar is verified against its diff id first.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio_util::io::SyncIoBridge;

use super::context::Context;
use super::error::BuildError;
use super::pull::transfer;
use crate::layer::budget::Budget;
use crate::layer::listing::FORMAT;
use crate::layer::slice::Slice;
use crate::layer::unpack::Bounds;
use crate::layer::{TarListing, read, unpack};
use crate::oci::{Compression, Descriptor, DiffId, Digest};
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::repository::Source;
use crate::store::CacheKind;

/// A layer on its way.
struct Pulled<'a> {
    cx: &'a Arc<Context>,
    image: &'a str,
    blob: &'a Descriptor,
    diff_id: DiffId,
    /// The cache's, of the tar.
    key: Digest,
}

/// Brings a layer's tar into the cache and returns what is known of it.
///
/// # Errors
/// Content that is not what its digests promise; a tar that cannot be read; more than
/// the limits allow.
pub async fn listing(
    cx: &Arc<Context>,
    image: &str,
    source: &Arc<dyn Source>,
    blob: &Descriptor,
    diff_id: DiffId,
    budget: &Arc<Budget>,
) -> Result<Arc<TarListing>, BuildError> {
    let Some(compression) = Compression::of(&blob.media_type) else {
        return Err(BuildError::MediaType {
            image: image.to_owned(),
            what: "layer",
            media_type: blob.media_type.clone(),
        });
    };
    let layer = Pulled { cx, image, blob, diff_id, key: cx.tars.key(&blob.digest, diff_id) };
    if let Some(listing) = layer.kept().await? {
        layer.ended(Outcome::Present);
        return Ok(Arc::new(listing));
    }
    let _permit = cx.transfers.acquire().await;
    let size = Some(blob.size);
    cx.io.progress.on(Event::Started { verb: Verb::Pull, subject: layer.subject(), size });
    let result = layer.pull(source, compression, budget).await;
    layer.ended(if result.is_ok() { Outcome::Done } else { Outcome::Failed });
    result.map(Arc::new)
}

impl Pulled<'_> {
    fn subject(&self) -> Subject {
        Subject::Blob(self.blob.digest)
    }

    fn ended(&self, outcome: Outcome) {
        self.cx.io.progress.on(Event::Ended { verb: Verb::Pull, subject: self.subject(), outcome });
    }

    /// The facts of the tar in the cache, if it is there and sound.
    async fn kept(&self) -> Result<Option<TarListing>, BuildError> {
        let cache = &self.cx.io.cache;
        let Some(tar) = cache.open(CacheKind::Tar, &self.key)? else { return Ok(None) };
        let length = tar.metadata().map_err(|cause| cache.failure(&cause))?.len();
        let noted = cache.record(CacheKind::Listing, &self.facts_key())?;
        let noted = noted.and_then(|bytes| TarListing::decode(&bytes, self.blob.digest));
        match noted.filter(|listing| listing.size == length) {
            Some(listing) if !self.cx.doubtful => Ok(Some(listing)),
            _ => self.verified(tar).await,
        }
    }

    /// The facts of a tar that is verified whole; none of one that is damaged, which is
    /// dropped.
    async fn verified(&self, tar: File) -> Result<Option<TarListing>, BuildError> {
        let listing = self.list(tar).await;
        if let Ok(Some(listing)) = &listing {
            self.note(listing)?;
        }
        // Where damage makes no sense as a tar, it is the damage that is told.
        if !matches!(listing, Ok(Some(_))) {
            let what = format!("the tar of layer {}", self.blob.digest.short());
            self.cx.io.cache.damaged(CacheKind::Tar, &self.key, &what);
        }
        Ok(listing.unwrap_or_default())
    }

    async fn pull(
        &self,
        source: &Arc<dyn Source>,
        compression: Compression,
        budget: &Arc<Budget>,
    ) -> Result<TarListing, BuildError> {
        let cache = &self.cx.io.cache;
        let reader = source.blob(self.blob).await?;
        let staged = cache.stage()?;
        let counted = Counted { inner: SyncIoBridge::new(reader), cx: self.cx.clone(), subject: self.subject() };
        let staged = self.unpack(counted, compression, budget.clone(), staged).await?;
        let tar = staged.reopen().map_err(|cause| cache.failure(&cause))?;
        // Read again: what comes back has to be what was unpacked.
        let listing = self.list(tar).await?.ok_or(BuildError::Unreliable)?;
        cache.commit(staged, CacheKind::Tar, &self.key)?;
        self.note(&listing)?;
        Ok(listing)
    }

    async fn unpack(
        &self,
        blob: impl Read + Send + 'static,
        compression: Compression,
        budget: Arc<Budget>,
        mut staged: NamedTempFile,
    ) -> Result<NamedTempFile, BuildError> {
        let (limits, diff_id) = (self.cx.limits, self.diff_id);
        let unpacking = tokio::task::spawn_blocking(move || {
            let result =
                unpack::unpack(blob, compression, diff_id, Bounds { limits: &limits, budget: &budget }, &mut staged);
            (staged, result)
        });
        let (staged, result) = unpacking.await.map_err(|cause| BuildError::Internal(cause.to_string()))?;
        result.map_err(|cause| match cause {
            unpack::UnpackError::Io(cause) => transfer(self.image, self.blob, &cause),
            unpack::UnpackError::Write(cause) => self.cx.io.cache.failure(&cause).into(),
            unpack::UnpackError::Image(cause) => BuildError::Bounds { image: self.image.to_owned(), cause },
            cause => self.wrong(cause.limit(), cause),
        })?;
        Ok(staged)
    }

    /// Lists a tar; none if it is not the one that the diff id promises.
    async fn list(&self, tar: File) -> Result<Option<TarListing>, BuildError> {
        let (blob, limits) = (self.blob.digest, self.cx.limits);
        let listed = self.cx.blocking(move || -> Result<_, read::ReadError> {
            let size = tar.metadata()?.len();
            let tar = Slice::new(Arc::new(tar), 0, size);
            let (entries, digest) = read::list_hashed(tar, size, blob, &limits)?;
            Ok((TarListing { size, entries }, DiffId(digest)))
        });
        match listed.await? {
            Ok((listing, diff_id)) => Ok(Some(listing).filter(|_| diff_id == self.diff_id)),
            Err(read::ReadError::Io(cause)) => Err(self.cx.io.cache.failure(&cause).into()),
            Err(cause) => Err(self.wrong(cause.limit(), cause)),
        }
    }

    fn note(&self, listing: &TarListing) -> Result<(), BuildError> {
        match listing.encode() {
            Some(bytes) => Ok(self.cx.io.cache.keep(CacheKind::Listing, &self.facts_key(), &bytes)?),
            None => Ok(()),
        }
    }

    fn facts_key(&self) -> Digest {
        Digest::of(format!("facts {} of {}", FORMAT, self.key).as_bytes())
    }

    fn wrong(&self, limit: Option<&'static str>, cause: impl Error + Send + Sync + 'static) -> BuildError {
        let (image, layer) = (self.image.to_owned(), self.blob.digest.short());
        BuildError::Layer { image, layer, cause: Box::new(cause), limit }
    }
}

struct Counted<R> {
    inner: R,
    cx: Arc<Context>,
    subject: Subject,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let event = Event::Advanced { verb: Verb::Pull, subject: self.subject.clone(), bytes: count as u64 };
        self.cx.io.progress.on(event);
        Ok(count)
    }
}
