//! A proxy whose connections break now and then, in the middle of the bytes of either side.

#![allow(dead_code, reason = "every test target takes what it needs")]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// Every connection with this number breaks.
const EVERY: u64 = 4;

/// The proxy; it ends with this value.
pub struct BreakingProxy {
    pub host: String,
    broken: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl BreakingProxy {
    /// Passes bytes on to `to`, and breaks some connections after `bytes` of them.
    pub fn start(to: &str, bytes: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (broken, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, end, to) = (broken.clone(), ended.clone(), to.to_owned());
        thread::spawn(move || {
            let streams = listener.incoming().flatten().take_while(|_| !end.load(Ordering::Relaxed));
            for (number, client) in streams.enumerate() {
                let left = if (number as u64).is_multiple_of(EVERY) { bytes } else { u64::MAX };
                let left = Arc::new(AtomicU64::new(left));
                let server = TcpStream::connect(&to).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (left, count) = (left.clone(), count.clone());
                    thread::spawn(move || pass(from, to, &left, &count));
                }
            }
        });
        Self { host, broken, ended }
    }

    /// The number of connections that were broken.
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }
}

impl Drop for BreakingProxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.host); // wakes the listener
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, left: &AtomicU64, broken: &AtomicUsize) {
    let mut passed = || -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        loop {
            let bytes = from.read(&mut buffer)?;
            if bytes == 0 {
                return to.shutdown(Shutdown::Write);
            }
            let before = left.load(Ordering::Relaxed);
            left.store(before.saturating_sub(bytes as u64), Ordering::Relaxed);
            if before <= bytes as u64 {
                to.write_all(&buffer[..usize::try_from(before).unwrap_or_default()])?;
                broken.fetch_add(1, Ordering::Relaxed);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            to.write_all(&buffer[..bytes])?;
        }
    };
    if passed().is_err() {
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
