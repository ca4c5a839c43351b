//! The lines of a requirements file, and the words and options of a line.
//!
//! Source: pip's documentation, "Requirements File Format", and pip's `req_file.py` for the
//! combination of continued lines and comments.

/// A line with its continuation lines, without comments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// The number of its first line in the file, from 1.
    pub number: usize,
    pub text: String,
}

/// Returns the lines of a text that are not empty.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut out = Vec::new();
    let mut open: Option<Line> = None;
    for (at, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let comment = line.trim_start().starts_with('#');
        let continued = if comment { None } else { line.strip_suffix('\\') };
        let whole = open.get_or_insert_with(|| Line { number: at + 1, text: String::new() });
        if comment {
            whole.text.push(' ');
        }
        whole.text.push_str(continued.unwrap_or(line));
        if continued.is_none() {
            out.extend(open.take());
        }
    }
    out.extend(open);
    for line in &mut out {
        line.text = without_comment(&line.text).trim().to_owned();
    }
    out.retain(|line| !line.text.is_empty());
    out
}

/// Removes the comment of a line. A `#` starts a comment at the start of a line or after a space:
/// URLs have others.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').map(|(at, _)| at).find(begins).map_or(line, |at| &line[..at])
}

/// Splits a line into the text before the first option, and the options.
pub(super) fn split(line: &str) -> (&str, &str) {
    let mut begin = 0;
    for word in line.split(' ') {
        if word.starts_with('-') {
            return (line[..begin].trim(), &line[begin..]);
        }
        begin += word.len() + 1;
    }
    (line, "")
}

/// Splits a line into words as a shell does; `None` for an unclosed quote.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => out.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    quote.is_none().then_some(out)
}

/// Returns the name of an environment variable that pip expands outside of URLs: `${NAME}`.
pub(super) fn variable(line: &str) -> Option<&str> {
    let letter = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let words = line.split_whitespace().filter(|word| !word.contains("://"));
    let names = words.flat_map(|word| word.split("${").skip(1)).filter_map(|rest| rest.split_once('}'));
    names.map(|(name, _)| name).find(|name| !name.is_empty() && name.bytes().all(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_comments_left_out() {
        let text =
            "\u{feff}# all\r\na==1 \\\r\n    --hash=sha256:1 \\\n    # via b\nc==2 # why\n\nhttps://h/x#egg=d\ne \\\n";
        let got: Vec<_> = lines(text).into_iter().map(|line| (line.number, line.text)).collect();
        let want = [(2, "a==1     --hash=sha256:1"), (5, "c==2"), (7, "https://h/x#egg=d"), (8, "e")];
        assert_eq!(got, want.map(|(number, text)| (number, text.to_owned())));
    }

    #[test]
    fn options_are_words() {
        assert_eq!(split("a==1 ; os_name == 'x' --hash=b"), ("a==1 ; os_name == 'x'", "--hash=b"));
        assert_eq!(split("-r a.txt"), ("", "-r a.txt"));
        assert_eq!(split("a-b"), ("a-b", ""));
        let of = |text| words(text).map(|words| words.join("|"));
        assert_eq!(of("-f 'a b'  \"c\\\"d\" e\\ f ''"), Some("-f|a b|c\"d|e f|".to_owned()));
        assert_eq!(of("'a"), None);
        assert_eq!(variable("-r ${FILE_1}.txt"), Some("FILE_1"));
        assert_eq!(variable("--index-url https://${USER_1}@h"), None);
        assert_eq!(variable("a ${lower} ${} ${"), None);
    }
}
