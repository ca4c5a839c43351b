//! The functions of Python's `re`, for expressions that mean the same to Rust's engine.

use std::rc::Rc;

use regex::Regex;

use super::calls::Arguments;
use super::scope::{ITEMS, Scope, Stop};
use super::value::{Match, Value};
use crate::python::pattern::{Flags, compiled};

impl<'a> Scope<'a> {
    /// Returns the result of a function of `re`, or of a method of a compiled expression, which has
    /// the expression as its first argument. None for a call that is not decided.
    pub fn regular(&mut self, name: &str, arguments: &Arguments<'a>) -> Result<Option<Value<'a>>, Stop> {
        let flags = arguments.get(2, "flags").map_or(Some(Flags::default()), flags_of);
        let named = arguments.keywords.iter().all(|(name, _)| name == "flags");
        let (Some(flags), true, None) = (flags, named, arguments.unknown) else { return Ok(None) };
        let [Value::Str(pattern), Value::Str(text), ..] = arguments.positional.as_slice() else { return Ok(None) };
        let Some(regex) = compiled(pattern, flags) else { return Ok(None) };
        Ok(match name {
            "search" | "match" => {
                let is_it = |found: &regex::Captures<'_>| {
                    name == "search" || found.get(0).is_some_and(|whole| whole.start() == 0)
                };
                let found = regex.captures(text).filter(is_it);
                Some(found.map_or(Value::None, |found| Value::Match(Rc::new(Match::of(&regex, &found)))))
            }
            "findall" if regex.captures_len() <= 2 => {
                let group = regex.captures_len() - 1;
                let found: Vec<_> = regex.captures_iter(text).take(ITEMS + 1).collect();
                let texts = found.iter().map(|found| found.get(group).map_or("", |found| found.as_str()));
                Some(self.texts(texts)?)
            }
            _ => None,
        })
    }

    /// Returns the result of a method of a match.
    #[expect(clippy::unused_self, reason = "it reads as the methods of other values")]
    pub fn match_method(&mut self, found: &Match, name: &str, arguments: &Arguments<'a>) -> Option<Value<'a>> {
        let (true, None) = (arguments.keywords.is_empty(), arguments.unknown) else { return None };
        match (name, arguments.positional.as_slice()) {
            ("group", []) => found.group(&Value::Int(0)),
            ("group", [one]) => found.group(one),
            ("groups", []) => {
                let groups = found.groups.iter().skip(1).map(|group| Match::value(group.as_ref()));
                Some(Value::list(groups.collect()))
            }
            _ => None,
        }
    }
}

impl Match {
    fn of(regex: &Regex, found: &regex::Captures<'_>) -> Self {
        Self {
            groups: found.iter().map(|group| group.map(|group| group.as_str().into())).collect(),
            names: regex.capture_names().map(|name| name.map(str::to_owned)).collect(),
        }
    }

    /// Returns a group by number or name; none for one that the expression does not have.
    pub fn group<'a>(&self, which: &Value<'_>) -> Option<Value<'a>> {
        let at = match which {
            Value::Int(at) => usize::try_from(*at).ok()?,
            Value::Str(name) => self.names.iter().position(|known| known.as_deref() == Some(&**name))?,
            _ => return None,
        };
        self.groups.get(at).map(|group| Self::value(group.as_ref()))
    }

    fn value<'a>(group: Option<&Rc<str>>) -> Value<'a> {
        group.map_or(Value::None, |text| Value::Str(Rc::clone(text)))
    }
}

/// Reads `re.M`, or several flags that `|` joins; none for others.
fn flags_of(value: &Value<'_>) -> Option<Flags> {
    let Value::Named(names) = value else {
        return matches!(value, Value::Int(0)).then(Flags::default);
    };
    let mut flags = Flags::default();
    for name in names.split('|') {
        match name {
            "re.M" | "re.MULTILINE" => flags.lines = true,
            "re.S" | "re.DOTALL" => flags.dot_all = true,
            "re.I" | "re.IGNORECASE" => flags.ignore_case = true,
            "re.X" | "re.VERBOSE" => flags.verbose = true,
            "re.U" | "re.UNICODE" => {}
            _ => return None,
        }
    }
    Some(flags)
}
