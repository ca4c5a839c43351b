//! A repository as a source: manifests, and blobs that go on where they broke off.
//!
//! Source: distribution-spec `spec.md`, "Pull"; RFC 9110, 14.4 (`Content-Range`).

use std::io;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::try_unfold;
use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use tokio_util::io::StreamReader;

use super::Repository;
use super::challenge::Scopes;
use super::error::{Failure, Intent, Place, corrupt, other};
use super::retry::Attempts;
use super::transport::Answer;
use super::wire::{Ask, next, whole};
use crate::oci::digest::Verifier;
use crate::oci::location::Selector;
use crate::oci::manifest::LIMIT;
use crate::oci::{Descriptor, Digest, RawManifest, media_type};
use crate::ports::{BlobReader, PortError, Source};

/// After so many bytes without a break, tries are counted anew.
const PROGRESS: u64 = 1 << 20;
/// The header in which registries name what they send.
pub const CONTENT_DIGEST: &str = "docker-content-digest";

impl Source for Repository {
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, PortError>> {
        Box::pin(async move {
            let name = self.named(selector);
            let mut attempts = self.transport.attempts(format!("manifest {name}"));
            loop {
                match self.read_manifest(selector, &name).await {
                    Ok(manifest) => return Ok(manifest),
                    Err(failure) => attempts.pause(failure).await?,
                }
            }
        })
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, PortError>> {
        Box::pin(async move {
            let mut pull = Pull::new(self.clone(), blob.clone());
            pull.open().await?;
            let stream = try_unfold(pull, async |mut pull| {
                let bytes = pull.next().await?;
                Ok::<_, io::Error>(bytes.map(|bytes| (bytes, pull)))
            });
            Ok(Box::pin(StreamReader::new(Box::pin(stream))) as BlobReader)
        })
    }

    fn mountable(&self) -> Option<(&str, &str)> {
        Some((&self.name.registry, &self.name.repository))
    }
}

impl Repository {
    /// `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`.
    pub(super) fn named(&self, selector: &Selector) -> String {
        match selector {
            Selector::Tag(tag) => format!("{}:{tag}", self.name.bare()),
            Selector::Digest(digest) => format!("{}@{digest}", self.name.bare()),
        }
    }

    async fn read_manifest(&self, selector: &Selector, name: &str) -> Result<RawManifest, Failure> {
        let place = self.place(Intent::Pull);
        let mut ask = Ask::new(Method::GET, self.url(&format!("manifests/{selector}")).map_err(Failure::lasting)?);
        ask.headers.extend(media_type::MANIFESTS.map(|kind| (ACCEPT, HeaderValue::from_static(kind))));
        let answer = self.transport.send(&place, &Scopes::pull(&self.name.repository), &ask).await?;
        if !answer.status().is_success() {
            let absent = format!("no such image or tag: {name}");
            return Err(answer.absent_or_failed(&place, &format!("reading {name}"), absent).await);
        }
        // What the registry leaves unsaid is left to what the manifest says of itself.
        let media_type = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media_type == "text/html" {
            let mut error = other(format!("{} answers with a web page in place of {name}", place.host));
            error.hint = Some("is it a registry? a proxy's login page may stand before it".to_owned());
            return Err(Failure::lasting(error));
        }
        let claimed = answer.header(CONTENT_DIGEST).and_then(|text| text.parse().ok());
        let too_long = || other(format!("manifest {name} is longer than {} MiB", LIMIT >> 20));
        let bytes = whole(answer.response, LIMIT).await?.ok_or_else(|| Failure::lasting(too_long()))?;
        let wanted = if let Selector::Digest(digest) = selector { Some(*digest) } else { claimed };
        if let Some(want) = wanted {
            check(&bytes, want, name)?;
        }
        Ok(RawManifest { media_type, bytes: bytes.into() })
    }
}

fn check(bytes: &Bytes, want: Digest, name: &str) -> Result<(), Failure> {
    let mut verifier = Verifier::new(want, bytes.len() as u64);
    let checked = verifier.update(bytes).and_then(|()| verifier.finish());
    checked.map_err(|cause| Failure::lasting(corrupt(format!("manifest {name}: {cause}"))))
}

/// A blob on its way in.
struct Pull {
    repository: Repository,
    place: Place,
    blob: Descriptor,
    verifier: Verifier,
    attempts: Attempts,
    /// None before the first request, and after a break.
    response: Option<Response>,
    /// Bytes of `response` that were given out already.
    skip: u64,
    /// Where the last break was.
    broke_at: u64,
    ended: bool,
}

impl Pull {
    fn new(repository: Repository, blob: Descriptor) -> Self {
        let place = repository.place(Intent::Pull);
        let what = format!("blob {} of {}", blob.digest.short(), place.name());
        Self {
            attempts: repository.transport.attempts(what),
            verifier: Verifier::new(blob.digest, blob.size),
            repository,
            place,
            blob,
            response: None,
            skip: 0,
            broke_at: 0,
            ended: false,
        }
    }

