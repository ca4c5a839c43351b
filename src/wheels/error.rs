//! The error of a distribution without an available wheel.

use crate::operation_error::{OperationError, OperationErrorKind};

/// No wheel of a distribution is available.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WheelError {
    pub kind: OperationErrorKind,
    /// What was looked for and found, without the distribution's name.
    pub message: String,
    /// What `pip wheel` makes one of, where that would do: `numpy==2.3.1`.
    pub build: Option<String>,
    /// What else would do, or would do better.
    pub hint: Option<String>,
}

impl From<OperationError> for WheelError {
    fn from(OperationError { kind, message, hint }: OperationError) -> Self {
        Self { kind, message, build: None, hint }
    }
}
