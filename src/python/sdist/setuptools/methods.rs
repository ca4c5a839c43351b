//! The methods of texts, lists, dictionaries, files and paths in a `setup.py`.

use std::rc::Rc;

use super::calls::{Arguments, absolute, joined};
use super::scope::{Scope, Stop};
use super::value::{Unknown, Value};

impl<'a> Scope<'a> {
    /// Returns the result of a method.
    pub fn method(&mut self, of: &Value<'a>, name: &str, arguments: &Arguments<'a>) -> Result<Value<'a>, Stop> {
        let found = match of {
            Value::Str(text) => self.text_method(text, name, arguments)?,
            Value::File(text) => match name {
                "read" if arguments.positional.is_empty() => Some(Value::Str(Rc::clone(text))),
                "readlines" if arguments.positional.is_empty() => Some(self.texts(text.split_inclusive('\n'))?),
                "close" => Some(Value::None),
                _ => None,
            },
            Value::Path(path) => self.path_method(path, name, arguments)?,
            Value::Match(found) => self.match_method(found, name, arguments),
            Value::Pattern(pattern, flags) => {
                let mut call = Arguments {
                    positional: std::iter::once(Value::Str(Rc::clone(pattern))).collect(),
                    keywords: arguments.keywords.clone(),
                    unknown: arguments.unknown,
                };
                // A method takes a start and an end instead of flags.
                match arguments.positional.as_slice() {
                    [text] if call.keywords.is_empty() => {
                        call.positional.extend([text.clone(), (**flags).clone()]);
                        self.regular(name, &call)?
                    }
                    _ => None,
                }
            }
            Value::List(_) => self.list_method(of, name, arguments),
            Value::Dict(_) => self.dict_method(of, name, arguments),
            _ => None,
        };
        if let Some(value) = found {
            return Ok(value);
        }
        let why = of.unknown().max(arguments.unknown()).unwrap_or(Unknown::Computed);
        of.spoil(why);
        Ok(self.undecided(why))
    }

    fn text_method(
        &mut self,
        text: &Rc<str>,
        name: &str,
        arguments: &Arguments<'a>,
    ) -> Result<Option<Value<'a>>, Stop> {
        let given: Option<Vec<Rc<str>>> = arguments.positional.iter().map(Value::text).collect();
        let texts = given.as_deref().unwrap_or_default();
        let plain = given.is_some() && arguments.keywords.is_empty();
        Ok(match (name, texts) {
            ("strip" | "lstrip" | "rstrip", [] | [_]) if plain => {
                Some(self.text(stripped(text, name, texts.first()))?)
            }
            ("split", []) if plain => Some(self.texts(text.split_whitespace())?),
            ("split", [by]) if plain && !by.is_empty() => Some(self.texts(text.split(&**by))?),
            ("split", [])
                if let [Value::Str(by), Value::Int(times)] = arguments.positional.as_slice()
                    && *times >= 0
                    && !by.is_empty() =>
            {
                let count = usize::try_from(*times).unwrap_or(usize::MAX).saturating_add(1);
                Some(self.texts(text.splitn(count, &**by))?)
            }
            ("splitlines", []) if plain && arguments.positional.is_empty() => {
                let lines = text.strip_suffix('\n').unwrap_or(text);
                let simple = !text
                    .contains(['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}']);
                match (simple, text.is_empty()) {
                    (true, true) => Some(Value::list(Vec::new())),
                    (true, false) => Some(self.texts(lines.split('\n'))?),
                    _ => None,
                }
            }
            ("replace", [old, new]) if plain && !old.is_empty() => {
                let many = text.matches(&**old).count().saturating_mul(new.len()) > (8 << 20);
                if many {
                    return Err(Stop::Limit);
                }
                Some(self.text(&text.replace(&**old, new))?)
            }
            ("startswith", [start]) if plain => Some(Value::Bool(text.starts_with(&**start))),
            ("endswith", [end]) if plain => Some(Value::Bool(text.ends_with(&**end))),
            ("lower", []) if plain => Some(self.text(&text.to_lowercase())?),
            ("upper", []) if plain => Some(self.text(&text.to_uppercase())?),
            ("encode" | "decode", []) if plain => Some(Value::Str(Rc::clone(text))),
            ("encode" | "decode", [name])
                if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8") =>
            {
                Some(Value::Str(Rc::clone(text)))
            }
            ("join", _) => {
                let items = arguments.positional.first().and_then(|value| self.items(value));
                let parts: Option<Vec<_>> = items.and_then(|items| items.iter().map(Value::text).collect());
                match parts {
                    Some(parts) => {
                        let own = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
                        self.room(own.saturating_add(text.len().saturating_mul(parts.len())))?;
                        Some(self.text(&parts.iter().map(|part| &**part).collect::<Vec<_>>().join(text))?)
                    }
                    None => None,
                }
            }
            ("format", _) => self.format(text, arguments)?,
            _ => None,
        })
    }

    /// Returns the value of `text.format(…)` for `{}`, `{0}` and `{name}` alone.
    fn format(&mut self, text: &str, arguments: &Arguments<'a>) -> Result<Option<Value<'a>>, Stop> {
        let (mut out, mut rest, mut next) = (String::new(), text, 0);
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                out.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let Some((field, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
                return Ok(None);
            };
            let value = if field.is_empty() {
                next += 1;
                arguments.positional.get(next - 1)
            } else if let Ok(at) = field.parse::<usize>() {
                arguments.positional.get(at)
            } else {
                arguments.keywords.iter().find(|(key, _)| key == field).map(|(_, value)| value)
            };
            match value {
                Some(Value::Str(text)) => out.push_str(text),
                Some(Value::Int(number)) => out.push_str(&number.to_string()),
                _ => return Ok(None),
            }
            self.room(out.len())?;
            rest = after;
        }
        out.push_str(rest);
        self.text(&out).map(Some)
    }

    fn path_method(
        &mut self,
        path: &Rc<str>,
        name: &str,
        arguments: &Arguments<'a>,
    ) -> Result<Option<Value<'a>>, Stop> {
        let itself = Value::Path(Rc::clone(path));
        let with_itself = |rest: &Arguments<'a>| Arguments {
            positional: std::iter::once(itself.clone()).chain(rest.positional.iter().cloned()).collect(),
            keywords: rest.keywords.clone(),
            unknown: rest.unknown,
        };
        Ok(match name {
            "resolve" | "absolute" => Some(Value::Path(Rc::from(absolute(path)))),
            "joinpath" => {
                let parts: Option<Vec<_>> = arguments.positional.iter().map(Value::text).collect();
                parts.map(|parts| {
                    Value::Path(Rc::from(parts.iter().fold(path.to_string(), |path, part| joined(&path, part))))
                })
            }
            "as_posix" | "__str__" => Some(Value::Str(Rc::clone(path))),
            "exists" | "is_file" | "is_dir" => Some(self.exists(path, name != "is_dir", name != "is_file")),
            "open" => Some(self.open("open", &with_itself(arguments))?),
            "read_text" => {
                let mut call = with_itself(&Arguments {
                    positional: Vec::new(),
                    keywords: arguments.keywords.clone(),
                    unknown: None,
                });
                if let Some(encoding) = arguments.positional.first() {
                    call.keywords.push(("encoding".to_owned(), encoding.clone()));
                }
                match self.open("open", &call)? {
                    Value::File(text) => Some(Value::Str(text)),
                    other => Some(other),
                }
            }
            _ => None,
        })
    }

    fn list_method(&mut self, of: &Value<'a>, name: &str, arguments: &Arguments<'a>) -> Option<Value<'a>> {
        let Value::List(list) = of else { return None };
        if !matches!(name, "append" | "add") {
            self.charge(of.length());
        }
        match (name, arguments.positional.as_slice()) {
            ("append" | "add", [value]) | ("insert", [Value::Int(1..), value]) => {
                list.borrow_mut().items.push(value.clone());
            }
            ("insert", [Value::Int(0), value]) => list.borrow_mut().items.insert(0, value.clone()),
            ("extend" | "update", [values]) => self.extend(of, values),
            ("remove" | "discard", [value]) => {
                let at = list.borrow().items.iter().position(|item| item.equals(value) == Ok(true))?;
                list.borrow_mut().items.remove(at);
            }
            ("sort" | "reverse", _) => {}
            ("copy", []) => {
                let copy = Value::list(Vec::new());
                self.extend(&copy, of);
                return Some(copy);
            }
            _ => return None,
        }
        Some(Value::None)
    }

    fn dict_method(&mut self, of: &Value<'a>, name: &str, arguments: &Arguments<'a>) -> Option<Value<'a>> {
        let Value::Dict(dict) = of else { return None };
        self.charge(of.length());
        if dict.borrow().unknown.is_some() && name != "update" {
            return None;
        }
        let find = |key: &Value<'a>| {
            let dict = dict.borrow();
            dict.items.iter().find(|(known, _)| known.equals(key) == Ok(true)).map(|(_, value)| value.clone())
        };
        match (name, arguments.positional.as_slice()) {
            ("update", [other]) => {
                self.update(of, other);
                Some(Value::None)
            }
            ("update", []) if arguments.unknown.is_none() => {
                for (key, value) in &arguments.keywords {
                    self.insert(of, Value::str(key), value.clone());
                }
                Some(Value::None)
            }
            ("get", [key @ Value::Str(_)]) => Some(find(key).unwrap_or(Value::None)),
            ("get", [key @ Value::Str(_), default]) => Some(find(key).unwrap_or_else(|| default.clone())),
            ("setdefault", [key @ Value::Str(_), default]) => {
                let found = find(key).unwrap_or_else(|| default.clone());
                self.insert(of, key.clone(), found.clone());
                Some(found)
            }
            ("pop", [key @ Value::Str(_), ..]) => {
                let found = find(key).or_else(|| arguments.positional.get(1).cloned())?;
                dict.borrow_mut().items.retain(|(known, _)| known.equals(key) != Ok(true));
                Some(found)
            }
            ("keys", []) => Some(Value::list(dict.borrow().items.iter().map(|(key, _)| key.clone()).collect())),
            ("values", []) => Some(Value::list(dict.borrow().items.iter().map(|(_, value)| value.clone()).collect())),
            ("items", []) => {
                let pairs = dict
                    .borrow()
                    .items
                    .iter()
                    .map(|(key, value)| Value::list(vec![key.clone(), value.clone()]))
                    .collect();
                Some(Value::list(pairs))
            }
            _ => None,
        }
    }
}

