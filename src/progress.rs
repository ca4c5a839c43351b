//! Facts about the work under way, for whoever shows them. No text for people.

use std::sync::Arc;
use std::time::Duration;

use crate::oci::{Digest, Platform};

/// What is being done.
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

/// A layer that carboy makes, from what changes least to what changes most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LayerKind {
    /// The interpreter, its standard library and their libraries.
    Runtime,
    /// What only this project takes out of images.
    Libraries,
    /// Site-packages.
    Dependencies,
    /// The application, copies, accounts and folders.
    Application,
}

/// One of the layers that carboy makes. Their order is that of the image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LayerId {
    pub kind: LayerKind,
    pub part: Part,
}

/// What of its kind a layer holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// One large distribution: `numpy 2.3.1`.
    Distribution(String),
    /// All that has no layer of its own.
    Rest,
}

/// What it is done to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// A blob known by digest.
    Blob(Digest),
    /// A layer not yet known by digest.
    Layer { kind: LayerKind, platform: Platform },
    /// A wheel, by its file name.
    Wheel(Arc<str>),
}

/// How a piece of work ended.
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
    /// Something that the user should know, and that stops nothing.
    Warning(String),
}

impl LayerKind {
    /// All of them, the lowest first.
    pub const ALL: [Self; 4] = [Self::Runtime, Self::Libraries, Self::Dependencies, Self::Application];

    /// The name in layers' history and in what is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Libraries => "libraries",
            Self::Dependencies => "dependencies",
            Self::Application => "application",
        }
    }

    /// What a layer's history says of it, at least.
    fn created_by(self) -> String {
        format!("carboy: {}", self.name())
    }

    /// The kind that a layer's history tells; none for layers of others.
    #[must_use]
    pub fn of_history(created_by: &str) -> Option<Self> {
        let is = |kind: &Self| {
            let rest = created_by.strip_prefix(&kind.created_by());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        Self::ALL.into_iter().find(is)
    }
}

impl LayerId {
    /// The name of the only distribution in it.
    #[must_use]
    pub fn distribution(&self) -> Option<&str> {
        match &self.part {
            Part::Distribution(name) => Some(name),
            Part::Rest => None,
        }
    }

    /// What a layer's history says of it; `python` is the runtime's version.
    #[must_use]
    pub fn created_by(&self, python: Option<&str>) -> String {
        let python = python.filter(|_| self.kind == LayerKind::Runtime).map(|version| format!("python {version}"));
        let detail = python.or_else(|| self.distribution().map(str::to_owned));
        self.kind.created_by() + &detail.map_or_else(String::new, |detail| format!(" ({detail})"))
    }
}

impl From<LayerKind> for LayerId {
    fn from(kind: LayerKind) -> Self {
        Self { kind, part: Part::Rest }
    }
}

/// Called from workers; must not block on the terminal.
pub trait Progress: Send + Sync {
    /// Takes one fact.
    fn on(&self, event: Event);
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn on(&self, _: Event) {}
}
