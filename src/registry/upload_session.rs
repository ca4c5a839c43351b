//! Upload sessions: opened, asked for their offset, cancelled.
//!
//! Source: distribution-spec `spec.md`, "Pushing a blob in chunks"; distribution's `spec/api.md`,
//! "Resumable Push" and "Canceling an Upload".

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, StatusCode, Url};

use super::challenge::Scopes;
use super::error::{Intent, RepositoryAccess};
use super::pull::CONTENT_DIGEST;
use super::repository::Repository;
use super::transport::Answer;
use crate::http::client::Request;
use crate::http::failure::{Failure, corrupt, failed, one_line};
use crate::http::hosts::onward;
use crate::oci::{Descriptor, Digest};
use crate::operation_error::OperationError;
use crate::repository::BlobSource;

/// The header with the smallest chunk that a registry takes, unless it is the last.
const CHUNK_MIN: &str = "oci-chunk-min-length";
/// The longest time that the end of a session is waited for.
const CANCEL: Duration = Duration::from_secs(5);

/// A blob, and the repository that it is uploaded to.
pub struct BlobTarget<'a> {
    pub repository: &'a Repository,
    pub access: RepositoryAccess,
    scopes: Scopes,
    pub blob: &'a Descriptor,
    /// The blob's name in messages.
    pub what: String,
}

/// An upload session at a registry.
#[derive(Clone)]
pub struct UploadSession {
    /// The URL of the next request.
    pub url: Url,
    /// The smallest chunk that the registry takes, unless it is the last.
    pub chunk_min: u64,
}

/// A registry's answer to the question how far a session is.
pub enum SessionState {
    /// So many bytes; the session goes on at its new URL.
    At(UploadSession, u64),
    /// The registry does not tell.
    Untold,
    Gone,
}

/// A registry's answer to a mount.
pub enum Mount {
    Mounted,
    /// The blob is not mounted, and this session is open for it.
    Session(UploadSession),
    Refused,
}

impl<'a> BlobTarget<'a> {
    pub fn new(repository: &'a Repository, blob: &'a Descriptor) -> Self {
        let access = repository.access(Intent::Push);
        let scopes = Scopes::push(&access.repository);
        let what = format!("blob {} to {}", blob.digest.short(), access.name());
        Self { repository, access, scopes, blob, what }
    }

    /// Sends a request with the right to push, once.
    pub async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.repository.transport.send(&self.access, &self.scopes, request).await
    }

    /// Builds the failure of an answer without success.
    pub fn failed(&self, answer: &Answer) -> Failure {
        answer.failed(&self.access, &format!("pushing {}", self.what))
    }

    /// Returns whether the repository has the blob. Missing rights to ask are reported by the upload.
    pub async fn is_present(&self) -> Result<bool, OperationError> {
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
    pub async fn mount(&self, origin: &BlobSource) -> Result<Mount, OperationError> {
        let BlobSource::Repository(source) = origin else { return Ok(Mount::Refused) };
        let Some(repository) = source.mountable_at(&self.access.host) else { return Ok(Mount::Refused) };
        if repository == self.access.repository {
            return Ok(Mount::Refused);
        }
        let mut url = self.repository.url("blobs/uploads/").await?;
        url.query_pairs_mut().append_pair("mount", &self.blob.digest.to_string()).append_pair("from", repository);
        let scopes = self.scopes.clone().and(&Scopes::pull(repository));
        let answer = self.repository.transport.send(&self.access, &scopes, &without_content(Method::POST, url)).await;
        let Ok(answer) = answer else { return Ok(Mount::Refused) };
        Ok(match answer.status() {
            StatusCode::CREATED if same_digest(&answer, self.blob.digest, &self.access).is_ok() => Mount::Mounted,
            StatusCode::ACCEPTED => self.session(&answer).map_or(Mount::Refused, Mount::Session),
            _ => Mount::Refused,
        })
    }

    /// Opens a session.
    pub async fn start(&self) -> Result<UploadSession, Failure> {
        let url = self.repository.url("blobs/uploads/").await.map_err(Failure::lasting)?;
        let answer = self.send(&without_content(Method::POST, url)).await?;
        match answer.status() {
            StatusCode::ACCEPTED => self.session(&answer),
            StatusCode::METHOD_NOT_ALLOWED => {
                let error = self.access.refused("it accepts no uploads", None);
                Err(Failure::lasting(error.with_hint(format!("{} is read-only", self.access.host))))
            }
            _ => Err(self.failed(&answer)),
        }
    }

    /// Asks how many bytes a session has.
    pub async fn state(&self, session: &UploadSession) -> Result<SessionState, Failure> {
        let answer = self.send(&Request::new(Method::GET, session.url.clone())).await?;
        if matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(SessionState::Gone);
        }
        let url = location(&answer).unwrap_or_else(|| session.url.clone());
        let offset = answer.header(RANGE.as_str()).and_then(received).filter(|_| answer.status().is_success());
        let at = |offset| SessionState::At(UploadSession { url, ..session.clone() }, offset);
        Ok(offset.map_or(SessionState::Untold, at))
    }

    /// Cancels a session that nothing follows in. Errors are ignored: registries delete old sessions.
    pub async fn cancel(&self, session: &UploadSession) {
        let request = Request::new(Method::DELETE, session.url.clone());
        let _ = tokio::time::timeout(CANCEL, self.send(&request)).await;
    }

    fn session(&self, answer: &Answer) -> Result<UploadSession, Failure> {
        let chunk_min = answer.header(CHUNK_MIN).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let session = location(answer).map(|url| UploadSession { url, chunk_min });
        session.ok_or_else(|| {
            Failure::lasting(failed(format!("{} does not say where to upload {}", self.access.host, self.what)))
        })
    }
}

/// Returns the URL of a session's next request.
pub fn location(answer: &Answer) -> Option<Url> {
    onward(answer.response.url(), answer.header(LOCATION.as_str())?)
}

/// Returns the number of bytes in a session's `Range`: `0-N`. `0-0` stands for none too.
pub fn received(range: &str) -> Option<u64> {
    let (first, last) = range.trim().trim_start_matches("bytes=").trim_start_matches("bytes ").split_once('-')?;
    let last: u64 = last.split('/').next()?.trim().parse().ok()?;
    (first.trim() == "0").then(|| if last == 0 { Some(0) } else { last.checked_add(1) })?
}

/// Builds a request with an explicit length of 0, which some registries require.
pub fn without_content(method: Method, url: Url) -> Request {
    let mut request = Request::new(method, url);
    let headers: [(HeaderName, HeaderValue); 1] = [(CONTENT_LENGTH, HeaderValue::from_static("0"))];
    request.headers.extend(headers);
    request
}

/// Checks the digest that a registry reports: another one means that it stored other content.
pub fn same_digest(answer: &Answer, want: Digest, access: &RepositoryAccess) -> Result<(), Failure> {
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
mod tests {
    use super::*;

    #[test]
    fn a_sessions_range_is_a_number_of_bytes() {
        for (range, bytes) in [
            ("0-0", Some(0)),
            ("0-1023", Some(1024)),
            ("bytes=0-1023", Some(1024)),
            (" bytes 0-1023/* ", Some(1024)),
            ("5-9", None),
            ("0--1", None),
            ("", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(received(range), bytes, "{range}");
        }
    }
}
