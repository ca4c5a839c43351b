//! The movement of bytes towards a server, in one request.
//!
//! A server may answer before it has read a request's body. Nothing is sent after an answer: the
//! bytes would only provoke a reset of the connection, and with it the loss of the answer's rest.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use reqwest::Body;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::stall_policy::{Stall, StallPolicy};

/// The number of bytes sent at a time: small enough that a slow connection shows progress.
pub const SLICE: usize = 16 << 10;

/// The shortest pause between two checks of a flow.
const BREATH: Duration = Duration::from_millis(10);

/// The movement of a request's bytes.
pub struct ByteFlow {
    state: Mutex<FlowState>,
    /// The answer has begun.
    is_answered: AtomicBool,
    /// Cancelled when the answer is dropped.
    over: CancellationToken,
}

/// Ends an answered request when the last clone is dropped.
#[derive(Clone)]
pub struct Answered(#[expect(dead_code, reason = "dropping it is its use")] Arc<DropGuard>);

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
    /// Returns the time spent waiting for the origin.
    fn read(&self) -> Duration {
        self.read + self.reading.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl ByteFlow {
    /// Creates a flow without any bytes yet.
    pub fn new() -> Self {
        let state = FlowState { given: 0, moved: Instant::now(), reading: None, read: Duration::ZERO };
        Self { state: Mutex::new(state), is_answered: AtomicBool::new(false), over: CancellationToken::new() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut FlowState) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Marks the begin or the end of a wait for the origin.
    pub fn reads(&self, begins: bool) {
        self.with(|moves| {
            moves.read = moves.read();
            moves.reading = begins.then(Instant::now);
            moves.moved = Instant::now();
        });
    }

    /// Counts bytes; returns their number so far.
    pub fn give(&self, bytes: u64) -> u64 {
        self.with(|moves| {
            moves.given += bytes;
            moves.moved = Instant::now();
            moves.given
        })
    }

    /// Returns the number of bytes so far.
    pub fn given(&self) -> u64 {
        self.with(|moves| moves.given)
    }

    /// Sends nothing more, because the answer has begun. The request ends with the returned value.
    pub fn answered(&self) -> Answered {
        self.is_answered.store(true, Ordering::Release);
        Answered(Arc::new(self.over.clone().drop_guard()))
    }

    /// Returns at once while the request is not answered.
    ///
    /// # Errors
    /// The answer arrived, and was dropped.
    pub async fn unanswered(&self) -> io::Result<()> {
        if !self.is_answered.load(Ordering::Acquire) {
            return Ok(());
        }
        self.over.cancelled().await;
        Err(io::Error::new(io::ErrorKind::BrokenPipe, "the answer came before the end of the request"))
    }

    /// Waits before the first byte, so that an answer to the request's head can arrive.
    pub async fn hold(&self, time: Duration) {
        if !time.is_zero() {
            self.reads(true);
            tokio::time::sleep(time).await;
            self.reads(false);
        }
    }

    /// Streams bytes in memory, counted.
    pub fn body(self: &Arc<Self>, bytes: Bytes, hold: Duration) -> Body {
        let slices = try_unfold((bytes, Arc::clone(self), hold), async |(mut bytes, flow, hold)| {
            flow.hold(hold).await;
            flow.unanswered().await?;
            let slice = bytes.split_to(bytes.len().min(SLICE));
            flow.give(slice.len() as u64);
            Ok::<_, io::Error>((!slice.is_empty()).then_some((slice, (bytes, flow, Duration::ZERO))))
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

    #[tokio::test]
    async fn nothing_is_sent_after_an_answer_and_the_request_ends_with_it() {
        let flow = ByteFlow::new();
        assert!(flow.unanswered().await.is_ok());
        let answered = flow.answered();
        let rest = flow.unanswered();
        tokio::pin!(rest);
        assert!(futures_util::poll!(&mut rest).is_pending());
        let other = answered.clone();
        drop(answered);
        assert!(futures_util::poll!(&mut rest).is_pending());
        drop(other);
        assert_eq!(rest.await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
