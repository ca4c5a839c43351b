//! A repository as a sink: blobs that are present, mounted or uploaded, and manifests.
//!
//! Source: distribution-spec `spec.md`, "Push". A blob is uploaded in one streamed PUT, or in
//! chunks when the registry does not accept that. A mount that is answered with an upload (202) is
//! used as that upload.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::challenge::Scopes;
use super::error::{Intent, RepositoryAccess};
use super::pull::CONTENT_DIGEST;
use super::repository::Repository;
use super::transport::Answer;
use crate::http::client::{Payload, Request, STORE};
use crate::http::failure::{Failure, corrupt, failed, one_line};
use crate::http::hosts::onward;
use crate::http::upload::{Chunks, Upload};
use crate::oci::location::Selector;
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::operation_error::OperationError;
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::repository::{BlobSource, Sink};

/// The size of a chunk, unless the registry requires more.
const CHUNK: u64 = 5 << 20;
/// The largest chunk that is held in memory because a registry requires it.
const LARGEST_CHUNK: u64 = 128 << 20;
const CHUNK_MIN: &str = "oci-chunk-min-length";
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

impl Sink for Repository {
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>> {
        Box::pin(async move {
            let result = Push::new(self, blob).run(origin).await;
            let outcome = *result.as_ref().unwrap_or(&Outcome::Failed);
            self.report(Event::Ended { verb: Verb::Push, subject: Subject::Blob(blob.digest), outcome });
            result
        })
    }

    fn manifest<'a>(
        &'a self,
        manifest: &'a RawManifest,
        tag: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let selector = tag.map_or_else(|| Selector::Digest(manifest.digest()), |tag| Selector::Tag(tag.to_owned()));
            let name = self.named(&selector);
            let mut attempts = self.transport.attempts(&self.access(Intent::Push), format!("manifest {name}"));
            loop {
                match self.write_manifest(manifest, &selector, &name).await {
                    Ok(()) => return Ok(()),
                    Err(failure) => attempts.pause(failure).await?,
                }
            }
        })
    }

    /// Does nothing: a registry keeps each blob, manifest and tag that it has accepted.
    fn finish(&self) -> BoxFuture<'_, Result<(), OperationError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Repository {
    async fn write_manifest(&self, manifest: &RawManifest, selector: &Selector, name: &str) -> Result<(), Failure> {
        let access = self.access(Intent::Push);
        let mut request =
            Request::new(Method::PUT, self.url(&format!("manifests/{selector}")).await.map_err(Failure::lasting)?);
        let odd = |_| Failure::lasting(failed(format!("`{}` is not a media type", manifest.media_type)));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_str(&manifest.media_type).map_err(odd)?);
        request.payload = Payload::Bytes(Bytes::from(manifest.bytes.clone()));
        request.limit = Some(STORE);
        let answer = self.transport.send(&access, &Scopes::push(&access.repository), &request).await?;
        if !answer.status().is_success() {
            return Err(answer.failed(&access, &format!("pushing {name}")).await);
        }
        same_digest(&answer, manifest.digest(), &access)
    }

    fn report(&self, event: Event) {
        self.transport.progress.on(event);
    }
}

/// A blob being uploaded.
struct Push<'a> {
    repository: &'a Repository,
    access: RepositoryAccess,
    scopes: Scopes,
    blob: &'a Descriptor,
    what: String,
}

/// The form in which the registry accepts a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UploadMethod {
    Whole,
    Chunked,
}

/// A registry's answer to the start of an upload.
enum UploadSession {
    Mounted,
    Open { url: Url, chunk: u64 },
}

impl<'a> Push<'a> {
    fn new(repository: &'a Repository, blob: &'a Descriptor) -> Self {
        let access = repository.access(Intent::Push);
        let scopes = Scopes::push(&access.repository);
        let what = format!("blob {} to {}", blob.digest.short(), access.name());
        Self { repository, access, scopes, blob, what }
    }

