//! Bodies that are resumed after a break.
//!
//! Source: RFC 9110, 14.4 (`Content-Range`). The caller verifies the bytes.

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue};
use reqwest::{Response, StatusCode};

use super::client::next;
use super::failure::{Failure, failed};
use super::hosts::authority;
use super::retry::Attempts;
use crate::operation_error::OperationError;

/// The bytes without a break after which the count of tries starts over.
const PROGRESS: u64 = 1 << 20;

/// A resource that can be requested from any byte on.
pub trait RangeSource: Send {
    /// The resource's name in messages, as in `another range of NAME`.
    fn name(&self) -> String;

    /// Requests the whole resource, or the rest of it that the header `Range` names. Answers other
    /// than 200 and 206 are failures.
    fn request(&mut self, range: Option<HeaderValue>) -> impl Future<Output = Result<Response, Failure>> + Send;
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
}

impl<R: RangeSource> ResumingBody<R> {
    /// Creates a body that requests nothing yet.
    pub fn new(source: R, size: Option<u64>, attempts: Attempts) -> Self {
        Self { source, attempts, size, seen: 0, response: None, skip: 0, broke_at: 0 }
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

    /// Returns the next bytes; none at the end of an answer.
    ///
    /// # Errors
    /// Failures that last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OperationError> {
        loop {
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
                Ok(None) => return Ok(None),
                Err(failure) => self.broken(failure).await?,
            }
        }
    }

    async fn request(&mut self) -> Result<(), Failure> {
        let seen = self.seen;
        let range = if seen > 0 { HeaderValue::from_str(&format!("bytes={seen}-")).ok() } else { None };
        let response = self.source.request(range).await?;
        self.skip = match response.status() {
            StatusCode::PARTIAL_CONTENT if seen > 0 && self.continues(&response) => 0,
            StatusCode::PARTIAL_CONTENT => {
                let host = authority(response.url());
                return Err(Failure::lasting(failed(format!(
                    "{host} answers with another range of {}",
                    self.source.name()
                ))));
            }
            _ => {
                let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
                self.size = self.size.or(length);
                seen
            }
        };
        self.response = Some(response);
        Ok(())
    }

    /// Checks for `bytes FIRST-LAST/SIZE`, of which only `SIZE` may be unknown.
    fn continues(&self, response: &Response) -> bool {
        let value = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let range = value.and_then(|text| text.trim().strip_prefix("bytes "));
        let Some((range, size)) = range.and_then(|text| text.split_once('/')) else { return false };
        let first = range.split_once('-').and_then(|(first, _)| first.trim().parse::<u64>().ok());
        let whole = size == "*" || self.size.is_none_or(|known| size.parse() == Ok(known));
        first == Some(self.seen) && whole
    }

    /// Drops the part of the received bytes that was returned before.
    fn fresh(&mut self, mut bytes: Bytes) -> Bytes {
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skip as u64;
        let fresh = bytes.split_off(skip);
        self.seen += fresh.len() as u64;
        fresh
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
