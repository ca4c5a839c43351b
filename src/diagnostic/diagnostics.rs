//! Errors that are collected while work goes on, so that one run reports all of them.

use std::sync::{Mutex, PoisonError};

use super::Diagnostic;

/// Collects errors. The work that found one goes on without the thing that failed.
#[derive(Debug, Default)]
pub struct Diagnostics(Mutex<Vec<Diagnostic>>);

impl Diagnostics {
    /// Adds an error, unless the same one was added before.
    pub fn add(&self, error: Diagnostic) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.contains(&error) {
            found.push(error);
        }
    }

    /// Adds errors, each of them once.
    pub fn extend(&self, errors: impl IntoIterator<Item = Diagnostic>) {
        errors.into_iter().for_each(|error| self.add(error));
    }

    /// Returns whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Returns the errors in the order of their discovery.
    #[must_use]
    pub fn all(&self) -> Vec<Diagnostic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn each_error_is_kept_once_and_in_order() {
        let errors = ["b", "a", "b"].map(|text| Diagnostic::error(Code::NoWheel, text));
        let found = Diagnostics::default();
        assert!(found.is_empty());
        found.extend(errors);
        let texts: Vec<_> = found.all().into_iter().map(|error| error.message).collect();
        assert_eq!((texts, found.is_empty()), (vec!["b".to_owned(), "a".to_owned()], false));
    }
}
