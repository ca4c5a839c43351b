//! Pulls a layer of an image: puts its tar into the cache, with a listing of the tar's entries.
//!
//! The listing has the digest of each file, and every file of a cached tar is verified against
//! it when it is read. Without a listing, or after damage was found, the whole tar is verified
//! against its diff id first.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio_util::io::SyncIoBridge;

use super::context::Context;
use super::error::BuildError;
use crate::diagnostic::Code;
use crate::layer::budget::Budget;
use crate::layer::listing::FORMAT;
use crate::layer::slice::Slice;
use crate::layer::unpack::Bounds;
use crate::layer::{TarListing, read, unpack};
use crate::oci::{Descriptor, DiffId, Digest, media_type};
use crate::operation_error::OperationError;
use crate::printable::one_line;
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::repository::Source;
use crate::store::CacheKind;

/// A layer of an image that is pulled.
pub struct PulledLayer<'a> {
    pub cx: &'a Arc<Context>,
    /// The image's name, for errors.
    pub image: &'a str,
    pub blob: &'a Descriptor,
    pub diff_id: DiffId,
    /// The key of its tar in the cache.
    pub key: Digest,
}

impl PulledLayer<'_> {
    /// Pulls the layer into the cache, unless it is there, and lists its tar.
    ///
    /// # Errors
    /// Content that differs from its digests; a tar that cannot be read; an exceeded limit.
    pub async fn listing(&self, source: &Arc<dyn Source>, budget: &Arc<Budget>) -> Result<Arc<TarListing>, BuildError> {
        if media_type::oci_layer(&self.blob.media_type).is_none() {
            let (image, media_type) = (self.image.to_owned(), self.blob.media_type.clone());
            return Err(BuildError::MediaType { image, what: "layer", media_type });
        }
        if let Some(listing) = self.kept().await? {
            self.ended(Outcome::Present);
            return Ok(Arc::new(listing));
        }
        let _permit = self.cx.transfers.acquire().await;
        let size = Some(self.blob.size);
        self.cx.io.progress.on(Event::Started { verb: Verb::Pull, subject: self.subject(), size });
        let result = self.pull(source, budget).await;
        self.ended(if result.is_ok() { Outcome::Done } else { Outcome::Failed });
        result.map(Arc::new)
    }

    fn subject(&self) -> Subject {
        Subject::Blob(self.blob.digest)
    }

    fn ended(&self, outcome: Outcome) {
        self.cx.io.progress.on(Event::Ended { verb: Verb::Pull, subject: self.subject(), outcome });
    }

    /// Returns the listing of the cached tar, if the tar is there and intact.
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

    /// Verifies a whole tar and returns its listing; none for a damaged tar, after dropping it.
    async fn verified(&self, tar: File) -> Result<Option<TarListing>, BuildError> {
        let listing = self.list(tar).await;
        if let Ok(Some(listing)) = &listing {
            self.note(listing)?;
        }
        // A tar that cannot be read is reported as damage, not as an invalid layer.
        if !matches!(listing, Ok(Some(_))) {
            let what = format!("the tar of layer {}", self.blob.digest.short());
            self.cx.io.cache.damaged(CacheKind::Tar, &self.key, &what);
        }
        Ok(listing.unwrap_or_default())
    }

    /// Pulls the layer, from another place when a mirror sent other bytes.
    async fn pull(&self, source: &Arc<dyn Source>, budget: &Arc<Budget>) -> Result<TarListing, BuildError> {
        loop {
            match self.pull_once(source, budget).await {
                Err(BuildError::Operation(error)) if error.code == Code::MirrorFailed => {}
                result => return result,
            }
        }
    }

    async fn pull_once(&self, source: &Arc<dyn Source>, budget: &Arc<Budget>) -> Result<TarListing, BuildError> {
        let cache = &self.cx.io.cache;
        let reader = source.blob(self.blob).await.map_err(|error| self.unavailable(error))?;
        let staged = cache.stage()?;
        let counted = Counted { inner: SyncIoBridge::new(reader), cx: self.cx.clone(), subject: self.subject() };
        let staged = self.unpack(counted, budget.clone(), staged).await?;
        let tar = staged.reopen().map_err(|cause| cache.failure(&cause))?;
        // Reads the tar again to check that the disk returns the unpacked bytes.
        let listing = self.list(tar).await?.ok_or(BuildError::Unreliable)?;
        cache.commit(staged, CacheKind::Tar, &self.key)?;
        self.note(&listing)?;
        Ok(listing)
    }

    /// Says of a foreign layer where else it is.
    fn unavailable(&self, error: OperationError) -> OperationError {
        if error.code != Code::NotFound || !media_type::is_foreign(&self.blob.media_type) {
            return error;
        }
        let layer = self.blob.digest.short();
        let message = format!("layer {layer} of {} is a foreign layer, which its registry does not have", self.image);
        let elsewhere =
            self.blob.urls.first().map(|url| format!("it is at {}, where carboy does not fetch it", one_line(url)));
        let hint = elsewhere.unwrap_or_default() + "; copy the image to a registry that may keep all of its layers";
        OperationError::new(Code::NotFound, message).with_hint(hint.trim_start_matches("; "))
    }

    async fn unpack(
        &self,
        blob: impl Read + Send + 'static,
        budget: Arc<Budget>,
        mut staged: NamedTempFile,
    ) -> Result<NamedTempFile, BuildError> {
        let (limits, diff_id) = (self.cx.limits, self.diff_id);
        let unpacking = tokio::task::spawn_blocking(move || {
            let result = unpack::unpack(blob, diff_id, Bounds { limits: &limits, budget: &budget }, &mut staged);
            (staged, result)
        });
        let (staged, result) = unpacking.await.map_err(|cause| BuildError::Internal(cause.to_string()))?;
        result.map_err(|cause| match cause {
            unpack::UnpackError::Io(cause) => BuildError::transfer(self.image, self.blob, &cause),
            unpack::UnpackError::Write(cause) => self.cx.io.cache.failure(&cause).into(),
            unpack::UnpackError::Image(cause) => BuildError::Bounds { image: self.image.to_owned(), cause },
            cause => self.wrong(cause.limit(), cause),
        })?;
        Ok(staged)
    }

    /// Lists a tar; none if its digest differs from the diff id.
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
