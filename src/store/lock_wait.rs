//! Waits for locks of other processes (flock(2)), with a limit: a process that is stopped while it
//! holds a lock must not block all others.

use std::fs::TryLockError;
use std::time::Duration;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Tries to lock until that succeeds or fails, or `limit` is over.
///
/// # Errors
/// `WouldBlock` when another process still holds the lock; a file system without locks.
pub(super) fn wait(limit: Duration, lock: impl Fn() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    let mut waited = Duration::ZERO;
    loop {
        match lock() {
            Err(TryLockError::WouldBlock) if waited < limit => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            done => return done,
        }
    }
}
