//! Errors of a configuration, with their lines.

use std::fmt;

use crate::hint::{Hint, nearest};
use crate::printable::one_line;

/// The profiles that exist without the configuration.
const BUILT_IN_PROFILES: [&str; 2] = ["default", "debug"];

/// A line of a file, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub file: String,
    pub number: usize,
}

/// An invalid configuration.
///
/// The message is one line: file and line, the full key, the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{at}: {cause}")]
    Syntax { at: Line, cause: String, hint: Option<String> },
    #[error("{at}: unknown key `{key}`")]
    UnknownKey { at: Line, key: String, hint: String },
    #[error("{at}: `{key}` {problem}")]
    Value { at: Line, key: String, problem: BadValue },
    #[error("unknown profile `{}`", one_line(name))]
    NoProfile { name: String, known: Vec<String> },
}

/// The reason for an invalid value: the rest of a sentence that begins with its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct BadValue {
    cause: String,
    hint: Option<String>,
}

impl BadValue {
    /// Creates an error such as "must be a list, not a string", without a hint.
    pub(super) fn new(cause: impl AsRef<str>) -> Self {
        Self { cause: one_line(cause.as_ref()), hint: None }
    }

    /// Adds a hint.
    pub(super) fn with_hint(self, hint: impl AsRef<str>) -> Self {
        Self { hint: Some(one_line(hint.as_ref())), ..self }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.number)
    }
}

impl ConfigError {
    /// The file that is at fault.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Syntax { at, .. } | Self::UnknownKey { at, .. } | Self::Value { at, .. } => Some(&at.file),
            Self::NoProfile { .. } => None,
        }
    }
}

impl Hint for BadValue {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::UnknownKey { hint, .. } => Some(hint.clone()),
            Self::Value { problem, .. } => problem.hint(),
            Self::NoProfile { name, known } => Some(profile_hint(name, known)),
        }
    }
}

fn profile_hint(name: &str, known: &[String]) -> String {
    let meant = nearest(name, known.iter().map(String::as_str).chain(BUILT_IN_PROFILES));
    let listed = match known {
        [] => "the configuration has no profiles".to_owned(),
        _ => format!("the configuration has {}", list(known)),
    };
    meant.map_or(listed.clone(), |meant| format!("did you mean `{meant}`? {listed}"))
}

/// Formats names for a sentence: "`a`, `b`".
pub(super) fn list(names: &[impl AsRef<str>]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{}`", one_line(name.as_ref()))).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_profile(name: &str, known: &[&str]) -> ConfigError {
        ConfigError::NoProfile { name: name.to_owned(), known: known.iter().map(|&name| name.to_owned()).collect() }
    }

    #[test]
    fn an_unknown_profile_lists_the_known_ones() {
        let error = no_profile("gzpi", &["ci", "gzip"]);
        assert_eq!(error.to_string(), "unknown profile `gzpi`");
        assert_eq!(error.hint().as_deref(), Some("did you mean `gzip`? the configuration has `ci`, `gzip`"));
        let far = no_profile("staging", &["ci"]);
        assert_eq!(far.hint().as_deref(), Some("the configuration has `ci`"));
        let none = no_profile("debgu", &[]);
        assert_eq!(none.hint().as_deref(), Some("did you mean `debug`? the configuration has no profiles"));
    }

    #[test]
    fn texts_stay_on_one_line() {
        assert_eq!(no_profile("a\nb", &[]).to_string(), "unknown profile `a\\nb`");
        assert_eq!(BadValue::new("has `a\r\n`").to_string(), "has `a\\r\\n`");
    }
}
