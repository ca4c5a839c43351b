//! Bodies that are resumed after a break, or after an end before their size.
//!
//! Source: RFC 9110, 13.1.5 (`If-Range`), 14.4 (`Content-Range`), 15.5.17 (416). A server that
//! answers with other bytes than requested is asked for the whole body, of which the first part is
//! skipped. The caller verifies the bytes.

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};

use super::client::next;
use super::failure::{Failure, Retry, failed};
use super::hosts::authority;
use super::retry::Attempts;
use crate::operation_error::OperationError;

/// The bytes without a break after which the count of tries starts over.
const PROGRESS: u64 = 1 << 20;

/// A resource that can be requested from any byte on.
pub trait RangeSource: Send {
    /// The resource's name in messages, as in `another range of NAME`.
    fn name(&self) -> String;

    /// Requests the whole resource, or the rest of it that the headers `Range` and `If-Range` name.
    /// Answers other than 200, 206 and 416 are failures.
    fn request(&mut self, headers: HeaderMap) -> impl Future<Output = Result<Response, Failure>> + Send;
}

/// A body being downloaded.
pub struct ResumingBody<R> {
    source: R,
    attempts: Attempts,
    /// The size of the whole body, in bytes; from an answer if the caller has not given it.
    size: Option<u64>,
    /// The number of bytes returned so far.
    seen: u64,
    /// The current answer; none before the first request, and after a break.
    response: Option<Response>,
    /// The number of bytes of `response` to skip, because they were returned before.
    skip: u64,
    /// The offset of the last break.
    broke_at: u64,
    /// The strong `ETag` of the first answer: the rest of other content is useless.
    etag: Option<HeaderValue>,
    /// The server has answered with other bytes than requested.
    misfits: bool,
    /// The server has no bytes after those returned.
    ended: bool,
}

impl<R: RangeSource> ResumingBody<R> {
    /// Creates a body that requests nothing yet.
    pub fn new(source: R, size: Option<u64>, attempts: Attempts) -> Self {
        Self {
            source,
            attempts,
            size,
            seen: 0,
            response: None,
            skip: 0,
            broke_at: 0,
            etag: None,
            misfits: false,
            ended: false,
        }
    }

    /// Returns the resource that is read.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// Returns the size of the whole body, once it is known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Requests the missing bytes, until an answer begins.
    ///
    /// # Errors
    /// Failures that last.
    pub async fn open(&mut self) -> Result<(), OperationError> {
        loop {
            match self.request().await {
                Ok(()) => return Ok(()),
                Err(failure) => self.attempts.pause(failure).await?,
            }
        }
    }

    /// Returns the next bytes; none at the end, which may come before `size` bytes.
    ///
    /// # Errors
    /// Failures that last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OperationError> {
        while !self.ended {
            let Some(response) = &mut self.response else {
                self.open().await?;
                continue;
            };
            match next(response).await {
                Ok(Some(bytes)) => {
                    let fresh = self.fresh(bytes);
                    if !fresh.is_empty() {
                        return Ok(Some(fresh));
                    }
                }
                Ok(None) if self.size.is_some_and(|size| self.seen < size) => self.resume_short().await,
                Ok(None) => self.ended = true,
                Err(_) if self.size == Some(self.seen) => self.ended = true,
                Err(failure) => self.broken(failure).await?,
            }
        }
        Ok(None)
    }

    async fn request(&mut self) -> Result<(), Failure> {
        let resumes = self.seen > 0 && !self.misfits;
        let range = resumes.then(|| HeaderValue::from_str(&format!("bytes={}-", self.seen)).ok()).flatten();
        let etag = self.etag.clone().filter(|_| range.is_some());
        let mut headers = HeaderMap::new();
        headers.extend(range.map(|range| (RANGE, range)));
        headers.extend(etag.map(|etag| (IF_RANGE, etag)));
        let response = self.source.request(headers).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if resumes && self.continues(&response) => self.skip = 0,
            StatusCode::RANGE_NOT_SATISFIABLE if resumes && self.ends_here(&response) => {
                self.ended = true;
                return Ok(());
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.misfits = true;
                let host = authority(response.url());
                let message = format!("{host} answers with another range of {}", self.source.name());
                return Err(Failure::passing(failed(message)));
            }
            _ => {
                let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
                self.size = self.size.or(length);
                self.etag = strong(response.headers());
                self.skip = self.seen;
            }
        }
        self.response = Some(response);
        Ok(())
    }

    /// Checks for `bytes FIRST-LAST/SIZE`, of which only `SIZE` may be unknown.
    fn continues(&self, response: &Response) -> bool {
        let Some((range, size)) = content_range(response) else { return false };
        let first = range.split_once('-').and_then(|(first, _)| first.trim().parse::<u64>().ok());
        let whole = size == "*" || self.size.is_none_or(|known| size.parse() == Ok(known));
        let etag = strong(response.headers());
        let same = etag.is_none() || self.etag.is_none() || etag == self.etag;
        first == Some(self.seen) && whole && same
    }

    /// Returns whether an answer of 416 says that nothing follows the bytes that were returned.
    fn ends_here(&self, response: &Response) -> bool {
        let size = content_range(response).and_then(|(_, size)| size.parse().ok());
        size.or(self.size) == Some(self.seen)
    }

    /// Drops the part of the received bytes that was returned before.
    fn fresh(&mut self, mut bytes: Bytes) -> Bytes {
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skip as u64;
        let fresh = bytes.split_off(skip);
        self.seen += fresh.len() as u64;
        fresh
    }

    /// Resumes a body that ended before its size, until it repeatedly ends at the same byte.
    async fn resume_short(&mut self) {
        let size = self.size.unwrap_or_default();
        let message = format!("{} ended after {} of {size} bytes", self.source.name(), self.seen);
        let retry = if self.seen > self.broke_at { Retry::Soon } else { Retry::Briefly };
        self.ended = self.broken(Failure { error: failed(message), retry }).await.is_err();
    }

    async fn broken(&mut self, failure: Failure) -> Result<(), OperationError> {
        self.response = None;
        if self.seen - self.broke_at >= PROGRESS {
            self.attempts.start_over();
        }
        self.broke_at = self.seen;
        self.attempts.pause(failure).await
    }
}

/// Splits `bytes RANGE/SIZE`.
fn content_range(response: &Response) -> Option<(&str, &str)> {
    let text = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    Some((range.trim(), size.trim()))
}

/// Returns an `ETag` that identifies single bytes, so that the rest of a body can be requested.
fn strong(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(ETAG).filter(|value| value.as_bytes().starts_with(b"\"")).cloned()
}
