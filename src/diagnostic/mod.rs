//! Diagnostics: errors and warnings as data. Pure.
//!
//! A [`Diagnostic`] has a stable [`Code`], a subject, a one-line message, a hint and causes.
//! Layout, grouping, colours and JSON are the front end's. The platform is attached once, at
//! the top, by the code that knows it: see [`Diagnostic::on`].

mod code;
mod diagnostics;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::oci::Platform;

pub use code::Code;
pub use diagnostics::Diagnostics;

/// The severity of a diagnostic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A fact for the report.
    Note,
    /// The image is built all the same.
    Warning,
    /// No image is built or published.
    Error,
}

/// The things that a diagnostic is about. Fields that do not apply are empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Subject {
    pub platform: Option<Platform>,
    /// An image's name, as the user wrote it.
    pub image: Option<String>,
    /// A distribution with its version: `numpy 2.3.1`.
    pub distribution: Option<String>,
    /// A file of an image, or on this machine.
    pub file: Option<String>,
}

/// Facts by which front ends group diagnostics of one kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Detail {
    /// No wheel of a distribution fits.
    NoWheel {
        /// `numpy 2.3.1`.
        distribution: String,
        /// The target without its machine: `Python 3.13, glibc 2.41`.
        target: String,
        /// `3.13`.
        python: String,
        /// The reason, without the distribution's name.
        reason: String,
        /// The argument with which `pip wheel` builds one, where that helps: `numpy==2.3.1`.
        build: Option<String>,
        /// The versions of Python with wheels, if the version is the reason.
        other_pythons: Option<OtherPythons>,
    },
    /// Lines to put into a file, one of which is meant, below a sentence that says so.
    Lines { head: String, lines: Vec<String> },
    /// A shared library that neither the image nor the builder has.
    MissingLibrary { soname: String, needed_by: String },
    /// Several distributions have no wheel that fits. `builds` are the arguments with which
    /// `pip wheel` builds them.
    WheelsToBuild { python: String, builds: Vec<String> },
}

/// The versions of Python that a distribution has wheels for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct OtherPythons {
    /// The minor versions of Python 3 for which a wheel fits the platform.
    pub minors: BTreeSet<u32>,
    /// `true` if another Python alone would make the nearest wheels fit.
    pub is_only_reason: bool,
}

/// An error or a warning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    pub subject: Subject,
    /// One sentence without a full stop.
    pub message: String,
    /// The fix, when there is one to suggest: a sentence without a full stop.
    pub hint: Option<String>,
    /// The messages of the errors below this one, the nearest first.
    pub causes: Vec<String>,
    pub detail: Option<Detail>,
}

impl Diagnostic {
    /// Returns an error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// Returns a warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    /// Returns a fact for the report.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message.into())
    }

    fn new(severity: Severity, code: Code, message: String) -> Self {
        Self { severity, code, subject: Subject::default(), message, hint: None, causes: Vec::new(), detail: None }
    }

    /// Returns an error whose message and causes are those of `error` and its sources.
    pub fn of(code: Code, error: &dyn Error) -> Self {
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        Self { causes, ..Self::error(code, error.to_string()) }
    }

    /// Returns an error with a message of its own, caused by `error` and its sources.
    pub fn caused(code: Code, message: impl Into<String>, error: &dyn Error) -> Self {
        let of_cause = Self::of(code, error);
        let causes = std::iter::once(of_cause.message).chain(of_cause.causes).collect();
        Self { causes, ..Self::error(code, message) }
    }

    /// Adds a hint, when there is one.
    #[must_use]
    pub fn hint(self, hint: impl Into<Option<String>>) -> Self {
        Self { hint: hint.into().or(self.hint), ..self }
    }

    /// Attaches the platform that it was found on, unless it has one.
    #[must_use]
    pub fn on(mut self, platform: &Platform) -> Self {
        self.subject.platform.get_or_insert_with(|| platform.clone());
        self
    }

    /// Names the image that it is about.
    #[must_use]
    pub fn image(mut self, name: impl Into<String>) -> Self {
        self.subject.image = Some(name.into());
        self
    }

    /// Names the distribution that it is about.
    #[must_use]
    pub fn distribution(mut self, name: impl Into<String>) -> Self {
        self.subject.distribution = Some(name.into());
        self
    }

    /// Names the file that it is about.
    #[must_use]
    pub fn file(mut self, path: impl fmt::Display) -> Self {
        self.subject.file = Some(path.to_string());
        self
    }

    /// Adds the facts that it is grouped by.
    #[must_use]
    pub fn detail(self, detail: Detail) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Returns the message and its causes in one line, as in `cannot read x: permission denied`.
    #[must_use]
    pub fn line(&self) -> String {
        std::iter::once(&self.message).chain(&self.causes).map(String::as_str).collect::<Vec<_>>().join(": ")
    }

    /// Returns whether it stops the build.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Error for Diagnostic {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Returns the messages of an error and of its sources in one line: `cannot read x: permission
/// denied`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    Diagnostic::of(Code::Internal, error).line()
}

/// Returns the first names of a list, and how many more there are: `a, b and 3 more`.
#[must_use]
pub fn some_of(names: &[String], most: usize) -> String {
    // One more name takes no more room than `and 1 more`.
    let most = if names.len() == most + 1 { names.len() } else { names.len().min(most) };
    let (shown, rest) = names.split_at(most);
    match (shown, rest.len()) {
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (shown, 0) => shown.concat(),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_up_to_a_number() {
        let told = |count: usize| some_of(&["a", "b", "c", "d", "e"].map(str::to_owned)[..count], 2);
        assert_eq!([1, 2, 3, 4, 5].map(told), ["a", "a and b", "a, b and c", "a, b and 2 more", "a, b and 3 more"]);
    }

    #[test]
    fn causes_are_those_of_the_error() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read `x`")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::ErrorKind::NotFound.into());
        assert_eq!(chain(&error), "cannot read `x`: entity not found");
        let diagnostic = Diagnostic::of(Code::UnreadableFile, &error).file("x");
        assert_eq!(diagnostic.line(), "cannot read `x`: entity not found");
        assert_eq!(diagnostic.to_string(), "cannot read `x`");
    }

    #[test]
    fn the_first_platform_stays() {
        let platform = |arch| Platform::new("linux", arch);
        let diagnostic = Diagnostic::error(Code::MissingLibrary, "x").on(&platform("amd64")).on(&platform("arm64"));
        assert_eq!(diagnostic.subject.platform, Some(platform("amd64")));
    }
}
