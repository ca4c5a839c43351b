//! Lines for pipes and logs: one for each finished piece of work.
//!
//! Blobs that the cache or the target already has are counted, not listed.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::diagnostics::{errors_text, warning_text};
use super::frontend::{Frontend, Screen};
use super::line_queue::LineQueue;
use super::retry::{mirror_text, retry_text};
use super::size::size;
use super::style::Style;
use super::summary::summary_text;
use super::tasks::{Task, Tasks, past};
use crate::assemble::report::Report;
use crate::diagnostic::Diagnostic;
use crate::oci::Platform;
use crate::progress::{Event, Outcome, Progress, Subject, Verb};

/// Writes lines without control characters, except for errors in colour.
pub struct Plain {
    screen: Screen,
    lines: LineQueue,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tasks: Tasks,
    present: Present,
}

/// The number of pieces of work that were not necessary.
#[derive(Default)]
struct Present {
    pulled: usize,
    packed: usize,
    pushed: usize,
}

impl Plain {
    /// Creates a frontend that writes to `out`.
    pub fn new(screen: Screen, out: impl Write + Send + 'static) -> Self {
        Self { screen, lines: LineQueue::to(out), state: Mutex::default() }
    }
}

impl Progress for Plain {
    fn on(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = state.line(event) {
            self.lines.line(&line);
        }
    }
}

impl Frontend for Plain {
    fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = std::mem::take(&mut state.present).line() {
            self.lines.line(&line);
        }
        self.lines.flush();
    }

    fn summary(&self, report: &Report) {
        self.finish();
        self.lines.text(summary_text(report, self.screen.width));
        self.lines.flush();
    }

    fn errors(&self, errors: &[Diagnostic], platforms: &[Platform]) {
        self.finish();
        self.lines.text(errors_text(errors, platforms, Style::new(self.screen.color)));
        self.lines.flush();
    }
}

impl State {
    fn line(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Started { verb, subject, size } => {
                self.tasks.start(verb, &subject, size);
                None
            }
            Event::Advanced { verb, subject, bytes } => {
                self.tasks.advance(verb, &subject, bytes);
                None
            }
            Event::Ended { verb, subject, outcome } => {
                let task = self.tasks.end(verb, &subject)?;
                self.ended(&task, outcome)
            }
            Event::Retrying { what, cause, delay } => Some(retry_text(&what, &cause, delay)),
            Event::Mirrored { repository, mirror } => Some(mirror_text(&repository, &mirror)),
            Event::Diagnostic(warning) => Some(warning_text(&warning, Style::Bare)),
        }
    }
    fn ended(&mut self, task: &Task, outcome: Outcome) -> Option<String> {
        match outcome {
            Outcome::Done => Some(line(past(task.verb), task)),
            Outcome::Mounted => Some(line("mounted", task)),
            Outcome::Present => {
                self.present.add(task.verb);
                None
            }
            Outcome::Failed => None,
        }
    }
}

impl Present {
    fn add(&mut self, verb: Verb) {
        match verb {
            Verb::Pull => self.pulled += 1,
            Verb::Compile => {} // whoever compiles says nothing of what was there
            Verb::Pack => self.packed += 1,
            Verb::Push => self.pushed += 1,
        }
    }

    fn line(&self) -> Option<String> {
        let counts = [(self.pulled, Verb::Pull), (self.packed, Verb::Pack), (self.pushed, Verb::Push)];
        let parts: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, verb)| format!("{count} {}", past(verb)))
            .collect();
        (!parts.is_empty()).then(|| format!("present already: {}", parts.join(", ")))
    }
}

/// Returns `pulled sha256:3f2a9c1b04de 28.1 MB`.
fn line(done: &str, task: &Task) -> String {
    let algorithm = if matches!(task.subject, Subject::Blob(_)) { "sha256:" } else { "" };
    let bytes = task.size.or(Some(task.bytes).filter(|bytes| *bytes > 0));
    let amount = bytes.map_or_else(String::new, |bytes| format!(" {}", size(bytes)));
    format!("{done} {algorithm}{}{amount}", task.name())
}

#[cfg(test)]
mod tests {
    use super::super::line_queue::SharedBuffer;
    use super::*;
    use crate::diagnostic::Code;
    use crate::oci::Digest;
    use crate::progress::LayerKind;
    use std::time::Duration;

    #[test]
    fn finished_work_is_listed_and_spared_work_is_counted() {
        let paper = SharedBuffer::default();
        let plain = Plain::new(Screen { terminal: false, color: false, width: 80 }, paper.clone());
        let blob = |text: &str| Subject::Blob(Digest::of(text.as_bytes()));
        let layer = Subject::Layer { kind: LayerKind::Runtime, platform: Platform::new("linux", "arm64") };
        plain.on(Event::Started { verb: Verb::Pull, subject: blob("a"), size: Some(28_100_000) });
        plain.on(Event::Started { verb: Verb::Pack, subject: layer.clone(), size: None });
        plain.on(Event::Advanced { verb: Verb::Pull, subject: blob("a"), bytes: 1_000 });
        plain.on(Event::Advanced { verb: Verb::Pack, subject: layer.clone(), bytes: 61_000_000 });
        let wheel = Subject::Wheel("six-1-py3-none-any.whl".into());
        plain.on(Event::Started { verb: Verb::Pull, subject: wheel.clone(), size: Some(11_000) });
        plain.on(Event::Ended { verb: Verb::Pull, subject: wheel, outcome: Outcome::Done });
        plain.on(Event::Retrying { what: "GET x".into(), cause: "reset".into(), delay: Duration::from_millis(1500) });
        plain.on(Event::Ended { verb: Verb::Pull, subject: blob("a"), outcome: Outcome::Done });
        let warning = Diagnostic::warning(Code::UntrustedSetting, "pip.conf\u{7} is not read");
        plain.on(Event::Diagnostic(Box::new(warning.hint("move it".to_owned()))));
        plain.on(Event::Ended { verb: Verb::Pack, subject: layer, outcome: Outcome::Done });
        plain.on(Event::Ended { verb: Verb::Push, subject: blob("b"), outcome: Outcome::Done });
        plain.on(Event::Ended { verb: Verb::Push, subject: blob("c"), outcome: Outcome::Mounted });
        plain.on(Event::Ended { verb: Verb::Push, subject: blob("d"), outcome: Outcome::Failed });
        for verb in [Verb::Push, Verb::Pull, Verb::Push] {
            plain.on(Event::Ended { verb, subject: blob("e"), outcome: Outcome::Present });
        }
        plain.finish();
        plain.errors(&[Diagnostic::error(Code::AccessDenied, "denied")], &[]);
        insta::assert_snapshot!(paper.text(), @r"
        pulled six-1-py3-none-any.whl 11 kB
        retrying GET x in 1.5 s: reset
        pulled sha256:ca978112ca1b 28.1 MB
        warning[untrusted-setting]: pip.conf\u{7} is not read
          hint: move it
        packed runtime linux/arm64 61.0 MB
        pushed sha256:3e23e8160039
        mounted sha256:2e7d2c03a950
        present already: 1 pulled, 2 pushed
        error[access-denied]: denied
        ");
    }
}
