//! The error of an operation on something outside: a registry, an index, the disk.

use std::error::Error;

use crate::diagnostic::{Code, Diagnostic, chain};
use crate::hint::Hint;

/// A failed operation, with its code, its cause and a hint.
///
/// The message names the operation and the thing that it failed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OperationError {
    pub code: Code,
    pub message: String,
    pub hint: Option<String>,
    #[source]
    pub cause: Option<Cause>,
}

/// The message of an error that led to another one, and its own cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Cause {
    message: String,
    #[source]
    next: Option<Box<Cause>>,
}

impl OperationError {
    /// Returns an error without a cause and a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, cause: None }
    }

    /// Adds the error or the text that led to it.
    #[must_use]
    pub fn because(self, cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Adds the fix.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns the message and the causes in one line.
    #[must_use]
    pub fn line(&self) -> String {
        chain(self)
    }

    /// Returns the error as a diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::of(self.code, self).hint(self.hint.clone())
    }
}

impl<E: Error + ?Sized> From<&E> for Cause {
    fn from(error: &E) -> Self {
        let next = error.source().map(|source| Box::new(Self::from(source)));
        Self { message: error.to_string(), next }
    }
}

impl From<String> for Cause {
    fn from(message: String) -> Self {
        Self { message, next: None }
    }
}

impl Hint for OperationError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_causes_are_kept() {
        let inner =
            OperationError::new(Code::UnreadableFile, "cannot read `x`").because("it is a directory".to_owned());
        let error = OperationError::new(Code::UnusableCache, "cannot open the cache").because(&inner).with_hint("y");
        assert_eq!(error.line(), "cannot open the cache: cannot read `x`: it is a directory");
        let diagnostic = error.diagnostic();
        assert_eq!((diagnostic.code, diagnostic.hint.as_deref()), (Code::UnusableCache, Some("y")));
        assert_eq!(diagnostic.causes, ["cannot read `x`", "it is a directory"]);
    }
}
