//! Errors, warnings and retries as text.
//!
//! Messages quote names out of images and local folders. Control characters in
//! them are shown escaped: a file's name neither moves the cursor nor starts a
//! line of its own, which some CI systems would read as a command.

use std::time::Duration;

use super::elapsed::elapsed;
use super::paint::Paint;

/// `error: MESSAGE`, and `hint: HINT` after an empty line. Ends with a newline.
#[must_use]
pub fn error_text(message: &str, hint: Option<&str>, color: bool) -> String {
    let paint = Paint::new(color);
    let hint = hint.map_or_else(String::new, |hint| format!("\n{} {}\n", paint.cyan("hint:"), printable(hint)));
    format!("{} {}\n{hint}", paint.red("error:"), printable(message))
}

/// `warning: MESSAGE`.
#[must_use]
pub fn warning_text(message: &str, paint: Paint) -> String {
    format!("{} {}", paint.yellow("warning:"), printable_line(message))
}

/// `retrying WHAT in 2.0 s: CAUSE`.
#[must_use]
pub fn retry_text(what: &str, cause: &str, delay: Duration) -> String {
    format!("retrying {} in {}: {}", printable_line(what), elapsed(delay), printable_line(cause))
}

/// The text on one line.
#[must_use]
pub fn printable_line(text: &str) -> String {
    escaped(text, |_| false)
}

/// The text with its own lines and tabs.
fn printable(text: &str) -> String {
    escaped(text.trim_end(), |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !keep(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_follows_after_an_empty_line() {
        insta::assert_snapshot!(error_text("builder image has no `/usr/bin/python3`", Some("the builder has `/usr/bin/python3.12`"), false), @"
        error: builder image has no `/usr/bin/python3`

        hint: the builder has `/usr/bin/python3.12`
        ");
        assert_eq!(error_text("no", None, false), "error: no\n");
        assert_eq!(error_text("no", Some("yes"), true), "\x1b[1;31merror:\x1b[0m no\n\n\x1b[36mhint:\x1b[0m yes\n");
    }

    #[test]
    fn names_cannot_move_the_cursor_or_start_a_line() {
        assert_eq!(error_text("two\nlines \x1b[2J", None, false), "error: two\nlines \\u{1b}[2J\n");
        assert_eq!(warning_text("left out `a\n::error::b`", Paint::Bare), "warning: left out `a\\n::error::b`");
        assert_eq!(
            retry_text("GET /v2/", "reset\r\n", Duration::from_secs(2)),
            "retrying GET /v2/ in 2.0 s: reset\\r\\n"
        );
    }
}
