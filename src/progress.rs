//! Facts about the work under way, for the front end that shows them. No text for people.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
pub use crate::image::{LayerId, LayerKind, Part};
use crate::oci::{Digest, Platform};

/// The kind of a piece of work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verb {
    /// A layer comes from the base's or builder's registry, or a wheel from an index.
    Pull,
    /// Python's sources for a layer are being compiled.
    Compile,
    /// A layer is being written and compressed.
    Pack,
    /// A blob goes to the target.
    Push,
}

/// The subject of a piece of work.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// A blob known by digest.
    Blob(Digest),
    /// A layer not yet known by digest.
    Layer { kind: LayerKind, platform: Platform },
    /// A wheel, by its file name.
    Wheel(Arc<str>),
}

/// The end of a piece of work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Done by moving or making all of it.
    Done,
    /// The cache or the target had it already.
    Present,
    /// The target's registry took it over from another of its repositories.
    Mounted,
    /// Given up: an error is on its way.
    Failed,
}

/// One fact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Work begins; `size` in bytes, when known.
    Started { verb: Verb, subject: Subject, size: Option<u64> },
    /// So many more bytes are done.
    Advanced { verb: Verb, subject: Subject, bytes: u64 },
    /// Work ended. A subject may end without having started.
    Ended { verb: Verb, subject: Subject, outcome: Outcome },
    /// A request is tried again after a while.
    Retrying { what: String, cause: String, delay: Duration },
    /// A mirror serves a repository, in this run for the first time. Both are `HOST/REPOSITORY`.
    Mirrored { repository: String, mirror: String },
    /// A warning.
    Diagnostic(Box<Diagnostic>),
}

/// Called from workers; must not block on the terminal.
pub trait Progress: Send + Sync {
    /// Takes one fact.
    fn on(&self, event: Event);

    /// Takes a warning.
    fn warn(&self, warning: Diagnostic) {
        self.on(Event::Diagnostic(Box::new(warning)));
    }
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn on(&self, _: Event) {}
}
