//! Uploads of blobs: opened, counted, watched for stalls.
//!
//! A blob is never held in memory as a whole. Each try opens the origin anew.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use reqwest::Body;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

use super::stall_policy::{Stall, StallPolicy};
use crate::diagnostic::Code;
use crate::oci::Descriptor;
use crate::oci::digest::{Verifier, VerifyError};
use crate::operation_error::OperationError;
use crate::progress::{Event, Progress, Subject, Verb};
use crate::repository::BlobSource;

/// The number of bytes read at a time.
const PIECE: usize = 256 << 10;
/// The number of bytes sent at a time: small enough that a slow connection shows progress.
const SLICE: usize = 16 << 10;

/// The shortest pause between two checks of a flow.
const BREATH: Duration = Duration::from_millis(10);

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// A blob to push, and the origin of its bytes.
#[derive(Clone)]
pub struct Upload {
    pub blob: Descriptor,
    pub origin: BlobSource,
    meter: Arc<Meter>,
}

/// The state of an upload.
struct Meter {
    progress: Arc<dyn Progress>,
    blob: Descriptor,
    flow: ByteFlow,
    state: Mutex<State>,
}

struct State {
    /// The number of bytes reported to `progress`, over all tries.
    reported: u64,
    /// The origin's error, if it broke off.
    fault: Option<OperationError>,
    /// The verifier of a file, which no other reader verifies.
    verifier: Option<Verifier>,
}

/// The movement of bytes towards a server, in one try.
pub struct ByteFlow(Mutex<FlowState>);

#[derive(Clone, Copy)]
struct FlowState {
    /// The number of bytes handed to the connection.
    given: u64,
    /// The time when bytes were last requested or handed over.
    moved: Instant,
    /// The begin of the current wait for the origin, which does not count against the server.
    reading: Option<Instant>,
    /// The time spent on earlier waits for the origin.
    read: Duration,
}

impl FlowState {
    fn new() -> Self {
        Self { given: 0, moved: Instant::now(), reading: None, read: Duration::ZERO }
    }

