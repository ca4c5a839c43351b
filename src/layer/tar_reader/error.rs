//! The reasons for which an entry is not read.

use std::io;

/// The reasons for which an entry is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    #[error("{0}, which not every tar reader takes in the same way")]
    Ambiguous(&'static str),
    #[error("{0}")]
    Broken(&'static str),
    #[error("the archive ends in the middle of it")]
    Cut,
    #[error("{0}")]
    Io(io::ErrorKind),
}
