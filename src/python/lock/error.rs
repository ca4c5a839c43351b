//! Errors of lock files.
//!
//! Messages name the file, with the line or the distribution. They are one line, and show no
//! credentials of URLs.

use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint;
use crate::printable::one_line;

/// An invalid lock file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{at}: {cause}")]
pub struct LockError {
    at: String,
    cause: String,
    hint: Option<String>,
    excluded: Option<ExcludedPython>,
}

/// A Python that a lock file excludes.
#[derive(Clone, PartialEq, Eq, Debug)]
struct ExcludedPython {
    /// The requirement that excludes it.
    requires: String,
    /// Another fix, as in: change `requires-python` and `uv lock`.
    instead: Option<String>,
}

impl LockError {
    /// Creates an error such as "has no hash". `at` is `requirements.txt:12` or ``uv.lock: `numpy`
    /// ``.
    pub(super) fn new(at: impl AsRef<str>, cause: impl AsRef<str>) -> Self {
        Self { at: clean(at.as_ref()), cause: clean(cause.as_ref()), hint: None, excluded: None }
    }

    /// Adds a hint.
    pub(super) fn with_hint(self, hint: impl AsRef<str>) -> Self {
        Self { hint: Some(shown(hint.as_ref())), ..self }
    }

    /// Creates the error for a Python that a lock file excludes. `instead` is what else fixes it
    /// than another Python.
    pub(super) fn excluded(at: &str, requires: &str, version: &str, instead: Option<String>) -> Self {
        let error = Self::new(at, format!("requires Python {requires}, and the image's is {version}"));
        Self { excluded: Some(ExcludedPython { requires: requires.to_owned(), instead }), ..error }
            .choosing("choose another `python`")
    }

    /// Returns the requirement on Python that the image's does not meet, if the error is about one.
    #[must_use]
    pub fn required_python(&self) -> Option<&str> {
        self.excluded.as_ref().map(|excluded| excluded.requires.as_str())
    }

    /// Sets how to choose another Python in the hint about a Python that the file excludes.
    #[must_use]
    pub fn choosing(self, how: &str) -> Self {
        let hint = match self.excluded.as_ref().map(|excluded| &excluded.instead) {
            None => return self,
            Some(None) => how.to_owned(),
            Some(Some(instead)) => format!("{how}, or {instead}"),
        };
        self.with_hint(hint)
    }

    /// Returns the error as a diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::of(Code::InvalidLockFile, self).hint(self.hint())
    }

    /// Returns whether the error names a distribution.
    pub(super) fn names(&self, name: &str) -> bool {
        let letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        self.cause.split(|c| !letter(c)).any(|word| word == name)
    }

    /// Converts a syntax error of TOML, with its line.
    pub(super) fn toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let at = match error.span() {
            Some(span) => format!("{file}:{}", line(text, span.start)),
            None => file.to_owned(),
        };
        Self::new(at, without_value(error.message()))
    }
}

impl Hint for LockError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Removes the unexpected value from a message of serde: `invalid type: string "…", expected a
/// map`. The file may be a link to a file with secrets.
pub(super) fn without_value(message: &str) -> String {
    let cut = |begin: &str, end: &str| {
        let (before, rest) = message.split_once(begin)?;
        Some(format!("{before}{begin}…{}", &rest[rest.rfind(end)?..]))
    };
    let found = cut("string \"", "\", expected").or_else(|| cut("unknown variant `", "`, expected"));
    found.unwrap_or_else(|| message.to_owned())
}

/// Returns the number of the line at an offset, from 1.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// Formats a text as one line without credentials, shortened if it is very long.
pub(super) fn clean(text: &str) -> String {
    const LONG: usize = 1000;
    let short = match text.char_indices().nth(LONG) {
        // The start of a URL that is cut could show the text before its `@`.
        Some((end, _)) => text[..end].rsplit_once(char::is_whitespace).map_or("", |(before, _)| before),
        None => text,
    };
    let mut out = shown(short);
    if short.len() < text.len() {
        out.push('…');
    }
    out
}

