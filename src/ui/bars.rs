//! Bars on a terminal.
//!
//! Workers report events; a thread draws ten times a second, so no worker waits for the terminal.
//! Warnings and retries are written above the bars.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::ProgressDrawTarget;

use super::diagnostics::{errors_text, warning_text};
use super::frontend::{Frontend, Screen};
use super::line_queue;
use super::retry::{mirror_text, retry_text};
use super::rows::Rows;
use super::style::Style;
use super::summary::summary_text;
use super::tasks::Tasks;
use crate::assemble::report::Report;
use crate::diagnostic::Diagnostic;
use crate::oci::Platform;
use crate::progress::{Event, Outcome, Progress};

/// The time between two drawings. Shorter work is never drawn.
const TICK: Duration = Duration::from_millis(100);

/// Draws the work that is running.
pub struct Bars {
    screen: Screen,
    shared: Arc<Shared>,
    painter: Mutex<Painter>,
}

/// The thread that draws.
enum Painter {
    /// Starts with the next event.
    Resting,
    Drawing(JoinHandle<()>),
    /// An error was shown: nothing is drawn after it.
    Retired,
}

#[derive(Default)]
struct Shared {
    board: Mutex<Board>,
    changed: Condvar,
}

/// The state to draw.
#[derive(Default)]
struct Board {
    tasks: Tasks,
    done: usize,
    /// Lines to write above the bars.
    notes: Vec<String>,
    over: bool,
}

impl Bars {
    /// Creates bars for stderr.
    #[must_use]
    pub fn new(screen: Screen) -> Self {
        Self { screen, shared: Arc::default(), painter: Mutex::new(Painter::Resting) }
    }

    fn painter(&self) -> MutexGuard<'_, Painter> {
        self.painter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the bars and leaves the painter in the state `then`.
    fn stop(&self, then: Painter) {
        let mut painter = self.painter();
        if let Painter::Drawing(thread) = std::mem::replace(&mut *painter, then) {
            self.shared.board().over = true;
            self.shared.changed.notify_all();
            thread.join().ok();
            *self.shared.board() = Board::default();
        }
    }
}

impl Progress for Bars {
    fn on(&self, event: Event) {
        let mut painter = self.painter();
        if matches!(*painter, Painter::Retired) {
            return;
        }
        self.shared.board().take(event, Style::new(self.screen.color));
        if matches!(*painter, Painter::Resting) {
            let (shared, screen) = (Arc::clone(&self.shared), self.screen);
            *painter = Painter::Drawing(thread::spawn(move || draw(&shared, screen)));
        }
    }
}

impl Frontend for Bars {
    fn finish(&self) {
        self.stop(Painter::Resting);
    }

    fn summary(&self, report: &Report) {
        self.finish();
        line_queue::stderr(&summary_text(report, self.screen.width));
    }

    fn errors(&self, errors: &[Diagnostic], platforms: &[Platform]) {
        self.stop(Painter::Retired);
        line_queue::stderr(&errors_text(errors, platforms, Style::new(self.screen.color)));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.stop(Painter::Retired);
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the board after a tick, or as soon as it is over.
    fn next(&self) -> MutexGuard<'_, Board> {
        let waited = self.changed.wait_timeout_while(self.board(), TICK, |board| !board.over);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Board {
    fn take(&mut self, event: Event, style: Style) {
        match event {
            Event::Started { verb, subject, size } => self.tasks.start(verb, &subject, size),
            Event::Advanced { verb, subject, bytes } => {
                self.tasks.advance(verb, &subject, bytes);
            }
            Event::Ended { verb, subject, outcome } => {
                if self.tasks.end(verb, &subject).is_some() && outcome != Outcome::Failed {
                    self.done += 1;
                }
            }
            Event::Retrying { what, cause, delay } => self.notes.push(retry_text(&what, &cause, delay)),
            Event::Mirrored { repository, mirror } => self.notes.push(mirror_text(&repository, &mirror)),
            Event::Diagnostic(warning) => self.notes.push(warning_text(&warning, style)),
        }
    }

    /// Returns whether nothing has started or ended yet.
    fn is_blank(&self) -> bool {
        self.done == 0 && self.tasks.running().is_empty()
    }
}

/// Draws the board until it is over, then leaves the screen as it was.
fn draw(shared: &Shared, screen: Screen) {
    let start = Instant::now();
    let mut rows = Rows::new(ProgressDrawTarget::stderr(), screen.width, Style::new(screen.color));
    loop {
        let mut board = shared.next();
        let notes: String = board.notes.drain(..).map(|note| note + "\n").collect();
        let (running, done) = (board.tasks.running().to_vec(), board.done);
        let (over, blank) = (board.over, board.is_blank());
        drop(board);

        if !notes.is_empty() {
            rows.suspend(|| line_queue::stderr(&notes));
        }
        if over {
            rows.clear();
            return;
        }
        if !blank {
            // The templates are tested: without one, nothing is drawn.
            rows.show(&running, done, start.elapsed()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;
    use crate::progress::{Subject, Verb};

    const SCREEN: Screen = Screen { terminal: true, color: false, width: 80 };

    fn started() -> Event {
        Event::Started { verb: Verb::Pull, subject: Subject::Blob(Digest::of(b"a")), size: Some(1) }
    }

    #[test]
    fn bars_come_back_after_finish() {
        let bars = Bars::new(SCREEN);
        bars.finish();
        for _ in 0..2 {
            bars.on(started());
            assert!(matches!(*bars.painter(), Painter::Drawing(_)));
            bars.finish();
            bars.finish();
            assert!(bars.shared.board().is_blank());
        }
    }

    #[test]
    fn nothing_comes_after_an_error() {
        let bars = Bars::new(SCREEN);
        bars.on(started());
        bars.stop(Painter::Retired);
        bars.on(started());
        assert!(matches!(*bars.painter(), Painter::Retired));
        assert!(bars.shared.board().is_blank());
    }

    #[test]
    fn failed_work_is_not_done() {
        let mut board = Board::default();
        for outcome in [Outcome::Done, Outcome::Mounted, Outcome::Present, Outcome::Failed] {
            board.take(
                Event::Ended { verb: Verb::Push, subject: Subject::Blob(Digest::of(b"a")), outcome },
                Style::Bare,
            );
        }
        assert_eq!(board.done, 3);
    }
}
