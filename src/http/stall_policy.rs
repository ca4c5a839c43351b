//! The slowest transfer that is accepted: a server that sends almost nothing blocks a build as one
//! that sends nothing does.
//!
//! The duration of a whole transfer is not limited.

use std::time::Duration;

/// The required speed of a connection.
#[derive(Clone, Copy, Debug)]
pub struct StallPolicy {
    /// The longest wait for an answer or for its next bytes. Over the same time, an answer's bytes
    /// must arrive at the least rate.
    pub quiet: Duration,
    /// The time over which an upload must proceed at the least rate. Progress is seen in steps: a
    /// kernel accepts more bytes once a third of its buffer, which may be a megabyte, is sent.
    pub sending: Duration,
    /// The least rate, in bytes per second.
    pub least: u64,
}

impl Default for StallPolicy {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(30), sending: Duration::from_mins(1), least: 1 << 10 }
    }
}

/// The way in which a transfer came to a standstill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stall {
    /// No bytes in this time.
    Silent(Duration),
    /// Only this number of bytes in this time.
    Slow(u64, Duration),
}

/// Measures the rate of an answer's bytes. Only the time spent waiting for bytes counts, not the
/// time in which they are processed.
#[derive(Clone, Copy)]
pub struct StallDetector {
    pub stall_policy: StallPolicy,
    waited: Duration,
    bytes: u64,
}

impl StallDetector {
    pub fn new(stall_policy: StallPolicy) -> Self {
        Self { stall_policy, waited: Duration::ZERO, bytes: 0 }
    }

    /// Counts bytes that arrived after a wait.
    ///
    /// # Errors
    /// The bytes before them arrived too slowly; only now it is certain that the answer went on.
    pub fn count(&mut self, waited: Duration, bytes: u64) -> Result<(), Stall> {
        if self.waited >= self.stall_policy.quiet {
            if self.bytes < self.stall_policy.within(self.waited) {
                return Err(Stall::Slow(self.bytes, self.waited));
            }
            *self = Self::new(self.stall_policy);
        }
        self.waited += waited;
        self.bytes += bytes;
        Ok(())
    }
}

impl StallPolicy {
    /// Returns the same policy with another longest wait, which uploads get twice.
    #[must_use]
    pub fn waiting(self, quiet: Duration) -> Self {
        Self { quiet, sending: quiet * 2, ..self }
    }

    /// Returns the number of bytes that must arrive in a time.
    pub fn within(&self, time: Duration) -> u64 {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.least.saturating_mul(millis) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_asked_of_whole_stretches_of_time() {
        let second = Duration::from_secs(1);
        let stall_policy = StallPolicy { quiet: 4 * second, least: 100, ..StallPolicy::default() };
        let mut steady = StallDetector::new(stall_policy);
        assert!((0..100).all(|_| steady.count(second, 100).is_ok()));
        let mut bursts = StallDetector::new(stall_policy);
        assert!((0..100).all(|at| bursts.count(second, if at % 4 == 0 { 400 } else { 0 }).is_ok()));
        let mut slow = StallDetector::new(stall_policy);
        let results: Vec<_> = (0..5).map(|_| slow.count(second, 99)).collect();
        assert_eq!(results, [Ok(()), Ok(()), Ok(()), Ok(()), Err(Stall::Slow(396, 4 * second))]);
        // Time spent on processing bytes does not count against the server.
        let mut waiting = StallDetector::new(stall_policy);
        assert!((0..100).all(|_| waiting.count(Duration::ZERO, 1).is_ok()));
    }
}
