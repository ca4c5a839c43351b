//! Uploads of blobs: opened, counted, verified.
//!
//! A blob is never held in memory as a whole. Each try opens the origin anew, and has its own
//! counters: a connection may go on reading the bytes of an earlier try.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{Stream, try_unfold};
use reqwest::Body;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::byte_flow::{ByteFlow, SLICE};
use crate::diagnostic::Code;
use crate::oci::Descriptor;
use crate::oci::digest::{Verifier, VerifyError};
use crate::operation_error::OperationError;
use crate::progress::{Event, Progress, Subject, Verb};
use crate::repository::BlobSource;

/// The number of bytes read at a time.
const PIECE: usize = 256 << 10;

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// A blob to push, and the origin of its bytes.
#[derive(Clone)]
pub struct Upload {
    pub blob: Descriptor,
    pub origin: BlobSource,
    tries: Arc<Tries>,
}

/// The common part of all tries of an upload.
struct Tries {
    progress: Arc<dyn Progress>,
    /// The number of bytes reported to `progress`.
    reported: Mutex<u64>,
    /// The number of tries that broke while bytes were sent.
    broken: AtomicUsize,
}

/// One try of an upload.
pub struct Sending {
    blob: Descriptor,
    tries: Arc<Tries>,
    pub flow: ByteFlow,
    state: Mutex<State>,
}

struct State {
    /// The origin's error, if it broke off.
    fault: Option<OperationError>,
    /// The verifier of a file, which no other reader verifies.
    verifier: Option<Verifier>,
}

impl Upload {
    /// Creates an upload of which nothing is sent yet.
    pub fn new(blob: &Descriptor, origin: &BlobSource, progress: Arc<dyn Progress>) -> Self {
        let tries = Tries { progress, reported: Mutex::new(0), broken: AtomicUsize::new(0) };
        Self { blob: blob.clone(), origin: origin.clone(), tries: Arc::new(tries) }
    }

    /// Streams the blob from its beginning, for one request. The first byte waits for `hold`.
    ///
    /// # Errors
    /// The origin cannot be opened.
    pub async fn body(&self, hold: Duration) -> Result<(Body, Arc<Sending>), OperationError> {
        let (reader, sending) = self.open().await?;
        Ok((Body::wrap_stream(pieces(reader, Arc::clone(&sending), hold)), sending))
    }

    /// Opens the blob at an offset, for requests of one piece each.
    ///
    /// # Errors
    /// The origin cannot be opened, or breaks off.
    pub async fn chunks(&self, offset: u64) -> Result<Chunks, OperationError> {
        let (reader, sending) = self.open().await?;
        let mut chunks = Chunks { reader, sending, piece: Bytes::new() };
        while chunks.offset() < offset {
            let rest = offset - chunks.offset();
            let piece = chunks.fill(rest.min(PIECE as u64)).await?;
            if piece.is_empty() {
                break;
            }
            chunks.advance(piece.len());
        }
        Ok(chunks)
    }

    /// Counts a try that broke while bytes were sent.
    pub fn broke(&self) {
        self.tries.broken.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of tries that broke while bytes were sent.
    pub fn broken(&self) -> usize {
        self.tries.broken.load(Ordering::Relaxed)
    }

    async fn open(&self) -> Result<(Reader, Arc<Sending>), OperationError> {
        let reader: Reader = match &self.origin {
            BlobSource::Bytes(bytes) => Box::pin(io::Cursor::new(bytes.clone())),
            BlobSource::File(path) => match tokio::fs::File::open(path).await {
                Ok(file) => Box::pin(file),
                Err(cause) => {
                    let message = format!("cannot open `{}`", path.display());
                    return Err(OperationError::new(Code::DamagedCache, message).because(&cause));
                }
            },
            BlobSource::Repository(source) => source.blob(&self.blob).await?,
        };
        let is_file = matches!(self.origin, BlobSource::File(_));
        let verifier = is_file.then(|| Verifier::new(self.blob.digest, self.blob.size));
        let state = Mutex::new(State { fault: None, verifier });
        let (blob, tries) = (self.blob.clone(), Arc::clone(&self.tries));
        Ok((reader, Arc::new(Sending { blob, tries, flow: ByteFlow::new(), state })))
    }
}

/// A blob in pieces of the caller's size.
pub struct Chunks {
    reader: Reader,
    sending: Arc<Sending>,
    /// Bytes that are read, and have not arrived yet.
    piece: Bytes,
}

impl Chunks {
    /// Returns the number of bytes that have arrived.
    pub fn offset(&self) -> u64 {
        self.sending.flow.given()
    }