/// Formats a text as one line without credentials, however long: a command that is cut is useless.
fn shown(text: &str) -> String {
    one_line(&without_queries(&without_credentials(text)))
}

/// Removes the credentials from the URLs in a text.
pub(super) fn without_credentials(text: &str) -> String {
    let mut out = String::new();
    let mut from = 0;
    // The end of a URL that may contain other URLs, and its last `@`: searched for once.
    let (mut end, mut last) = (0, 0);
    while let Some(at) = text[from..].find("://") {
        let begin = from + at + 3;
        out.push_str(&text[from..begin]);
        if begin >= end {
            end = text[begin..].find(ends_url).map_or(text.len(), |at| begin + at);
            last = text[begin..end].rfind('@').map_or(0, |at| begin + at + 1);
        }
        from = begin + credentials(&text[begin..end], last.saturating_sub(begin));
    }
    out.push_str(&text[from..]);
    out
}

/// Removes the queries from the URLs in a text. Queries may contain tokens.
fn without_queries(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let end = rest[at..].find(ends_url).map_or(rest.len(), |end| at + end);
        match rest[..end].find('?').filter(|query| *query > at) {
            Some(query) => out.extend([&rest[..=query], "…"]),
            None => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out + rest
}

/// Returns whether a character cannot be part of a URL.
fn ends_url(c: char) -> bool {
    c.is_whitespace() || "\"'`<>".contains(c)
}

/// Returns the length of the credentials of a URL, after its `://`. Its last `@` ends at `last`.
fn credentials(url: &str, last: usize) -> usize {
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    // A password with a slash in it ends the authority too early. A port is a number.
    let odd = authority.rsplit_once(':').is_some_and(|(_, port)| !port.bytes().all(|b| b.is_ascii_digit()));
    let odd = odd && !authority.contains('@') && !authority.ends_with(']');
    if odd { last } else { authority.rfind('@').map_or(0, |end| end + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_one_line_without_credentials() {
        for (text, want) in [
            ("no URL", "no URL"),
            ("`https://u:p@h/x` and `https://t@h:8080/y@1`", "`https://h/x` and `https://h:8080/y@1`"),
            ("git+https://u:p@h/x.git@rev", "git+https://h/x.git@rev"),
            ("https://u:p/w@h/x", "https://h/x"),
            ("https://u:p@w@h/x", "https://h/x"),
            ("https://[::1]:80/x@1", "https://[::1]:80/x@1"),
            ("`https://h/?to=https://u:p@h/x` or `h://i?t` why? who?", "`https://h/?…` or `h://i?…` why? who?"),
            ("two\nlines", "two\\nlines"),
        ] {
            assert_eq!(clean(text), want);
        }
        let long = format!("{}`https://user:{}@h`", "a ".repeat(400), "p".repeat(400));
        assert_eq!(clean(&long), format!("{}…", "a ".repeat(400).trim_end()));
        let command = format!("`uv add {}`", "name ".repeat(1000));
        assert_eq!(LockError::new("a", "b").with_hint(&command).hint(), Some(command));
        assert_eq!(LockError::new("a\x1b[31m", "b").to_string(), "a\\u{1b}[31m: b");
    }

    #[derive(Debug, serde::Deserialize)]
    struct Numbers {
        #[expect(dead_code, reason = "read for its error")]
        a: u8,
    }

    #[test]
    fn tomls_complaints_have_their_line() {
        let text = "a = 1\nb = [\n";
        let secret = "\na = 'hunter\", expected 2'\n";
        let error = LockError::toml("uv.lock", secret, &toml::from_str::<Numbers>(secret).unwrap_err()).to_string();
        assert!(error.starts_with("uv.lock:2: invalid type: string \"…\", expected u8"), "{error}");
        let error = toml::from_str::<toml::Table>(text).unwrap_err();
        assert!(LockError::toml("uv.lock", text, &error).to_string().starts_with("uv.lock:"));
    }
}
