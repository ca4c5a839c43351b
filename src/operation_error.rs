//! The error of an operation on something outside: a registry, an index, the disk.

use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint;

/// A failed operation, with a hint.
///
/// The message names what was being done and to what; causes follow after `: `.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct OperationError {
    pub kind: OperationErrorKind,
    pub message: String,
    pub hint: Option<String>,
}

/// The kind of failure, for callers that handle some kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationErrorKind {
    /// There is no such image, tag or blob.
    NotFound,
    /// Credentials are missing, wrong, or not enough.
    Denied,
    /// Received bytes are not what their digest promised.
    Corrupt,
    /// A file of the cache is not what its digest promised.
    Damaged,
    /// Anything else.
    Other,
}

impl OperationErrorKind {
    /// The code of its diagnostic.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::Denied => Code::AccessDenied,
            Self::Corrupt => Code::CorruptContent,
            Self::Damaged => Code::DamagedCache,
            Self::Other => Code::TransferFailed,
        }
    }
}

impl OperationError {
    /// The error as a diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::of(self.kind.code(), self).hint(self.hint.clone())
    }
}

impl Hint for OperationError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
