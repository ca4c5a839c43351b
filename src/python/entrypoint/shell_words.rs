//! The words of a shell command, as far as they can be told without a shell.
//!
//! Source: POSIX Shell Command Language, 2.2 (quoting), 2.3 (tokens), 2.6 (expansions).

use std::iter::Peekable;
use std::str::Chars;

/// A word of a command: text and variables.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::python) struct Word(pub Vec<Piece>);

/// A piece of a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::python) enum Piece {
    Text(String),
    /// A variable, and the value that it has if it is unset: `${PORT:-8000}`.
    Variable(String, Option<String>),
}

impl Word {
    fn push(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => self.0.push(Piece::Text(c.to_string())),
        }
    }

    /// Returns the text of a word without variables.
    pub(in crate::python) fn text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Splits a command into its words.
///
/// # Errors
/// The part of it that only a shell can do: `&&`, `$(`, an open quote.
pub(in crate::python) fn split(command: &str) -> Result<Vec<Word>, String> {
    let mut chars = command.trim().chars().peekable();
    let (mut words, mut open): (Vec<Word>, Option<Word>) = (Vec::new(), None);
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(open.take()),
            '#' if open.is_none() => break,
            '\'' => single(&mut chars, open.get_or_insert_default())?,
            '"' => double(&mut chars, open.get_or_insert_default())?,
            '\\' => {
                let next = chars.next().ok_or("a backslash at its end")?;
                open.get_or_insert_default().push(next);
            }
            '$' => open.get_or_insert_default().0.push(variable(&mut chars)?),
            '`' => return Err("a backquote".to_owned()),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' => {
                let twice = chars.peek() == Some(&c);
                return Err(format!("`{c}{}`", if twice { c.to_string() } else { String::new() }));
            }
            '*' | '?' | '[' if open.is_none() => return Err(format!("`{c}`")),
            '~' if open.is_none() => return Err("`~`".to_owned()),
            c => open.get_or_insert_default().push(c),
        }
    }
    words.extend(open);
    Ok(words)
}

fn single(chars: &mut Peekable<Chars<'_>>, word: &mut Word) -> Result<(), String> {
    for c in chars {
        if c == '\'' {
            return Ok(());
        }
        word.push(c);
    }
    Err("an open quote".to_owned())
}

fn double(chars: &mut Peekable<Chars<'_>>, word: &mut Word) -> Result<(), String> {
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok(()),
            '$' => word.0.push(variable(chars)?),
            '`' => return Err("a backquote".to_owned()),
            '\\' if chars.peek().is_some_and(|next| "\"\\$`".contains(*next)) => {
                word.0.extend(chars.next().map(|c| Piece::Text(c.to_string())));
            }
            c => word.push(c),
        }
    }
    Err("an open quote".to_owned())
}

/// Returns the variable after a `$`.
fn variable(chars: &mut Peekable<Chars<'_>>) -> Result<Piece, String> {
    let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    if chars.peek() == Some(&'{') {
        chars.next();
        let mut inner = String::new();
        loop {
            match chars.next().ok_or("an open brace")? {
                '}' => break,
                c => inner.push(c),
            }
        }
        let end = inner.find(|c| !is_name(&c)).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(end);
        let default = rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-'));
        let is_plain = |text: &str| !text.contains(['$', '`', '{', '"', '\'', '\\']);
        return match (name.is_empty(), rest.is_empty(), default.filter(|text| is_plain(text))) {
            (false, true, _) => Ok(Piece::Variable(name.to_owned(), None)),
            (false, false, Some(default)) => Ok(Piece::Variable(name.to_owned(), Some(default.to_owned()))),
            _ => Err(format!("`${{{inner}}}`")),
        };
    }
    let mut name = String::new();
    while let Some(c) = chars.next_if(is_name) {
        name.push(c);
    }
    if name.is_empty() { Err("`$`".to_owned()) } else { Ok(Piece::Variable(name, None)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &str) -> Result<String, String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Variable(name, default) => format!("<{name}|{}>", default.as_deref().unwrap_or_default()),
        };
        let word = |word: &Word| word.0.iter().map(piece).collect::<String>();
        Ok(split(command)?.iter().map(word).collect::<Vec<_>>().join("_"))
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        for (command, want) in [
            ("gunicorn -b 0.0.0.0:$PORT shop:app # web", "gunicorn_-b_0.0.0.0:<PORT|>_shop:app"),
            ("a 'b c' \"d $X\\\"\" e\\ f", "a_b c_d <X|>\"_e f"),
            ("a ${PORT:-8000} ${B-1} x=*", "a_<PORT|8000>_<B|1>_x=*"),
            ("a '' \"shop:create_app()\"", "a__shop:create_app()"),
        ] {
            assert_eq!(told(command).as_deref(), Ok(want), "{command}");
        }
    }

    #[test]
    fn what_only_a_shell_can_do_is_told() {
        for (command, want) in [
            ("a && b", "`&&`"),
            ("a; b", "`;`"),
            ("a > b", "`>`"),
            ("a $(b)", "`$`"),
            ("a `b`", "a backquote"),
            ("a 'b", "an open quote"),
            ("a \"b", "an open quote"),
            ("a ${b", "an open brace"),
            ("a ${b:?c}", "`${b:?c}`"),
            ("ls *", "`*`"),
            ("a \\", "a backslash at its end"),
            ("a ~", "`~`"),
        ] {
            assert_eq!(told(command), Err(want.to_owned()), "{command}");
        }
    }
}
