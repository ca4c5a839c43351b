//! Distributions that an image lacks because of errors that are already reported.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic};

/// The distributions that the image should have and does not get. The build goes on without them
/// to find further errors, and makes no image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Unavailable {
    /// The image has all its distributions.
    #[default]
    Nothing,
    /// The image lacks distributions with these normalised names.
    Named(BTreeSet<String>),
    /// The image may lack any distribution: the lock file cannot be used.
    Unknown,
    /// The image lacks the application and may lack any distribution: the project's wheel cannot be
    /// used.
    Application,
}

/// Errors that may follow from the absence of a distribution.
const OF_ABSENCE: [Code; 2] = [Code::EntrypointNotFound, Code::MissingModule];
/// Errors that follow from a builder of another release.
const OF_RELEASES: [Code; 1] = [Code::SymbolVersion];

impl Unavailable {
    /// Returns whether the image has all its distributions.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// Returns whether a distribution may be missing for a reason that is already reported.
    /// `name` is normalised.
    #[must_use]
    pub fn may_have(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Named(names) => names.contains(name),
            Self::Unknown | Self::Application => true,
        }
    }

    /// Removes the errors that follow from others: a program that a missing distribution would
    /// bring, a symbol that only a builder of another release has.
    #[must_use]
    pub fn without_consequences(&self, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mismatch = found.iter().any(|one| one.is_error() && one.code == Code::ReleaseMismatch);
        found.retain(|one| {
            let is_absence =
                OF_ABSENCE.contains(&one.code) || one.code == Code::NoEntrypoint && *self == Self::Application;
            let follows = !self.is_nothing() && is_absence || mismatch && OF_RELEASES.contains(&one.code);
            !(one.is_error() && follows)
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consequences_of_reported_errors_are_not_reported() {
        let codes = [Code::EntrypointNotFound, Code::MissingLibrary, Code::SymbolVersion, Code::NoEntrypoint];
        let left = |unavailable: &Unavailable, more: Option<Code>| {
            let found = codes.into_iter().chain(more).map(|code| Diagnostic::error(code, "x")).collect();
            unavailable.without_consequences(found).into_iter().map(|one| one.code).collect::<Vec<_>>()
        };
        assert_eq!(left(&Unavailable::Nothing, None), codes);
        let named = Unavailable::Named(["numpy".to_owned()].into());
        assert_eq!(left(&named, None), codes[1..]);
        assert_eq!(left(&Unavailable::Unknown, None), codes[1..]);
        assert_eq!(left(&Unavailable::Application, None), codes[1..3]);
        let mismatch = Code::ReleaseMismatch;
        assert_eq!(left(&Unavailable::Nothing, Some(mismatch)), [codes[0], codes[1], codes[3], mismatch]);
        assert!(named.may_have("numpy") && !named.may_have("pandas") && Unavailable::Unknown.may_have("pandas"));
    }
}
