//! Errors, warnings and retries as text.
//!
//! Messages quote names out of images, registries and local folders, so all of them are made
//! printable here: a name neither moves the cursor nor starts a line of its own, which some
//! CI systems would read as a command. Lines are told apart before that.

use std::time::Duration;

use super::elapsed::elapsed;
use super::style::Style;
pub use crate::printable::one_line as printable_line;

/// The most lines of an error, and of hints.
const LINES: usize = 500;

/// `error: MESSAGE`, and `hint: HINT` after an empty line. Further lines of either are
/// indented. Ends with a newline.
#[must_use]
pub fn error_text(lines: &[String], hints: &[String], color: bool) -> String {
    let style = Style::new(color);
    let error = format!("{} {}\n", style.red("error:"), block(lines, "  "));
    if hints.is_empty() {
        return error;
    }
    format!("{error}\n{} {}\n", style.cyan("hint:"), block(hints, "      "))
}

/// Lines, all but the first after `indent`.
fn block(lines: &[String], indent: &str) -> String {
    let (shown, rest) = lines.split_at(lines.len().min(LINES));
    let more = (!rest.is_empty()).then(|| format!("and {} more", rest.len()));
    let shown = shown.iter().map(|line| printable_line(line.trim_end())).chain(more);
    shown.collect::<Vec<_>>().join(&format!("\n{indent}"))
}

/// `warning: MESSAGE`.
#[must_use]
pub fn warning_text(message: &str, style: Style) -> String {
    format!("{} {}", style.yellow("warning:"), printable_line(message))
}

/// `retrying WHAT in 2.0 s: CAUSE`.
#[must_use]
pub fn retry_text(what: &str, cause: &str, delay: Duration) -> String {
    format!("retrying {} in {}: {}", printable_line(what), elapsed(delay), printable_line(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_follows_after_an_empty_line() {
        let text = |lines: &[&str], hints: &[&str], color| {
            let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
            error_text(&owned(lines), &owned(hints), color)
        };
        let hint = "the builder has `/usr/bin/python3.12`";
        insta::assert_snapshot!(text(&["builder image has no `/usr/bin/python3`"], &[hint], false), @"
        error: builder image has no `/usr/bin/python3`

        hint: the builder has `/usr/bin/python3.12`
        ");
        assert_eq!(text(&["no"], &[], false), "error: no\n");
        assert_eq!(text(&["no"], &["yes"], true), "\x1b[1;31merror:\x1b[0m no\n\n\x1b[36mhint:\x1b[0m yes\n");
        let many = text(&["2 things are wrong:", "a\n::b", "::c \x1b[2J"], &["d", "::e"], false);
        let want = "error: 2 things are wrong:\n  a\\n::b\n  :\\u{3a}c \\u{1b}[2J\n\nhint: d\n      :\\u{3a}e\n";
        assert_eq!(many, want);
        let all = text(&["a"; LINES + 2], &[], false);
        assert_eq!((all.lines().count(), all.lines().last()), (LINES + 1, Some("  and 2 more")));
    }

    #[test]
    fn names_cannot_move_the_cursor_or_start_a_line() {
        assert_eq!(warning_text("left out `a\n::error::b`", Style::Bare), "warning: left out `a\\n::error::b`");
        assert_eq!(
            retry_text("GET /v2/", "reset\r\n", Duration::from_secs(2)),
            "retrying GET /v2/ in 2.0 s: reset\\r\\n"
        );
    }
}
