//! Bodies that go on where they broke off.
//!
//! Source: RFC 9110, 14.4 (`Content-Range`). Whether the bytes are right is the
//! caller's to check.

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Response, StatusCode};

use super::client::{Request, next};
use super::failure::{Failure, other};
use super::hosts::authority;
use super::retry::Attempts;
use crate::operation_error::OperationError;

/// After so many bytes without a break, tries are counted anew.
const PROGRESS: u64 = 1 << 20;

/// Something that can be asked for from any byte on.
pub trait RangeSource: Send {
    /// What to call it, as in `another range of WHAT`.
    fn name(&self) -> String;

    /// Sends a request for all of it, to which `range` was added when only the rest is
    /// missing. Answers other than 200 and 206 are failures.
    fn request(
        &mut self,
        range: impl FnOnce(&mut Request) + Send,
    ) -> impl Future<Output = Result<Response, Failure>> + Send;
}

/// A body on its way in.
pub struct ResumingBody<R> {
    source: R,
    attempts: Attempts,
    /// How long all of it is; an answer tells where nobody else does.
    size: Option<u64>,
    /// Bytes given out.
    seen: u64,
    /// None before the first request, and after a break.
    response: Option<Response>,
    /// Bytes of `response` that were given out already.
    skip: u64,
    /// Where the last break was.
    broke_at: u64,
}

impl<R: RangeSource> ResumingBody<R> {
    /// Nothing is asked for yet.
    pub fn new(source: R, size: Option<u64>, attempts: Attempts) -> Self {
        Self { source, attempts, size, seen: 0, response: None, skip: 0, broke_at: 0 }
    }

    /// What is being read.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// How long all of it is, once somebody said so.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Asks for the bytes that are still missing, until an answer begins.
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

    /// The next bytes; none at the end of an answer.
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
        let range = move |request: &mut Request| {
            if seen > 0 {
                let range = HeaderValue::from_str(&format!("bytes={seen}-"));
                request.headers.extend(range.ok().map(|range| (RANGE, range)));
            }
        };
        let response = self.source.request(range).await?;
        self.skip = match response.status() {
            StatusCode::PARTIAL_CONTENT if seen > 0 && self.continues(&response) => 0,
            StatusCode::PARTIAL_CONTENT => {
                let host = authority(response.url());
                return Err(Failure::lasting(other(format!(
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

    /// `bytes FIRST-LAST/SIZE`, where only `SIZE` may be unknown.
    fn continues(&self, response: &Response) -> bool {
        let value = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let range = value.and_then(|text| text.trim().strip_prefix("bytes "));
        let Some((range, size)) = range.and_then(|text| text.split_once('/')) else { return false };
        let first = range.split_once('-').and_then(|(first, _)| first.trim().parse::<u64>().ok());
        let whole = size == "*" || self.size.is_none_or(|known| size.parse() == Ok(known));
        first == Some(self.seen) && whole
    }

    /// What of the received bytes was not given out before.
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
