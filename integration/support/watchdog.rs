//! Ends the test process when a step hangs, and names the step.
//!
//! Tests do not compare times: a slow machine is no failure. A reader that never returns is one.

use std::io::{Write as _, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Thousands of times longer than a step takes.
const LIMIT: Duration = Duration::from_mins(10);

/// Watches steps until it is dropped.
pub struct Watchdog(Sender<String>);

impl Watchdog {
    pub fn start() -> Self {
        let (sender, steps) = channel::<String>();
        std::thread::spawn(move || {
            let mut step = "the first step".to_owned();
            loop {
                match steps.recv_timeout(LIMIT) {
                    Ok(next) => step = next,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let _ = writeln!(stderr(), "{step} hangs: it has run for {LIMIT:?}");
                        std::process::abort();
                    }
                }
            }
        });
        Self(sender)
    }

    /// Names the step that begins now.
    pub fn step(&self, name: impl Into<String>) {
        self.0.send(name.into()).unwrap();
    }
}
