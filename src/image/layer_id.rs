//! The layers that carboy makes, and how an image's history names them.

use serde::{Deserialize, Serialize};

/// A layer that carboy makes, from what changes least to what changes most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum LayerKind {
    /// The interpreter, its standard library and their libraries.
    Runtime,
    /// The files of `[[extract]]`.
    Extract,
    /// The libraries that only the dependencies need.
    Libraries,
    /// Site-packages.
    Dependencies,
    /// The application, copies, accounts and folders.
    Application,
}

/// One of the layers that carboy makes. Their order is that of the image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LayerId {
    pub kind: LayerKind,
    pub part: Part,
}

/// The part of its kind that a layer holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Part {
    /// One large distribution: `numpy 2.3.1`.
    Distribution(String),
    /// All that has no layer of its own.
    Rest,
}

impl LayerKind {
    /// All of them, the lowest first.
    pub const ALL: [Self; 5] = [Self::Runtime, Self::Extract, Self::Libraries, Self::Dependencies, Self::Application];

    /// Returns the name in layers' history and in what is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Extract => "extract",
            Self::Libraries => "libraries",
            Self::Dependencies => "dependencies",
            Self::Application => "application",
        }
    }

    /// Returns the beginning of a layer's history entry.
    fn created_by(self) -> String {
        format!("carboy: {}", self.name())
    }

    /// Returns the kind that a layer's history tells; none for layers of others.
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
    /// Returns the name of the only distribution in it.
    #[must_use]
    pub fn distribution(&self) -> Option<&str> {
        match &self.part {
            Part::Distribution(name) => Some(name),
            Part::Rest => None,
        }
    }

    /// Returns a layer's history entry; `python` is the runtime's version.
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
