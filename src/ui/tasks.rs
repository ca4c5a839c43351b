//! The pieces of work that are running.

use crate::printable::one_line;
use crate::progress::{Subject, Verb};

/// A piece of work: a verb and its subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    pub verb: Verb,
    pub subject: Subject,
    /// In bytes, when known.
    pub size: Option<u64>,
    /// Done so far. More than `size` if a transfer started again.
    pub bytes: u64,
    /// The number of starts without an end.
    open: u32,
}

/// All pieces of work that have started and not ended, oldest first.
#[derive(Default)]
pub struct Tasks {
    running: Vec<Task>,
}

impl Tasks {
    /// Starts a piece of work. Several layers of one kind that are packed at once are one piece.
    pub fn start(&mut self, verb: Verb, subject: &Subject, size: Option<u64>) {
        if let Some(task) = self.find(verb, subject) {
            task.open += 1;
            task.size = task.size.zip(size).map(|(one, other)| one.saturating_add(other));
        } else {
            self.running.push(Task { verb, subject: subject.clone(), size, bytes: 0, open: 1 });
        }
    }

    /// Adds bytes to a piece of work; returns the piece, if it has started.
    pub fn advance(&mut self, verb: Verb, subject: &Subject, bytes: u64) -> Option<&Task> {
        let task = self.find(verb, subject)?;
        task.bytes = task.bytes.saturating_add(bytes);
        Some(task)
    }

    /// Ends a piece of work; returns the piece, unless a part of it is still running. A piece that
    /// never started has no size.
    pub fn end(&mut self, verb: Verb, subject: &Subject) -> Option<Task> {
        let Some(at) = self.running.iter().position(|task| task.is(verb, subject)) else {
            return Some(Task { verb, subject: subject.clone(), size: None, bytes: 0, open: 0 });
        };
        self.running[at].open -= 1;
        (self.running[at].open == 0).then(|| self.running.remove(at))
    }

    /// Returns all pieces of work.
    #[must_use]
    pub fn running(&self) -> &[Task] {
        &self.running
    }

    fn find(&mut self, verb: Verb, subject: &Subject) -> Option<&mut Task> {
        self.running.iter_mut().find(|task| task.is(verb, subject))
    }
}

impl Task {
    fn is(&self, verb: Verb, subject: &Subject) -> bool {
        self.verb == verb && self.subject == *subject
    }

    /// Returns `pull`.
    #[must_use]
    pub fn present(&self) -> &'static str {
        present(self.verb)
    }

    /// Returns `3f2a9c1b04de`, `runtime linux/arm64`, `six-1.17.0-py2.py3-none-any.whl`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.subject {
            Subject::Blob(digest) => digest.short(),
            Subject::Layer { kind, platform } => one_line(&format!("{} {platform}", kind.name())),
            Subject::Wheel(name) => one_line(name),
        }
    }
}

/// Returns `pull`.
#[must_use]
pub fn present(verb: Verb) -> &'static str {
    match verb {
        Verb::Pull => "pull",
        Verb::Compile => "compile",
        Verb::Pack => "pack",
        Verb::Push => "push",
    }
}

/// Returns `pulled`.
#[must_use]
pub fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Pull => "pulled",
        Verb::Compile => "compiled",
        Verb::Pack => "packed",
        Verb::Push => "pushed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Digest, Platform};
    use crate::progress::LayerKind;

    #[test]
    fn layers_of_one_kind_are_one_piece_until_the_last_ends() {
        let subject = Subject::Layer { kind: LayerKind::Dependencies, platform: Platform::new("linux", "arm64") };
        let mut tasks = Tasks::default();
        tasks.start(Verb::Pack, &subject, Some(10));
        tasks.start(Verb::Pack, &subject, Some(20));
        tasks.advance(Verb::Pack, &subject, 7);
        assert!(tasks.advance(Verb::Push, &subject, 7).is_none());
        assert_eq!(tasks.running().len(), 1);
        assert_eq!(tasks.end(Verb::Pack, &subject), None);
        let task = tasks.end(Verb::Pack, &subject).unwrap();
        assert_eq!((task.size, task.bytes, task.name().as_str()), (Some(30), 7, "dependencies linux/arm64"));
        assert!(tasks.running().is_empty());
    }

    #[test]
    fn what_never_started_may_end() {
        let subject = Subject::Blob(Digest::of(b"carboy"));
        let task = Tasks::default().end(Verb::Push, &subject).unwrap();
        assert_eq!((task.size, task.bytes), (None, 0));
    }
}