    async fn run(&self, origin: &BlobSource) -> Result<Outcome, OperationError> {
        if self.is_present().await? {
            return Ok(Outcome::Present);
        }
        let mut session = match self.mount(origin).await? {
            Some(UploadSession::Mounted) => return Ok(Outcome::Mounted),
            open => open,
        };
        let subject = Subject::Blob(self.blob.digest);
        self.repository.report(Event::Started { verb: Verb::Push, subject, size: Some(self.blob.size) });
        let upload = Upload::new(self.blob, origin, Arc::clone(&self.repository.transport.progress));
        let mut method = UploadMethod::Whole;
        let mut attempts = self.repository.transport.attempts(&self.access, self.what.clone());
        loop {
            match self.transfer(session.take(), &upload, method).await {
                Ok(true) => return Ok(Outcome::Done),
                Ok(false) => method = UploadMethod::Chunked,
                Err(failure) => attempts.pause(failure).await?,
            }
        }
    }

    /// Returns whether the target has the blob. Missing rights to ask are reported by the upload.
    async fn is_present(&self) -> Result<bool, OperationError> {
        let mut attempts = self.repository.transport.attempts(&self.access, self.what.clone());
        let request = Request::new(Method::HEAD, self.repository.url(&format!("blobs/{}", self.blob.digest)).await?);
        loop {
            match self.send(&request).await {
                Ok(answer) => return Ok(answer.status().is_success()),
                Err(failure) => attempts.pause(failure).await?,
            }
        }
    }

    /// Asks the registry to mount the blob from another repository. Any error is ignored, because
    /// the blob can still be uploaded.
    async fn mount(&self, origin: &BlobSource) -> Result<Option<UploadSession>, OperationError> {
        let BlobSource::Repository(source) = origin else { return Ok(None) };
        let Some(repository) = source.mountable_at(&self.access.host) else { return Ok(None) };
        if repository == self.access.repository {
            return Ok(None);
        }
        let mut url = self.repository.url("blobs/uploads/").await?;
        url.query_pairs_mut().append_pair("mount", &self.blob.digest.to_string()).append_pair("from", repository);
        let scopes = self.scopes.clone().and(&Scopes::pull(repository));
        let answer = self.repository.transport.send(&self.access, &scopes, &without_content(Method::POST, url)).await;
        let Ok(answer) = answer else { return Ok(None) };
        match answer.status() {
            StatusCode::CREATED => {
                Ok(same_digest(&answer, self.blob.digest, &self.access).is_ok().then_some(UploadSession::Mounted))
            }
            StatusCode::ACCEPTED => Ok(self.session(&answer).ok()),
            _ => Ok(None),
        }
    }

    /// Sends the blob once; returns `false` when the registry requires chunks.
    async fn transfer(
        &self,
        session: Option<UploadSession>,
        upload: &Upload,
        method: UploadMethod,
    ) -> Result<bool, Failure> {
        let session = match session {
            Some(session) => session,
            None => self.start().await?,
        };
        let UploadSession::Open { url, chunk } = session else { return Ok(true) };
        match method {
            UploadMethod::Whole => self.put(&url, upload).await,
            UploadMethod::Chunked => {
                self.patch(url, chunk, upload.chunks().await.map_err(Failure::lasting)?).await.map(|()| true)
            }
        }
    }

    async fn start(&self) -> Result<UploadSession, Failure> {
        let url = self.repository.url("blobs/uploads/").await.map_err(Failure::lasting)?;
        let answer = self.send(&without_content(Method::POST, url)).await?;
        match answer.status() {
            StatusCode::ACCEPTED => self.session(&answer),
            StatusCode::METHOD_NOT_ALLOWED => {
                let mut failure = answer.failed(&self.access, "").await;
                failure.error = self.access.refused("it accepts no uploads", None);
                failure.error.hint = Some(format!("{} is read-only", self.access.host));
                Err(failure)
            }
            _ => Err(answer.failed(&self.access, &format!("pushing {}", self.what)).await),
        }
    }

    fn session(&self, answer: &Answer) -> Result<UploadSession, Failure> {
        let url = self.location(answer)?;
        let least = answer.header(CHUNK_MIN).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Ok(UploadSession::Open { url, chunk: CHUNK.max(least) })
    }

