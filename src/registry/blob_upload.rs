//! The upload of a blob: in one request, in chunks, or the rest of it after a break.
//!
//! Source: distribution-spec `spec.md`, "Pushing Blobs". A blob goes out in one streamed PUT, or in
//! chunks when the registry, or a proxy before it, does not accept that. After a failure the upload
//! goes on at the offset that the registry tells, or begins again in a new session.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{Method, StatusCode, Url};

use super::transport::Answer;
use super::upload_session::{
    BlobTarget, SessionState, UploadSession, location, received, same_digest, without_content,
};
use crate::http::client::{Payload, Request, STORE};
use crate::http::failure::{Failure, failed};
use crate::http::retry::Attempts;
use crate::http::upload::{Chunks, Upload};
use crate::operation_error::OperationError;

/// The sizes of chunks, unless the registry requires more: each one after the server refused the
/// one before. The second is nginx's limit unless it is configured.
const CHUNKS: [u64; 3] = [5 << 20, 1 << 20, 256 << 10];
/// The largest chunk that is held in memory because a registry requires it.
const LARGEST_CHUNK: u64 = 128 << 20;
/// The bytes beyond those of all earlier tries after which the count of tries starts over.
const PROGRESS: u64 = 1 << 20;
/// The wait for an answer to a request's head after a failure, in first pauses between tries: a
/// second, as curl and Go wait for `100 Continue`.
const HOLD: u32 = 2;
/// The number of broken requests after which a blob is sent in chunks.
const BREAKS: usize = 2;
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// The codes of a session that is lost, or that has other bytes than were sent.
const LOST: [&str; 5] =
    ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "DIGEST_INVALID", "RANGE_INVALID", "SIZE_INVALID"];
/// The codes of answers that are about the repository, not about the session.
const NAME: [&str; 2] = ["NAME_UNKNOWN", "NAME_INVALID"];

/// A blob being uploaded.
pub struct BlobUpload<'a> {
    target: &'a BlobTarget<'a>,
    upload: Upload,
    method: UploadMethod,
    /// The index of the size in `CHUNKS`.
    chunk: usize,
    /// The session to go on in.
    session: Option<UploadSession>,
    /// The chunks of the session.
    chunks: Option<Chunks>,
    /// The offset that the registry told with a refusal.
    told: Option<u64>,
    /// An earlier try failed.
    has_failed: bool,
    /// The session cannot go on.
    is_spoilt: bool,
    /// The largest offset of all tries.
    reached: u64,
}

/// The form in which the blob is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UploadMethod {
    Whole,
    /// Chunks, which the registry need not accept.
    Chunked,
    /// Chunks, because the registry does not accept the whole.
    OnlyChunked,
}

/// The end of a try.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Done,
    /// Another form of the upload follows at once.
    Again,
}

impl<'a> BlobUpload<'a> {
    /// Creates an upload, in a session if one is open already.
    pub fn new(target: &'a BlobTarget<'a>, upload: Upload, session: Option<UploadSession>) -> Self {
        Self {
            target,
            upload,
            method: UploadMethod::Whole,
            chunk: 0,
            session,
            chunks: None,
            told: None,
            has_failed: false,
            is_spoilt: false,
            reached: 0,
        }
    }

