//! A queue of lines for stderr.
//!
//! Workers queue lines and continue; a thread writes them, so a slow reader of the pipe blocks no
//! worker. Errors of writing are ignored: they cannot be reported anywhere.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// A queue of lines, in order.
pub struct LineQueue {
    queue: Sender<Order>,
}

enum Order {
    Write(String),
    /// Answers after all earlier orders are written.
    Flush(Sender<()>),
}

impl LineQueue {
    /// Starts to write to `out`.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        let (queue, orders) = mpsc::channel();
        thread::spawn(move || work(out, &orders));
        Self { queue }
    }

    /// Queues a line.
    pub fn line(&self, text: &str) {
        self.text(format!("{text}\n"));
    }

    /// Queues text that contains its newlines.
    pub fn text(&self, text: String) {
        self.queue.send(Order::Write(text)).ok();
    }

    /// Waits until everything in the queue is written.
    pub fn flush(&self) {
        let (done, written) = mpsc::channel();
        self.queue.send(Order::Flush(done)).ok();
        written.recv().ok();
    }
}

fn work(mut out: impl Write, orders: &Receiver<Order>) {
    for order in orders {
        match order {
            Order::Write(text) => write(&mut out, &text),
            Order::Flush(done) => done.send(()).unwrap_or_default(),
        }
    }
}

/// Writes to stderr immediately.
pub fn stderr(text: &str) {
    write(&mut std::io::stderr().lock(), text);
}

fn write(out: &mut impl Write, text: &str) {
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// An output whose text tests can read.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct SharedBuffer(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl SharedBuffer {
    /// Returns the written text.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[cfg(test)]
impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_waits_for_every_line() {
        let paper = SharedBuffer::default();
        let lines = LineQueue::to(paper.clone());
        (0..1_000).for_each(|number| lines.line(&number.to_string()));
        lines.flush();
        assert!(paper.text().starts_with("0\n1\n") && paper.text().ends_with("\n999\n"));
    }

    #[test]
    fn a_closed_reader_stops_nobody() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        let lines = LineQueue::to(Closed);
        lines.line("one");
        lines.flush();
        lines.line("two");
        lines.flush();
    }
}