    /// Returns the time spent waiting for the origin.
    fn read(&self) -> Duration {
        self.read + self.reading.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl ByteFlow {
    /// Creates a flow without any bytes yet.
    pub fn new() -> Self {
        Self(Mutex::new(FlowState::new()))
    }

    fn with<T>(&self, change: impl FnOnce(&mut FlowState) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn restart(&self) {
        self.with(|moves| *moves = FlowState::new());
    }

    fn reads(&self, begins: bool) {
        self.with(|moves| {
            moves.read = moves.read();
            moves.reading = begins.then(Instant::now);
            moves.moved = Instant::now();
        });
    }

    /// Counts bytes; returns their number so far.
    fn give(&self, bytes: u64) -> u64 {
        self.with(|moves| {
            moves.given += bytes;
            moves.moved = Instant::now();
            moves.given
        })
    }

    fn given(&self) -> u64 {
        self.with(|moves| moves.given)
    }

    /// Streams bytes in memory, counted.
    pub fn body(self: &Arc<Self>, bytes: Bytes) -> Body {
        let slices = try_unfold((bytes, Arc::clone(self)), async |(mut bytes, flow)| {
            let slice = bytes.split_to(bytes.len().min(SLICE));
            flow.give(slice.len() as u64);
            Ok::<_, io::Error>((!slice.is_empty()).then_some((slice, (bytes, flow))))
        });
        Body::wrap_stream(slices)
    }

    /// Returns once too few of `size` bytes moved over a while, or, when all are sent, no answer
    /// arrived within `answering`.
    pub async fn stalled(&self, size: u64, stall_policy: StallPolicy, answering: Duration) -> Stall {
        // The start of the current measurement, with the bytes and the reading time before it.
        let mut mark = self.with(|moves| (Instant::now(), moves.given, moves.read()));
        loop {
            let (moves, read) = self.with(|moves| (*moves, moves.read()));
            let left = if moves.given < size {
                let (since, given, read_before) = mark;
                let sent = since.elapsed().saturating_sub(read.saturating_sub(read_before));
                let bytes = moves.given.saturating_sub(given);
                if sent >= stall_policy.sending {
                    if bytes < stall_policy.within(sent) {
                        return if bytes == 0 { Stall::Silent(sent) } else { Stall::Slow(bytes, sent) };
                    }
                    mark = (Instant::now(), moves.given, read);
                }
                stall_policy.sending.saturating_sub(sent)
            } else {
                let waited = moves.moved.elapsed();
                if waited >= answering {
                    return Stall::Silent(waited);
                }
                answering.saturating_sub(waited).min(stall_policy.sending)
            };
            tokio::time::sleep(left.max(BREATH)).await;
        }
    }
}

impl Upload {
    /// Creates an upload of which nothing is sent yet.
    pub fn new(blob: &Descriptor, origin: &BlobSource, progress: Arc<dyn Progress>) -> Self {
        let state = Mutex::new(State { reported: 0, fault: None, verifier: None });
        let meter = Meter { progress, blob: blob.clone(), flow: ByteFlow::new(), state };
        Self { blob: blob.clone(), origin: origin.clone(), meter: Arc::new(meter) }
    }

    /// Streams the blob from its beginning, for one request.
    ///
    /// # Errors
    /// The origin cannot be opened.
    pub async fn body(&self) -> Result<Body, OperationError> {
        let reader = self.open().await?;
        Ok(Body::wrap_stream(pieces(reader, Arc::clone(&self.meter))))
    }

    /// Opens the blob from its beginning, for requests of one piece each.
    ///
    /// # Errors
    /// The origin cannot be opened.
    pub async fn chunks(&self) -> Result<Chunks, OperationError> {
        Ok(Chunks { reader: self.open().await?, meter: Arc::clone(&self.meter) })
    }

    /// Takes the origin's error, if that is what broke a request.
    pub fn fault(&self) -> Option<OperationError> {
        self.meter.with(|state| state.fault.take())
    }

    /// Returns once too few bytes moved over a while, or, when all are sent, no answer arrived
    /// within `answering`.
    pub async fn stalled(&self, stall_policy: StallPolicy, answering: Duration) -> Stall {
        self.meter.flow.stalled(self.blob.size, stall_policy, answering).await
    }

    async fn open(&self) -> Result<Reader, OperationError> {
        self.meter.flow.restart();
        self.meter.with(|state| {
            state.fault = None;
            let is_file = matches!(self.origin, BlobSource::File(_));
            state.verifier = is_file.then(|| Verifier::new(self.blob.digest, self.blob.size));
        });
        match &self.origin {
            BlobSource::Bytes(bytes) => Ok(Box::pin(io::Cursor::new(bytes.clone()))),
            BlobSource::File(path) => match tokio::fs::File::open(path).await {
                Ok(file) => Ok(Box::pin(file)),
                Err(cause) => {
                    let message = format!("cannot open `{}`", path.display());
                    Err(OperationError::new(Code::DamagedCache, message).because(&cause))
                }
            },
            BlobSource::Repository(source) => source.blob(&self.blob).await,
        }
    }
}

/// A blob in pieces of the caller's size.
pub struct Chunks {
    reader: Reader,
    meter: Arc<Meter>,
}

impl Chunks {
    /// Reads the next piece, of `size` bytes unless it is the last; empty at the end.
    ///
    /// # Errors
    /// The origin breaks off.
    pub async fn next(&mut self, size: u64) -> Result<Bytes, OperationError> {
        let mut piece = Vec::new();
        let read = (&mut self.reader).take(size).read_to_end(&mut piece).await;
        read.and_then(|_| self.meter.verify(&piece)).map_err(|cause| self.meter.fault_of(&cause))?;
        Ok(Bytes::from(piece))
    }

    /// Counts a piece that has arrived.
    pub fn sent(&self, piece: &Bytes) {
        self.meter.give(piece.len() as u64);
    }

    /// Checks that the origin had the blob's whole size.
    ///
    /// # Errors
    /// It had fewer bytes.
    pub fn finish(&self) -> Result<(), OperationError> {
        self.meter.check(self.meter.flow.given()).map_err(|cause| self.meter.fault_of(&cause))
    }
}

fn pieces(reader: Reader, meter: Arc<Meter>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    try_unfold((reader, meter, Bytes::new()), async |(mut reader, meter, mut piece)| {
        if piece.is_empty() {
            meter.flow.reads(true);
            let read = meter.piece(&mut reader).await;
            meter.flow.reads(false);
            let fault = read.as_ref().err().map(|cause| meter.fault_of(cause));
            meter.with(|state| state.fault = fault);
            piece = read?;
        }
        let slice = piece.split_to(piece.len().min(SLICE));
        meter.give(slice.len() as u64);
        Ok((!slice.is_empty()).then_some((slice, (reader, meter, piece))))
    })
}

impl Meter {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts bytes; bytes of an earlier try are reported only once.
    fn give(&self, bytes: u64) {
        let given = self.flow.give(bytes);
        let news = self.with(|state| {
            let news = given.saturating_sub(state.reported);
            state.reported += news;
            news
        });
        if news > 0 {
            let subject = Subject::Blob(self.blob.digest);
            self.progress.on(Event::Advanced { verb: Verb::Push, subject, bytes: news });
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

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: StallPolicy = StallPolicy { quiet: SHORT, sending: SHORT, least: 10_000 };
    const SHORT: Duration = Duration::from_millis(300);

    /// Returns the stall, if any, of a 1 MB flow that gets `bytes` every 10 ms for two seconds. The
    /// clock is tokio's own, and is paused.
    async fn flowing(bytes: u64) -> Option<Stall> {
        let flow = ByteFlow::new();
        let give = async {
            for _ in 0..200 {
                flow.give(bytes);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = give => None,
            stall = flow.stalled(1_000_000, PACE, SHORT) => Some(stall),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_be_slow_but_not_too_slow() {
        let (steady, slow, none) = tokio::join!(flowing(1000), flowing(10), flowing(0));
        assert_eq!(steady, None);
        assert!(matches!(slow, Some(Stall::Slow(1..=310, _))), "{slow:?}");
        assert!(matches!(none, Some(Stall::Silent(_))), "{none:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_origin_or_for_an_answer_is_not_slow() {
        let (waiting, sent) = (ByteFlow::new(), ByteFlow::new());
        waiting.reads(true);
        sent.give(10);
        let (waited, answered) = tokio::join!(
            tokio::time::timeout(4 * SHORT, waiting.stalled(10, PACE, SHORT)),
            tokio::time::timeout(4 * SHORT, sent.stalled(10, PACE, 2 * SHORT)),
        );
        assert!(waited.is_err(), "{waited:?}");
        assert!(matches!(answered, Ok(Stall::Silent(time)) if time >= 2 * SHORT), "{answered:?}");
    }
}
