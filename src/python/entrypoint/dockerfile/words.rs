//! Words of instructions: quotes removed, variables replaced. The variables that `ENV` and `ARG` set.
//!
//! Source: Docker, "Dockerfile reference", "Environment replacement"; `BuildKit`'s lexer for the
//! places where a backslash escapes.

use std::iter::Peekable;
use std::str::Chars;

use super::scope::Scope;
use super::value::Value;

/// The longest value of a variable or argument, in bytes. A longer one is empty.
const LONGEST: usize = 4096;
/// The deepest nesting of variables: `${A:-${B:-c}}`.
const DEPTH: usize = 16;

/// Splits arguments at whitespace outside of quotes. Keeps quotes and escapes.
pub(super) fn split(arguments: &str, escape: char) -> Vec<String> {
    let (mut out, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = arguments.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
        if c == escape {
            word.extend(chars.next());
        }
    }
    out.extend((!word.is_empty()).then_some(word));
    out
}

/// Removes the quotes of a word, and replaces `$NAME`, `${NAME}`, `${NAME:-default}`,
/// `${NAME:+other}` and their forms without a colon. An unknown variable is empty, as is a value
/// that is too long.
pub(super) fn expanded(word: &str, scope: &Scope) -> Value {
    let mut lexer = Lexer { chars: word.chars().peekable(), scope, unknown: None, depth: 0 };
    let text = lexer.until(None);
    if text.len() > LONGEST {
        return Value::unknown(format!("more than {LONGEST} bytes"));
    }
    Value { text, unknown: lexer.unknown }
}

impl Scope {
    /// Applies `ENV`: `A=1 B="x y"`, `A 1`. All values have the variables from before.
    pub(super) fn env_instruction(&mut self, arguments: &str) {
        let text = arguments.trim();
        let first = text.split_whitespace().next().unwrap_or_default();
        let set: Vec<_> = if first.contains('=') {
            let words = split(text, self.escape);
            let pairs = words.iter().filter_map(|word| word.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), expanded(value, self))).collect()
        } else {
            vec![(first.to_owned(), expanded(text[first.len()..].trim(), self))]
        };
        for (name, value) in set {
            self.set_env(name, value);
        }
    }

    /// Applies `ARG`: `A`, `A=1`.
    pub(super) fn argument_instruction(&mut self, arguments: &str, global: &Self) {
        for word in split(arguments, self.escape) {
            match word.split_once('=') {
                Some((name, value)) => self.set_argument(name, Some(expanded(value, self)), global),
                None => self.set_argument(&word, None, global),
            }
        }
    }
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    scope: &'a Scope,
    unknown: Option<String>,
    depth: usize,
}

impl Lexer<'_> {
    /// Reads up to a character outside of quotes, or to the end.
    fn until(&mut self, end: Option<char>) -> String {
        let mut out = String::new();
        while let Some(c) = self.chars.next_if(|_| out.len() <= LONGEST) {
            match c {
                c if Some(c) == end => break,
                '\'' => out.extend(self.chars.by_ref().take_while(|c| *c != '\'')),
                '"' => self.double(&mut out),
                '$' => out.push_str(&self.variable()),
                c if c == self.scope.escape => out.extend(self.chars.next()),
                c => out.push(c),
            }
        }
        out
    }

    /// Reads the rest of a text in double quotes.
    fn double(&mut self, out: &mut String) {
        while let Some(c) = self.chars.next_if(|_| out.len() <= LONGEST) {
            match c {
                '"' => return,
                '$' => out.push_str(&self.variable()),
                c if c == self.scope.escape => {
                    let escape = self.scope.escape;
                    out.push(self.chars.next_if(|c| ['"', '$', escape].contains(c)).unwrap_or(c));
                }
                c => out.push(c),
            }
        }
    }

    /// Reads a variable after its `$`.
    fn variable(&mut self) -> String {
        if self.chars.next_if_eq(&'{').is_none() {
            let name = self.name();
            return if name.is_empty() { "$".to_owned() } else { self.known(self.scope.value(&name)) };
        }
        let name = self.name();
        let colon = self.chars.next_if_eq(&':').is_some();
        let operator = self.chars.next().unwrap_or('}');
        if operator == '}' {
            return self.known(self.scope.value(&name));
        }
        self.depth += 1;
        if self.depth > DEPTH {
            self.unknown = Some(format!("`${{{name}}}`"));
            self.chars.by_ref().for_each(drop);
            return String::new();
        }
        let before = self.unknown.take();
        let other = self.until(Some('}'));
        let unknown = std::mem::replace(&mut self.unknown, before);
        self.depth -= 1;
        let other = Value { text: other, unknown };
        let value = self.scope.value(&name);
        let is_set = self.scope.is_set(&name) && !(colon && value.text.is_empty());
        let is_open = value.unknown.is_some() && !self.scope.is_argument(&name);
        let value = match operator {
            '-' if is_open => Value { unknown: value.unknown, ..other },
            '-' if is_set => value,
            '-' => other,
            '+' if value.unknown.is_some() => Value { text: String::new(), ..value },
            '+' if is_set => other,
            '+' => Value::default(),
            '?' => value,
            _ => Value::unknown(format!("`${{{name}{operator}…}}`")),
        };
        self.known(value)
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        name
    }

    fn known(&mut self, value: Value) -> String {
        self.unknown = self.unknown.take().or(value.unknown);
        value.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(word: &str) -> String {
        let mut scope = Scope::new('\\');
        scope.set_env("A".to_owned(), "x".into());
        scope.set_env("E".to_owned(), "".into());
        scope.set_argument("R", None, &Scope::new('\\'));
        let value = expanded(word, &scope);
        value.unknown.map_or(value.text.clone(), |unknown| format!("{} ? {unknown}", value.text))
    }

    #[test]
    fn quotes_and_variables_are_replaced_as_by_docker() {
        for (word, want) in [
            ("a$A-${A}b", "ax-xb"),
            ("'$A' \"$A\"", "$A x"),
            (r#"\$A "\$A \n \\" \n"#, r"$A $A \n \ n"),
            ("${A:-d}${E:-d}${E-d}", "xd"),
            ("${A:+o}${E:+o}${E+o}", "oo"),
            ("${E:-${A:-${E}}}", "x"),
            ("${A:?needed}", "x"),
            ("$R", " ? `$R`"),
            ("${R:-1}${R-2}", "12"),
            ("${R:+1}", " ? `$R`"),
            ("$PATH:/x", ":/x ? `$PATH`"),
            ("${HOST:-h}", "h ? `$HOST`"),
            ("$PYTHONPATH:/x", ":/x"),
            ("${A#x}", " ? `${A#…}`"),
            ("5$ $1", "5$  ? `$1`"),
            ("${A", "x"),
            ("\"open", "open"),
        ] {
            assert_eq!(told(word), want, "{word}");
        }
    }

    #[test]
    fn words_end_at_whitespace_outside_of_quotes() {
        assert_eq!(split(r#" A=1  B="x y" C='a "b' D=\ e "#, '\\'), ["A=1", "B=\"x y\"", "C='a \"b'", "D=\\ e"]);
    }

    #[test]
    fn values_are_bounded() {
        assert_eq!(told(&"a".repeat(LONGEST + 1)), " ? more than 4096 bytes");
        assert!(told(&"${E:-".repeat(100_000)).ends_with("? `${E}`"));
    }
}
