//! Foreign text made fit for a line of a terminal or of a CI system's log. Pure.
//!
//! Names and messages from images, registries, indexes and files can hold anything. What
//! would move the cursor, start a line of its own, reorder or hide text, or be a command to
//! a CI system is written as an escape sequence that shows it: `\n`, `\u{1b}`. Text without
//! any of this stays as it is, and text that was escaped once is not escaped again.
//!
//! Sources: ECMA-48 for control characters, among them those of U+0080 to U+009F; Unicode's
//! general categories Cf, Zl and Zp and its property `Default_Ignorable_Code_Point`. GitHub
//! takes a line for a command that begins, after blanks, with `::`, or has `##[` anywhere
//! (`ActionCommand.cs` of its runner); Azure `##vso[` and `TeamCity` `##teamcity[` anywhere;
//! Buildkite makes groups of lines that begin with `--- `, `+++ ` or `~~~ `.

/// The most characters of one word: its middle is left out of a longer one.
const WORD: usize = 1024;
/// The most characters of a text, before what is escaped.
const TEXT: usize = 16 << 10;

/// Characters that are not seen, or change how others are: sorted, first and last.
/// Variation selectors, which choose between two looks of a sign, are not among them.
const UNSEEN: [(char, char); 24] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns whether a character must not be written as it is.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || (c > '~' && UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&c)))
}

/// Returns the text on one line, and cut where it is very long.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(TEXT));
    let mut left = TEXT;
    let heads = ["--- ", "+++ ", "~~~ ", "^^^ "].iter().find(|mark| text.starts_with(**mark));
    let text = heads.map_or(text, |_| {
        out.extend(text.chars().next().into_iter().flat_map(char::escape_unicode));
        &text[1..]
    });
    for word in text.split_inclusive(|c: char| c.is_whitespace() && !is_unsafe(c)) {
        let (start, end) = halves(word);
        let middle = (!end.is_empty()).then_some('…');
        escape(start.chars().chain(middle).chain(end.chars()).take(left), &mut out);
        left = left.saturating_sub(start.chars().chain(middle).chain(end.chars()).count());
        if left == 0 {
            out.push('…');
            break;
        }
    }
    out
}

/// Bytes that should be UTF-8, on one line; those that are not are written as `\xff`.
#[must_use]
pub fn bytes(bytes: &[u8]) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| one_line(chunk.valid()) + &chunk.invalid().escape_ascii().to_string();
    bytes.utf8_chunks().map(chunk).collect()
}

/// Returns a word, or what is shown of its beginning and its end.
fn halves(word: &str) -> (&str, &str) {
    if word.len() <= WORD || word.chars().count() <= WORD {
        return (word, "");
    }
    let place = |at: usize| word.char_indices().nth(at).map_or(word.len(), |(place, _)| place);
    let from_end = word.char_indices().nth_back(WORD / 4).map_or(0, |(place, _)| place);
    (&word[..place(WORD - WORD / 4)], &word[from_end..])
}

/// Writes a word. Lines may be broken before it.
fn escape(word: impl Iterator<Item = char>, out: &mut String) {
    let mut before = None;
    for (at, c) in word.enumerate() {
        let command = c == '#' && before == Some('#') || c == ':' && before == Some(':') && at == 1;
        if command {
            out.extend(c.escape_unicode());
        } else if is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        before = Some(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_spelled_out() {
        for (text, shown) in [
            ("a\nb\r\tc\u{b}\u{c}", r"a\nb\r\tc\u{b}\u{c}"),
            ("\u{1b}[2J\u{7}\u{7f}", r"\u{1b}[2J\u{7}\u{7f}"),
            ("\u{9b}31m\u{85}\u{90}", r"\u{9b}31m\u{85}\u{90}"),
            ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
            ("a\u{202e}cod.exe\u{2066}\u{2069}\u{200f}", r"a\u{202e}cod.exe\u{2066}\u{2069}\u{200f}"),
            ("\u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}", r"\u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}"),
            ("é ü 名 🎉 a\u{301} \\ \\n \"'`", "é ü 名 🎉 a\u{301} \\ \\n \"'`"),
        ] {
            assert_eq!(one_line(text), shown);
            assert_eq!(one_line(shown), shown);
        }
        assert_eq!(bytes(b"a\n\xffb\xc3\xa9\xe2\x80"), "a\\n\\xffbé\\xe2\\x80");
    }

    #[test]
    fn what_commands_a_ci_system_is_broken_up() {
        for (text, shown) in [
            ("::error::x", r":\u{3a}error::x"),
            ("  ::set-env name=a::b", r"  :\u{3a}set-env name=a::b"),
            ("x\u{a0}::error::", "x\u{a0}:\\u{3a}error::"),
            ("x ::", r"x :\u{3a}"),
            ("--- a", r"\u{2d}-- a"),
            ("+++ a --- b", r"\u{2b}++ a --- b"),
            ("a ##vso[task.complete]", r"a #\u{23}vso[task.complete]"),
            ("a###[error]", r"a#\u{23}\u{23}[error]"),
            ("std::string # a: b [::1]", "std::string # a: b [::1]"),
        ] {
            assert_eq!(one_line(text), shown);
            assert_eq!(one_line(shown), shown);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let word = "w".repeat(WORD);
        assert_eq!(one_line(&word), word);
        let long = format!("a{}z: its end", "é".repeat(1 << 20));
        let shown = one_line(&long);
        assert!(shown.starts_with("aéé") && shown.ends_with("éz: its end") && shown.contains("é…é"), "{shown}");
        assert!(shown.chars().count() < WORD + 20);
        assert_eq!(one_line(&shown), shown);
        let many = one_line(&"a ".repeat(1 << 20));
        assert_eq!((many.chars().count(), many.ends_with("a …")), (TEXT + 1, true));
        assert!(one_line(&"\n".repeat(1 << 20)).len() < 3 * WORD);
    }
}