/// Returns a text without characters of a set, or white space, at one or both ends.
fn stripped<'t>(text: &'t str, method: &str, set: Option<&Rc<str>>) -> &'t str {
    let is_cut = |c: char| set.map_or(c.is_whitespace(), |set| set.contains(c));
    match method {
        "lstrip" => text.trim_start_matches(is_cut),
        "rstrip" => text.trim_end_matches(is_cut),
        _ => text.trim_matches(is_cut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::sdist::files::SdistFiles;
    use crate::python::sdist::setuptools::scope::ITEMS;

    const BYTES: usize = 64 << 20;

    #[test]
    fn texts_are_bounded_before_they_are_made() {
        let files = SdistFiles::default();
        let mut scope = Scope::new(&files);
        assert_eq!(scope.room(BYTES), Ok(()));
        assert_eq!(scope.room(BYTES + 1), Err(Stop::Limit));
        assert_eq!(scope.texts("a,".repeat(ITEMS).split(',')).err(), Some(Stop::Limit));
        assert!(scope.texts("a,b".split(',')).is_ok_and(|list| list.unknown().is_none()));
        let large = Value::str(&"a".repeat(1 << 20));
        let many = Arguments { positional: vec![Value::list(vec![large; 100])], keywords: Vec::new(), unknown: None };
        assert_eq!(scope.method(&Value::str(","), "join", &many).err(), Some(Stop::Limit));
    }
}
