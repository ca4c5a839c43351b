//! A repository as a source: manifests, and blobs that are resumed after a break.
//!
//! Source: distribution-spec `spec.md`, "Pull".

use std::io;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::try_unfold;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use tokio_util::io::StreamReader;

use super::challenge::Scopes;
use super::error::{Intent, RepositoryAccess};
use super::repository::Repository;
use crate::http::client::{Request, whole};
use crate::http::failure::{Failure, corrupt, failed};
use crate::http::resume::{RangeSource, ResumingBody};
use crate::oci::digest::Verifier;
use crate::oci::location::Selector;
use crate::oci::manifest::LIMIT;
use crate::oci::{Descriptor, Digest, RawManifest, media_type};
use crate::operation_error::OperationError;
use crate::repository::{BlobReader, Source};

/// The header that holds the digest of a registry's answer.
pub const CONTENT_DIGEST: &str = "docker-content-digest";

impl Source for Repository {
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, OperationError>> {
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

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, OperationError>> {
        Box::pin(async move {
            let mut pull = Pull::new(self.clone(), blob);
            pull.body.open().await?;
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
    /// Formats `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`.
    pub(super) fn named(&self, selector: &Selector) -> String {
        match selector {
            Selector::Tag(tag) => format!("{}:{tag}", self.name.bare()),
            Selector::Digest(digest) => format!("{}@{digest}", self.name.bare()),
        }
    }

    async fn read_manifest(&self, selector: &Selector, name: &str) -> Result<RawManifest, Failure> {
        let access = self.access(Intent::Pull);
        let mut request =
            Request::new(Method::GET, self.url(&format!("manifests/{selector}")).map_err(Failure::lasting)?);
        request.headers.extend(media_type::MANIFESTS.map(|kind| (ACCEPT, HeaderValue::from_static(kind))));
        let answer = self.transport.send(&access, &Scopes::pull(&self.name.repository), &request).await?;
        if !answer.status().is_success() {
            let absent = format!("no such image or tag: {name}");
            return Err(answer.absent_or_failed(&access, &format!("reading {name}"), absent).await);
        }
        // Without a media type in the header, the manifest's own is used.
        let media_type = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media_type == "text/html" {
            let mut error = failed(format!("{} answers with a web page in place of {name}", access.host));
            error.hint = Some("is it a registry? a proxy's login page may stand before it".to_owned());
            return Err(Failure::lasting(error));
        }
        let claimed = answer.header(CONTENT_DIGEST).and_then(|text| text.parse().ok());
        let too_long = || failed(format!("manifest {name} is longer than {} MiB", LIMIT >> 20));
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
    checked.map_err(|cause| Failure::lasting(corrupt(format!("manifest {name} is corrupt")).because(&cause)))
}

/// A blob being downloaded.
struct Pull {
    body: ResumingBody<Blob>,
    verifier: Verifier,
    ended: bool,
}

/// A blob of a repository.
struct Blob {
    repository: Repository,
    access: RepositoryAccess,
    digest: Digest,
}

impl Pull {
    fn new(repository: Repository, blob: &Descriptor) -> Self {
        let access = repository.access(Intent::Pull);
        let what = format!("blob {} of {}", blob.digest.short(), access.name());
        let attempts = repository.transport.attempts(what);
        let source = Blob { repository, access, digest: blob.digest };
        let body = ResumingBody::new(source, Some(blob.size), attempts);
        Self { body, verifier: Verifier::new(blob.digest, blob.size), ended: false }
    }

    /// Returns the next bytes; none after the last, once all are verified.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let bytes = self.body.next().await.map_err(io::Error::other)?;
        if let Some(bytes) = &bytes {
            self.verifier.update(bytes).map_err(invalid)?;
        } else {
            self.verifier.finish().map_err(invalid)?;
            self.ended = true;
        }
        Ok(bytes)
    }
}

impl RangeSource for Blob {
    fn name(&self) -> String {
        self.digest.to_string()
    }

    async fn request(&mut self, range: impl FnOnce(&mut Request) + Send) -> Result<Response, Failure> {
        let path = format!("blobs/{}", self.digest);
        let mut request = Request::new(Method::GET, self.repository.url(&path).map_err(Failure::lasting)?);
        range(&mut request);
        let scopes = Scopes::pull(&self.access.repository);
        let answer = self.repository.transport.send(&self.access, &scopes, &request).await?;
        if matches!(answer.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Ok(answer.response);
        }
        let absent = format!("no such blob: {}@{}", self.access.name(), self.digest);
        let what = format!("reading {} of {}", self.digest, self.access.name());
        Err(answer.absent_or_failed(&self.access, &what, absent).await)
    }
}

fn invalid(cause: crate::oci::digest::VerifyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

#[cfg(test)]
mod tests;
