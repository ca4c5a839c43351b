//! The local inputs of the application stage.

use std::sync::Arc;

use crate::python::entrypoint::{Entrypoint, EntrypointCandidates};
use crate::python::wheel::Installed;
use crate::rootfs::{LocalFile, Walk};

/// The application of one platform.
#[derive(Clone, Debug)]
pub enum Application {
    /// The files of its directory.
    Files {
        walk: Arc<Walk>,
        /// The command that starts it, if the plan has none.
        start: Option<Vec<String>>,
    },
    /// The installed content of its wheel.
    Wheel {
        installed: Arc<Installed>,
        /// The script that starts it, if the plan has none; otherwise the candidates.
        start: Result<Entrypoint, EntrypointCandidates>,
    },
}

impl Application {
    /// Returns the command that starts it, if the plan has none.
    #[must_use]
    pub fn start(&self) -> Option<Vec<String>> {
        match self {
            Self::Files { start, .. } => start.clone(),
            Self::Wheel { start, .. } => start.as_ref().ok().map(|start| start.command("")),
        }
    }

    /// Returns the commands that could start it.
    pub(super) fn candidates(&self) -> EntrypointCandidates {
        match self {
            Self::Files { .. } => EntrypointCandidates::default(),
            Self::Wheel { start, .. } => start.as_ref().err().cloned().unwrap_or_default(),
        }
    }
}

/// The files of a `[[copy]]` table.
#[derive(Clone, Debug)]
pub enum CopiedFiles {
    File(LocalFile),
    Directory(Arc<Walk>),
}