    /// Asks for the bytes that are still missing, until an answer begins.
    async fn open(&mut self) -> Result<(), PortError> {
        loop {
            match self.request().await {
                Ok(()) => return Ok(()),
                Err(failure) => self.attempts.pause(failure).await?,
            }
        }
    }

    async fn request(&mut self) -> Result<(), Failure> {
        let seen = self.verifier.seen();
        let path = format!("blobs/{}", self.blob.digest);
        let mut ask = Ask::new(Method::GET, self.repository.url(&path).map_err(Failure::lasting)?);
        if seen > 0 {
            let range = HeaderValue::from_str(&format!("bytes={seen}-"));
            ask.headers.extend(range.ok().map(|range| (RANGE, range)));
        }
        let scopes = Scopes::pull(&self.place.repository);
        let answer = self.repository.transport.send(&self.place, &scopes, &ask).await?;
        self.skip = match answer.status() {
            StatusCode::OK => seen,
            StatusCode::PARTIAL_CONTENT if seen > 0 && self.continues(&answer, seen) => 0,
            StatusCode::PARTIAL_CONTENT => {
                let message = format!("{} answers with another range of {}", self.place.host, self.blob.digest);
                return Err(Failure::lasting(other(message)));
            }
            _ => {
                let absent = format!("no such blob: {}@{}", self.place.name(), self.blob.digest);
                let what = format!("reading {} of {}", self.blob.digest, self.place.name());
                return Err(answer.absent_or_failed(&self.place, &what, absent).await);
            }
        };
        self.response = Some(answer.response);
        Ok(())
    }

    /// `bytes FIRST-LAST/SIZE`, where only `SIZE` may be unknown.
    fn continues(&self, answer: &Answer, seen: u64) -> bool {
        let range = answer.header(CONTENT_RANGE.as_str()).and_then(|text| text.trim().strip_prefix("bytes "));
        let Some((range, size)) = range.and_then(|text| text.split_once('/')) else { return false };
        let first = range.split_once('-').and_then(|(first, _)| first.trim().parse::<u64>().ok());
        first == Some(seen) && (size == "*" || size.parse() == Ok(self.blob.size))
    }

    /// The next bytes; none once all of them were right.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.ended {
            let Some(response) = &mut self.response else {
                self.open().await.map_err(io::Error::other)?;
                continue;
            };
            match next(response).await {
                Ok(Some(bytes)) => {
                    let fresh = self.fresh(bytes);
                    if !fresh.is_empty() {
                        self.verifier.update(&fresh).map_err(invalid)?;
                        return Ok(Some(fresh));
                    }
                }
                Ok(None) => {
                    self.verifier.finish().map_err(invalid)?;
                    self.ended = true;
                }
                Err(failure) => self.broken(failure).await.map_err(io::Error::other)?,
            }
        }
        Ok(None)
    }

    /// What of the received bytes was not given out before.
    fn fresh(&mut self, mut bytes: Bytes) -> Bytes {
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skip as u64;
        bytes.split_off(skip)
    }

    async fn broken(&mut self, failure: Failure) -> Result<(), PortError> {
        self.response = None;
        if self.verifier.seen() - self.broke_at >= PROGRESS {
            self.attempts.start_over();
        }
        self.broke_at = self.verifier.seen();
        self.attempts.pause(failure).await
    }
}

fn invalid(cause: crate::oci::digest::VerifyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

#[cfg(test)]
mod tests;
