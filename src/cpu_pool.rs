//! The few threads that compute.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinError;

/// The number of threads. The allocator gives each thread memory of its own and seldom returns it
/// to the system: a build with 109 wheels takes 143 to 152 MiB on four threads, 126 to 139 on two,
/// and no less time (measured on two cores).
const THREADS: usize = 2;

/// Threads for work that computes, apart from the threads that transfer.
#[derive(Clone)]
pub struct CpuPool(Handle);

/// Work that panicked: a fault of carboy's.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Panicked(#[from] JoinError);

impl CpuPool {
    /// Starts no thread yet. They live until the process ends.
    ///
    /// # Errors
    /// Errors of the system.
    pub fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().max_blocking_threads(THREADS).build()?;
        let handle = runtime.handle().clone();
        std::mem::forget(runtime); // shutting it down would wait for work that was given up
        Ok(Self(handle))
    }

    /// Does work, which must not wait for other such work.
    ///
    /// # Errors
    /// It panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Panicked> {
        Ok(self.0.spawn_blocking(work).await?)
    }
}
