//! The local inputs of the application stage.

use std::sync::Arc;

use crate::python::entrypoint::{EntrypointCandidates, Start};
use crate::python::wheel::Installed;
use crate::rootfs::{LocalFile, Walk};

/// The application of one platform.
#[derive(Clone, Debug)]
pub enum Application {
    /// The files of its directory.
    Files {
        walk: Arc<Walk>,
        /// The command that starts it, if the plan has none; otherwise the candidates.
        start: Result<Start, EntrypointCandidates>,
    },
    /// The installed content of its wheel.
    Wheel {
        installed: Arc<Installed>,
        /// The command that starts it, if the plan has none; otherwise the candidates.
        start: Result<Start, EntrypointCandidates>,
    },
}

impl Application {
    /// Returns the command that starts it, or else the candidates.
    pub(super) fn start(&self) -> Result<&Start, &EntrypointCandidates> {
        match self {
            Self::Files { start, .. } | Self::Wheel { start, .. } => start.as_ref(),
        }
    }
}

/// The files of a `[[copy]]` table.
#[derive(Clone, Debug)]
pub enum CopiedFiles {
    File(LocalFile),
    Directory(Arc<Walk>),
}
