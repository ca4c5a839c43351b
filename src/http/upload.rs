//! A blob's bytes on their way out: opened, counted, watched for standstill.
//!
//! Never whole in memory. Each try opens the origin anew.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use reqwest::Body;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

use super::failure::{corrupt, other};
use crate::oci::Descriptor;
use crate::oci::digest::{Verifier, VerifyError};
use crate::ports::{Origin, PortError, PortErrorKind};
use crate::progress::{Event, Progress, Subject, Verb};

/// How much is read and sent at a time.
const PIECE: usize = 256 << 10;

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// A blob to push, and where its bytes are.
#[derive(Clone)]
pub struct Upload {
    pub blob: Descriptor,
    pub origin: Origin,
    meter: Arc<Meter>,
}

/// What is known of an upload under way.
struct Meter {
    progress: Arc<dyn Progress>,
    blob: Descriptor,
    state: Mutex<State>,
}

struct State {
    /// Bytes given out in this try.
    given: u64,
    /// Bytes told to `progress`, in all tries.
    told: u64,
    /// When bytes were last asked for or given out.
    moved: Instant,
    /// The origin is being waited for, which is no fault of the registry.
    reading: bool,
    /// Why the origin gave no more bytes.
    fault: Option<PortError>,
    /// Of a file, which nobody else verifies.
    verifier: Option<Verifier>,
}

impl Upload {
    /// An upload of which nothing is sent yet.
    pub fn new(blob: &Descriptor, origin: &Origin, progress: Arc<dyn Progress>) -> Self {
        let state = State { given: 0, told: 0, moved: Instant::now(), reading: false, fault: None, verifier: None };
        let meter = Meter { progress, blob: blob.clone(), state: Mutex::new(state) };
        Self { blob: blob.clone(), origin: origin.clone(), meter: Arc::new(meter) }
    }

    /// The blob from its beginning, for one request.
    ///
    /// # Errors
    /// The origin cannot be opened.
    pub async fn body(&self) -> Result<Body, PortError> {
        let reader = self.open().await?;
        Ok(Body::wrap_stream(pieces(reader, Arc::clone(&self.meter))))
    }

    /// The blob from its beginning, piece by piece, for many requests.
    ///
    /// # Errors
    /// The origin cannot be opened.
    pub async fn chunks(&self) -> Result<Chunks, PortError> {
        Ok(Chunks { reader: self.open().await?, meter: Arc::clone(&self.meter) })
    }

    /// Why the origin gave no more bytes, when that is what broke a request.
    pub fn fault(&self) -> Option<PortError> {
        self.meter.with(|state| state.fault.take())
    }

    /// Returns once no byte moved for `sending`, or, when all are sent, no answer
    /// came for `answering`.
    pub async fn stalled(&self, sending: Duration, answering: Duration) -> Duration {
        loop {
            let (moved, limit) = self.meter.with(|state| {
                let limit = if state.given < self.blob.size { sending } else { answering };
                (if state.reading { Instant::now() } else { state.moved }, limit)
            });
            if moved.elapsed() >= limit {
                return limit;
            }
            tokio::time::sleep_until(moved + limit).await;
        }
    }

    async fn open(&self) -> Result<Reader, PortError> {
        self.meter.with(|state| {
            state.given = 0;
            state.moved = Instant::now();
            state.reading = false;
            state.fault = None;
            let is_file = matches!(self.origin, Origin::File(_));
            state.verifier = is_file.then(|| Verifier::new(self.blob.digest, self.blob.size));
        });
        match &self.origin {
            Origin::Bytes(bytes) => Ok(Box::pin(io::Cursor::new(bytes.clone()))),
            Origin::File(path) => match tokio::fs::File::open(path).await {
                Ok(file) => Ok(Box::pin(file)),
                Err(cause) => Err(PortError {
                    kind: PortErrorKind::Damaged,
                    ..other(format!("cannot open {}: {cause}", path.display()))
                }),
            },
            Origin::Repository(source) => source.blob(&self.blob).await,
        }
    }
}

/// A blob in pieces of the caller's size.
pub struct Chunks {
    reader: Reader,
    meter: Arc<Meter>,
}

impl Chunks {
    /// The next piece, of `size` bytes unless it is the last; empty at the end.
    ///
    /// # Errors
    /// The origin breaks off.
    pub async fn next(&mut self, size: u64) -> Result<Bytes, PortError> {
        let mut piece = Vec::new();
        let read = (&mut self.reader).take(size).read_to_end(&mut piece).await;
        read.and_then(|_| self.meter.verify(&piece)).map_err(|cause| self.meter.fault_of(&cause))?;
        Ok(Bytes::from(piece))
    }

    /// Tells that a piece has arrived.
    pub fn sent(&self, piece: &Bytes) {
        self.meter.give(piece.len() as u64);
    }

    /// Checks that the origin had as many bytes as it should.
    ///
    /// # Errors
    /// It had fewer.
    pub fn finish(&self) -> Result<(), PortError> {
        self.meter.check(self.meter.with(|state| state.given)).map_err(|cause| corrupt(cause.to_string()))
    }
}

fn pieces(reader: Reader, meter: Arc<Meter>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    try_unfold((reader, meter), async |(mut reader, meter)| {
        meter.with(|state| state.reading = true);
        let piece = meter.piece(&mut reader).await;
        let fault = piece.as_ref().err().map(|cause| meter.fault_of(cause));
        meter.with(|state| {
            state.reading = false;
            state.moved = Instant::now();
            state.fault = fault;
        });
        let piece = piece?;
        meter.give(piece.len() as u64);
        Ok((!piece.is_empty()).then_some((piece, (reader, meter))))
    })
}

impl Meter {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts bytes; those of an earlier try are not told twice.
    fn give(&self, bytes: u64) {
        let news = self.with(|state| {
            state.given += bytes;
            let news = state.given.saturating_sub(state.told);
            state.told += news;
            news
        });
        if news > 0 {
            let subject = Subject::Blob(self.blob.digest);
            self.progress.on(Event::Advanced { verb: Verb::Push, subject, bytes: news });
        }
    }

    /// The next piece; empty at the end. The last bytes are held back until the
    /// origin has confirmed its end: nobody reads on after the promised length.
    async fn piece(&self, reader: &mut Reader) -> io::Result<Bytes> {
        let mut piece = Vec::with_capacity(PIECE);
        reader.take(PIECE as u64).read_buf(&mut piece).await?;
        self.verify(&piece)?;
        let mut given = self.with(|state| state.given) + piece.len() as u64;
        if piece.is_empty() || given >= self.blob.size {
            given += reader.read(&mut [0]).await? as u64;
            self.check(given)?;
        }
        Ok(Bytes::from(piece))
    }

    /// Verifies the next bytes of a file: before the last of them are sent, all are.
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

    /// The origin's error as it came, or in words about this blob.
    fn fault_of(&self, cause: &io::Error) -> PortError {
        let inner = cause.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<PortError>()) {
            return error.clone();
        }
        let message = format!("reading {} failed: {cause}", self.blob.digest);
        if self.with(|state| state.verifier.is_some()) {
            PortError { kind: PortErrorKind::Damaged, ..other(message) }
        } else if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<VerifyError>) {
            corrupt(message)
        } else {
            other(message)
        }
    }
}