    /// Uploads the blob.
    ///
    /// # Errors
    /// Failures that last. The session is cancelled then.
    pub async fn run(mut self) -> Result<(), OperationError> {
        let mut attempts = self.target.repository.transport.attempts(&self.target.access, self.target.what.clone());
        loop {
            match self.attempt().await {
                Ok(Progress::Done) => return Ok(()),
                Ok(Progress::Again) => self.abandon().await,
                Err(failure) => {
                    self.count_progress(&mut attempts);
                    if let Err(error) = attempts.pause(failure).await {
                        self.abandon().await;
                        return Err(error);
                    }
                    self.has_failed = true;
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Progress, Failure> {
        let mut offset = 0;
        if self.has_failed && self.session.is_some() {
            match self.resume().await? {
                Some(resumed) => offset = resumed,
                None => self.abandon().await,
            }
            // The answer to a complete upload may be what was lost.
            if offset == 0 && self.target.is_present().await.map_err(Failure::lasting)? {
                return Ok(Progress::Done);
            }
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => self.target.start().await?,
        };
        self.session = Some(session.clone());
        if self.method == UploadMethod::Whole && offset == 0 {
            self.put(&session.url).await
        } else {
            self.patch(session, offset).await
        }
    }

    /// Returns the offset at which the session can go on; none if it cannot.
    async fn resume(&mut self) -> Result<Option<u64>, Failure> {
        let Some(session) = self.session.clone().filter(|_| !self.is_spoilt) else { return Ok(None) };
        let told = self.told.take();
        let (session, offset) = match self.target.state(&session).await? {
            SessionState::At(session, offset) => (session, offset),
            SessionState::Untold => (session, told.unwrap_or(0)),
            SessionState::Gone => {
                self.session = None;
                return Ok(None);
            }
        };
        self.session = Some(session);
        Ok((1..=self.target.blob.size).contains(&offset).then_some(offset))
    }

    /// Starts the count of tries over when this one got further than all before.
    fn count_progress(&mut self, attempts: &mut Attempts) {
        let offset = self.chunks.as_ref().map_or(0, Chunks::offset);
        if offset >= self.reached.saturating_add(PROGRESS) {
            self.reached = offset;
            attempts.start_over();
        }
    }

    /// Cancels the session, if there is one.
    async fn abandon(&mut self) {
        self.chunks = None;
        self.is_spoilt = false;
        if let Some(session) = self.session.take() {
            self.target.cancel(&session).await;
        }
    }

    /// Begins again with the next try.
    fn again(&mut self, failure: Failure) -> Failure {
        self.is_spoilt = true;
        Failure::passing(failure.error)
    }

    fn hold(&self) -> Duration {
        if self.has_failed { HOLD * self.target.repository.transport.retry_policy.base } else { Duration::ZERO }
    }

    async fn put(&mut self, url: &Url) -> Result<Progress, Failure> {
        let mut request = Request::new(Method::PUT, self.finished(url));
        request.headers.insert(CONTENT_TYPE, OCTETS);
        request.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.target.blob.size));
        request.payload = Payload::Upload(self.upload.clone());
        request.hold = self.hold();
        let answer = self.target.send(&request).await.inspect_err(|_| {
            if self.upload.broken() >= BREAKS {
                self.method = UploadMethod::Chunked;
            }
        })?;
        let unwilling = [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        if unwilling.contains(&answer.status()) {
            self.method = UploadMethod::OnlyChunked;
            return Ok(Progress::Again);
        }
        self.confirm(&answer).await
    }

    async fn patch(&mut self, mut session: UploadSession, offset: u64) -> Result<Progress, Failure> {
        let size = self.chunk_size(&session)?;
        let mut chunks = self.chunks_at(offset).await?;
        let mut hold = self.hold();
        loop {
            let chunk = chunks.fill(size).await.map_err(Failure::of_origin)?;
            if chunk.is_empty() {
                break;
            }
            let (start, bytes) = (chunks.offset(), chunk.len());
            let mut request = Request::new(Method::PATCH, session.url.clone());
            request.headers.insert(CONTENT_TYPE, OCTETS);
            let range = HeaderValue::from_str(&format!("{start}-{}", start + bytes as u64 - 1));
            request.headers.extend(range.ok().map(|range| (CONTENT_RANGE, range)));
            request.payload = Payload::Bytes(chunk);
            request.limit = Some(STORE);
            request.hold = std::mem::take(&mut hold);
            let answer = self.target.send(&request).await;
            let accepted = answer.as_ref().is_ok_and(|answer| answer.status().is_success());
            if !accepted {
                self.chunks = Some(chunks);
                return self.refused_chunk(&answer?, start, size);
            }
            session.url = location(&answer?).unwrap_or(session.url);
            self.session = Some(session.clone());
            chunks.advance(bytes);
        }
        chunks.finish().map_err(Failure::of_origin)?;
        self.chunks = Some(chunks);
        let mut request = without_content(Method::PUT, self.finished(&session.url));
        request.limit = Some(STORE);
        let answer = self.target.send(&request).await?;
        self.confirm(&answer).await
    }

    fn chunk_size(&self, session: &UploadSession) -> Result<u64, Failure> {
        let size = CHUNKS[self.chunk].max(session.chunk_min);
        if size <= LARGEST_CHUNK {
            return Ok(size);
        }
        let message = format!("{} takes {} only in chunks of {size} bytes", self.target.access.host, self.target.what);
        Err(Failure::lasting(failed(message)))
    }

    /// Returns the chunks from an offset on: those in use, or the origin opened anew.
    async fn chunks_at(&mut self, offset: u64) -> Result<Chunks, Failure> {
        let mut chunks = self.chunks.take().filter(|_| offset > 0);
        if let Some(reached) = chunks.take_if(|chunks| chunks.reach(offset)) {
            return Ok(reached);
        }
        self.upload.chunks(offset).await.map_err(Failure::of_origin)
    }

    /// Decides how to go on after a chunk was refused.
    fn refused_chunk(&mut self, answer: &Answer, start: u64, size: u64) -> Result<Progress, Failure> {
        let failure = self.target.failed(answer);
        match answer.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let smaller = CHUNKS.iter().position(|smaller| *smaller < size);
                let is_required = self.session.as_ref().is_some_and(|session| session.chunk_min >= size);
                match smaller.filter(|_| start == 0 && !is_required) {
                    Some(smaller) => self.chunk = smaller,
                    None => return Err(too_large(failure)),
                }
                Ok(Progress::Again)
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.told = answer.header(RANGE.as_str()).and_then(received);
                Err(Failure::passing(failure.error))
            }
            _ if is_lost(answer) => Err(self.again(failure)),
            status if status.is_client_error() && self.method != UploadMethod::OnlyChunked => {
                self.method = UploadMethod::Whole;
                Err(self.again(failure))
            }
            _ => Err(failure),
        }
    }

    /// Checks that the registry stored the bytes that it was sent.
    async fn confirm(&mut self, answer: &Answer) -> Result<Progress, Failure> {
        if !answer.status().is_success() {
            let failure = self.target.failed(answer);
            if is_lost(answer) {
                return Err(self.again(failure));
            }
            return Err(if answer.status() == StatusCode::PAYLOAD_TOO_LARGE { too_large(failure) } else { failure });
        }
        self.session = None;
        same_digest(answer, self.target.blob.digest, &self.target.access)?;
        if answer.status() == StatusCode::CREATED || self.target.is_present().await.map_err(Failure::lasting)? {
            return Ok(Progress::Done);
        }
        let (host, status, what) = (&self.target.access.host, answer.status(), &self.target.what);
        Err(Failure::passing(failed(format!("{host} answers {status} and does not keep {what}"))))
    }

    fn finished(&self, url: &Url) -> Url {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("digest", &self.target.blob.digest.to_string());
        url
    }
}

/// Returns whether an answer says that the session is not there, or not as it should be.
fn is_lost(answer: &Answer) -> bool {
    match answer.status() {
        StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::GONE => true,
        StatusCode::NOT_FOUND => !answer.has_code(&NAME),
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT => answer.has_code(&LOST),
        _ => false,
    }
}

fn too_large(failure: Failure) -> Failure {
    let hint = "the registry, or a proxy before it, limits the size of requests: raise its limit (nginx: client_max_body_size 0)";
    Failure::lasting(failure.error.with_hint(hint))
}
