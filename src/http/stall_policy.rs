//! How slow a transfer may be: who sends almost nothing holds a build up as who sends
//! nothing does.
//!
//! There is no limit on how long all of it may take.

use std::time::Duration;

/// What is asked of a connection.
#[derive(Clone, Copy, Debug)]
pub struct StallPolicy {
    /// How long an answer, or the next bytes of one, may take. Over as long a time its bytes
    /// must come at the least rate.
    pub quiet: Duration,
    /// Over how long a time an upload must go on at the least rate. It is seen in steps: a
    /// kernel takes more when a third of what it holds is gone, which may be a megabyte.
    pub sending: Duration,
    /// The least rate, in bytes a second.
    pub least: u64,
}

impl Default for StallPolicy {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(30), sending: Duration::from_mins(1), least: 1 << 10 }
    }
}

/// How a transfer came to a standstill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stall {
    /// Nothing came for so long.
    Silent(Duration),
    /// So few bytes came in so long a time.
    Slow(u64, Duration),
}

/// Watches the bytes of an answer. Only time in which they were waited for counts: what is
/// done with them is no fault of the server.
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

    /// Counts bytes that came after a while.
    ///
    /// # Errors
    /// Those before them came too slowly. That the answer went on is known only now.
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
    /// How many bytes must come in a time.
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
        // Who is slow only at reading what came is not the server.
        let mut waiting = StallDetector::new(stall_policy);
        assert!((0..100).all(|_| waiting.count(Duration::ZERO, 1).is_ok()));
    }
}
