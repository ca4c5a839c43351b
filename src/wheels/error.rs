//! The error of a distribution without an available wheel.

use crate::diagnostic::{Code, OtherPythons};
use crate::operation_error::OperationError;

/// No wheel of a distribution is available.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WheelError {
    pub code: Code,
    /// The search and its result, without the distribution's name.
    pub message: String,
    /// The argument for `pip wheel`, if a built wheel would fit: `numpy==2.3.1`.
    pub build: Option<String>,
    /// Another way to get a wheel.
    pub hint: Option<String>,
    /// The versions of Python with wheels, if the version is the reason.
    pub other_pythons: Option<OtherPythons>,
}

impl From<OperationError> for WheelError {
    fn from(error: OperationError) -> Self {
        Self { code: error.code, message: error.line(), build: None, hint: error.hint, other_pythons: None }
    }
}