    /// Returns the next bytes, `size` of them unless they are the last; none at the end.
    ///
    /// # Errors
    /// The origin breaks off.
    pub async fn fill(&mut self, size: u64) -> Result<Bytes, OperationError> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if self.piece.len() < size {
            let mut piece = BytesMut::from(self.piece.as_ref());
            let mut fresh = Vec::new();
            let read = (&mut self.reader).take((size - piece.len()) as u64).read_to_end(&mut fresh).await;
            let verified = read.and_then(|_| self.sending.verify(&fresh));
            verified.map_err(|cause| self.sending.fault_of(&cause))?;
            piece.extend_from_slice(&fresh);
            self.piece = piece.freeze();
        }
        Ok(self.piece.slice(..size.min(self.piece.len())))
    }

    /// Counts bytes that have arrived.
    pub fn advance(&mut self, bytes: usize) {
        drop(self.piece.split_to(bytes.min(self.piece.len())));
        self.sending.give(bytes as u64);
    }

    /// Moves to an offset among the bytes that are read; returns `false` if it is not there.
    pub fn reach(&mut self, offset: u64) -> bool {
        let ahead = offset.checked_sub(self.offset()).and_then(|ahead| usize::try_from(ahead).ok());
        let Some(ahead) = ahead.filter(|ahead| *ahead <= self.piece.len()) else { return false };
        self.advance(ahead);
        true
    }

    /// Checks that the origin had the blob's whole size.
    ///
    /// # Errors
    /// It had fewer bytes.
    pub fn finish(&self) -> Result<(), OperationError> {
        self.sending.check(self.offset()).map_err(|cause| self.sending.fault_of(&cause))
    }
}

fn pieces(reader: Reader, sending: Arc<Sending>, hold: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send {
    try_unfold((reader, sending, Bytes::new(), hold), async |(mut reader, sending, mut piece, hold)| {
        sending.flow.hold(hold).await;
        sending.flow.unanswered().await?;
        if piece.is_empty() {
            sending.flow.reads(true);
            let read = sending.piece(&mut reader).await;
            sending.flow.reads(false);
            let fault = read.as_ref().err().map(|cause| sending.fault_of(cause));
            sending.with(|state| state.fault = fault);
            piece = read?;
        }
        let slice = piece.split_to(piece.len().min(SLICE));
        sending.give(slice.len() as u64);
        Ok((!slice.is_empty()).then_some((slice, (reader, sending, piece, Duration::ZERO))))
    })
}

impl Sending {
    /// Takes the origin's error, if that is what broke the request.
    pub fn fault(&self) -> Option<OperationError> {
        self.with(|state| state.fault.take())
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts bytes; bytes of an earlier try are reported only once.
    fn give(&self, bytes: u64) {
        let given = self.flow.give(bytes);
        let news = {
            let mut reported = self.tries.reported.lock().unwrap_or_else(PoisonError::into_inner);
            let news = given.saturating_sub(*reported);
            *reported += news;
            news
        };
        if news > 0 {
            let subject = Subject::Blob(self.blob.digest);
            self.tries.progress.on(Event::Advanced { verb: Verb::Push, subject, bytes: news });
        }
    }

    /// Reads the next piece; empty at the end. The last bytes are held back until the origin has
    /// confirmed its end, because no client reads on after the promised length.
    async fn piece(&self, reader: &mut Reader) -> io::Result<Bytes> {
        let mut piece = Vec::with_capacity(PIECE);
        reader.take(PIECE as u64).read_buf(&mut piece).await?;
        self.verify(&piece)?;
        let mut given = self.flow.given() + piece.len() as u64;
        if piece.is_empty() || given >= self.blob.size {
            given += reader.read(&mut [0]).await? as u64;
            self.check(given)?;
        }
        Ok(Bytes::from(piece))
    }

    /// Verifies the next bytes of a file; the last bytes are sent only after all are verified.
    fn verify(&self, piece: &[u8]) -> io::Result<()> {
        let size = self.blob.size;
        self.with(|state| {
            let Some(verifier) = &mut state.verifier else { return Ok(()) };
            verifier.update(piece)?;
            if verifier.seen() == size { verifier.finish() } else { Ok(()) }
        })
        .map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))
    }

    fn check(&self, got: u64) -> io::Result<()> {
        let (want, size) = (self.blob.digest, self.blob.size);
        if got == size {
            return Ok(());
        }
        let cause =
            if got < size { VerifyError::Truncated { want, got, size } } else { VerifyError::TooLong { want, size } };
        Err(io::Error::new(io::ErrorKind::InvalidData, cause))
    }

    /// Returns the origin's own error, or one about this blob.
    fn fault_of(&self, cause: &io::Error) -> OperationError {
        let inner = cause.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<OperationError>()) {
            return error.clone();
        }
        let code = if self.with(|state| state.verifier.is_some()) {
            Code::DamagedCache
        } else if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<VerifyError>) {
            Code::CorruptContent
        } else {
            Code::TransferFailed
        };
        OperationError::new(code, format!("cannot read {}", self.blob.digest)).because(cause)
    }
}