    fn location(&self, answer: &Answer) -> Result<Url, Failure> {
        let location = answer.header(LOCATION.as_str()).and_then(|text| onward(answer.response.url(), text));
        location.ok_or_else(|| {
            Failure::lasting(failed(format!("{} does not say where to upload {}", self.access.host, self.what)))
        })
    }

    async fn put(&self, url: &Url, upload: &Upload) -> Result<bool, Failure> {
        let mut request = Request::new(Method::PUT, self.finished(url));
        request.headers.insert(CONTENT_TYPE, OCTETS);
        request.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.blob.size));
        request.payload = Payload::Upload(upload.clone());
        let answer = self.send(&request).await?;
        let unwilling = [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        if unwilling.contains(&answer.status()) {
            return Ok(false);
        }
        self.confirm(answer).await.map(|()| true)
    }

    async fn patch(&self, mut url: Url, size: u64, mut chunks: Chunks) -> Result<(), Failure> {
        if size > LARGEST_CHUNK {
            let message = format!("{} takes {} only in chunks of {size} bytes", self.access.host, self.what);
            return Err(Failure::lasting(failed(message)));
        }
        let mut start = 0;
        loop {
            let chunk = chunks.next(size).await.map_err(Failure::of_origin)?;
            if chunk.is_empty() {
                break;
            }
            let end = start + chunk.len() as u64;
            let mut request = Request::new(Method::PATCH, url.clone());
            request.headers.insert(CONTENT_TYPE, OCTETS);
            request.headers.insert(CONTENT_LENGTH, HeaderValue::from(chunk.len()));
            let range = HeaderValue::from_str(&format!("{start}-{}", end - 1));
            request.headers.extend(range.ok().map(|range| (CONTENT_RANGE, range)));
            request.payload = Payload::Bytes(chunk.clone());
            request.limit = Some(STORE);
            let answer = self.send(&request).await?;
            if !answer.status().is_success() {
                return Err(answer.failed(&self.access, &format!("pushing {}", self.what)).await);
            }
            url = self.location(&answer)?;
            chunks.sent(&chunk);
            start = end;
        }
        chunks.finish().map_err(Failure::of_origin)?;
        let mut request = without_content(Method::PUT, self.finished(&url));
        request.limit = Some(STORE);
        let answer = self.send(&request).await?;
        self.confirm(answer).await
    }

    /// Checks that the registry stored the bytes that it was sent.
    async fn confirm(&self, answer: Answer) -> Result<(), Failure> {
        if !answer.status().is_success() {
            return Err(answer.failed(&self.access, &format!("pushing {}", self.what)).await);
        }
        same_digest(&answer, self.blob.digest, &self.access)?;
        if answer.status() == StatusCode::CREATED || self.is_present().await.map_err(Failure::lasting)? {
            return Ok(());
        }
        let status = answer.status();
        Err(Failure::passing(failed(format!("{} answers {status} and does not keep {}", self.access.host, self.what))))
    }

    fn finished(&self, url: &Url) -> Url {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("digest", &self.blob.digest.to_string());
        url
    }

    async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.repository.transport.send(&self.access, &self.scopes, request).await
    }
}

/// Builds a request with an explicit length of 0, which some registries require.
fn without_content(method: Method, url: Url) -> Request {
    let mut request = Request::new(method, url);
    let headers: [(HeaderName, HeaderValue); 1] = [(CONTENT_LENGTH, HeaderValue::from_static("0"))];
    request.headers.extend(headers);
    request
}

/// Checks the digest that a registry reports: another one means that it stored other content.
fn same_digest(answer: &Answer, want: Digest, access: &RepositoryAccess) -> Result<(), Failure> {
    let got = answer.header(CONTENT_DIGEST).filter(|text| text.starts_with("sha256:"));
    match got {
        Some(got) if got != want.to_string() => {
            let got = one_line(got);
            Err(Failure::lasting(corrupt(format!("{} stored {got} in place of {want}", access.name()))))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
