//! Python's regular expressions, as far as Rust's engine knows them and understands them alike.
//! Matching takes linear time.
//!
//! Source: the documentation of Python's `re` and of the crate `regex`.

use regex::{Regex, RegexBuilder};

/// The longest regular expression that is read, in bytes.
const LONGEST: usize = 4 << 10;
/// The most memory that one compiled expression takes, in bytes.
const LARGEST: usize = 1 << 20;

/// The flags of an expression.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of `re` are independent of each other")]
pub struct Flags {
    /// `re.MULTILINE`
    pub lines: bool,
    /// `re.DOTALL`
    pub dot_all: bool,
    /// `re.IGNORECASE`
    pub ignore_case: bool,
    /// `re.VERBOSE`
    pub verbose: bool,
}

/// Compiles an expression; none for one that Rust's engine does not know or understands otherwise.
pub fn compiled(pattern: &str, flags: Flags) -> Option<Regex> {
    if pattern.len() > LONGEST || !means_the_same(pattern, flags.lines) {
        return None;
    }
    let mut builder = RegexBuilder::new(pattern);
    builder.multi_line(flags.lines).dot_matches_new_line(flags.dot_all).case_insensitive(flags.ignore_case);
    builder.ignore_whitespace(flags.verbose).size_limit(LARGEST).build().ok()
}

/// Compiles an expression for names, which have no line ends: `$` is their end.
pub fn for_names(pattern: &str) -> Option<Regex> {
    if pattern.len() > LONGEST || !means_the_same(pattern, true) {
        return None;
    }
    RegexBuilder::new(pattern).size_limit(LARGEST).build().ok()
}

/// Escapes that one of the two does not know, or takes for something else.
const OTHERWISE: [char; 8] = ['<', '>', 'Z', 'z', 'b', 'B', 'x', 'u'];

/// Returns whether an expression means the same in Python and Rust, if both know it: `$` before the
/// last line end, sets in sets, and some escapes differ.
fn means_the_same(pattern: &str, lines: bool) -> bool {
    let mut in_set = false;
    let mut before = None;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none_or(|escaped| OTHERWISE.contains(&escaped)) => return false,
            '[' if in_set => return false,
            '[' => {
                in_set = true;
                chars.next_if_eq(&'^');
                // A bracket at the start is one of the set.
                chars.next_if_eq(&']');
            }
            ']' => in_set = false,
            '&' | '-' | '~' if in_set && before == Some(c) => return false,
            '$' if !in_set && !lines => return false,
            '(' if !in_set && chars.peek() == Some(&'?') => {
                let rest: String = chars.clone().skip(1).take(2).collect();
                if !rest.starts_with(':') && rest != "P<" {
                    return false;
                }
            }
            _ => {}
        }
        before = Some(c);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_python_understands_otherwise_are_refused() {
        for (pattern, is_known) in [
            (r#"^__version__ = ['"]([^'"]*)['"]"#, true),
            (r"(?P<base>\d+)(?:a|b)[^]a-z]", true),
            ("1$", false),
            ("[[a]]", false),
            ("[a&&b]", false),
            ("[a--b]", false),
            (r"\<a", false),
            (r"a\Z", false),
            (r"\ba", false),
            ("(?i)a", false),
            ("(?=a)", false),
            (r"(a)\1", false),
            ("a\\", false),
        ] {
            assert_eq!(compiled(pattern, Flags::default()).is_some(), is_known, "{pattern}");
        }
        assert!(compiled("1$", Flags { lines: true, ..Flags::default() }).is_some() && for_names("1$").is_some());
        assert!(for_names("(a{1000}){1000}").is_none() && for_names(&"a".repeat(5000)).is_none());
    }
}
