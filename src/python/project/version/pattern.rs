//! Python's regular expressions, as far as Rust's engine knows them. Matching takes linear time.

use regex::{Captures, Regex, RegexBuilder};

/// The longest regular expression that is read, in bytes.
const LONGEST: usize = 4 << 10;
/// The most memory that one compiled expression takes, in bytes.
const LARGEST: usize = 1 << 20;

/// A regular expression that finds a version.
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles an expression of Python's `re` with `re.MULTILINE` left out.
    ///
    /// # Errors
    /// Returns the reason for an expression that is not understood.
    pub fn new(text: &str) -> Result<Self, String> {
        Self::compile(text, false)
    }

    /// Compiles an expression of Python's `re` with `re.MULTILINE`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn lines(text: &str) -> Result<Self, String> {
        Self::compile(text, true)
    }

    fn compile(text: &str, lines: bool) -> Result<Self, String> {
        let short = Some(text).filter(|text| text.len() <= LONGEST);
        // Python's `\Z` is the end of the text.
        let text = short.ok_or("the pattern is too long")?.replace(r"\Z", r"\z");
        let regex = RegexBuilder::new(&text).multi_line(lines).size_limit(LARGEST).build();
        regex.map(Self).map_err(|_| format!("carboy cannot apply the pattern `{text}`"))
    }

    /// Returns the version at the start of a text, and the rest of the match after it, as
    /// setuptools-scm does it.
    pub fn at_start(&self, text: &str) -> Option<(String, String)> {
        let found = self.0.captures(text)?;
        let whole = found.get(0).filter(|whole| whole.start() == 0)?;
        let version = group(&found)?;
        Some((version.as_str().to_owned(), text[version.end()..whole.end()].to_owned()))
    }

    /// Returns the version that the group `version`, or the first group, has in a text.
    pub fn find(&self, text: &str) -> Option<String> {
        let found = self.0.captures(text)?;
        Some(group(&found)?.as_str().to_owned())
    }
}

/// Returns the group `version`, or else the first group.
fn group<'t>(found: &Captures<'t>) -> Option<regex::Match<'t>> {
    found.name("version").or_else(|| found.get(1)).filter(|version| !version.is_empty())
}

/// Returns the version that a file states as `__version__ = "1.2"` or `VERSION = "1.2"`: the default
/// pattern of hatchling.
pub(super) fn stated(text: &str) -> Option<String> {
    let version = |line: &str| {
        let at = ["__version__", "version"].iter().find_map(|name| {
            let (head, rest) = line.split_at_checked(name.len())?;
            head.eq_ignore_ascii_case(name).then_some(rest)
        })?;
        let value = at.trim_start_matches(' ').strip_prefix('=')?.trim_start_matches(' ');
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let value = value[1..].strip_prefix('v').unwrap_or(&value[1..]);
        value.split_once(quote).map(|(version, _)| version.to_owned()).filter(|version| !version.is_empty())
    };
    text.lines().find_map(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_texts() {
        for (text, want) in [
            ("x = 1\n__version__ = \"1.2\"\n", Some("1.2")),
            ("VERSION='v2'\n", Some("2")),
            ("Version = 'a\"b'", Some("a\"b")),
            (" __version__ = '1'", None),
            ("__version__: str = '1'", None),
            ("__version__ = ''", None),
        ] {
            assert_eq!(stated(text).as_deref(), want, "{text}");
        }
        let lines = Pattern::lines(r#"^v = "(?P<version>[^"]+)""#).unwrap();
        assert_eq!(lines.find("a\nv = \"3\"").as_deref(), Some("3"));
        assert_eq!(Pattern::new(r"^v(\d+)\Z").unwrap().at_start("v12"), Some(("12".to_owned(), String::new())));
        assert!(Pattern::new(r"(?<=v)\d").is_err() && Pattern::new(&"a".repeat(5000)).is_err());
        assert!(Pattern::new(r"(?P<version>(a{1000}){1000})").is_err());
    }
}
