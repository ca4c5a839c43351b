//! Reads typed values from TOML's parse tree. Errors have the line and the full key.
//!
//! The first error is reported. Unknown keys of a table are reported before its values, so that a
//! misspelt key is not reported as a missing one.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{BadValue, ConfigError, Line};
use super::keys;
use crate::printable::one_line;

/// The text of a configuration, to convert offsets to lines.
pub(super) struct Document<'t> {
    pub text: &'t str,
    pub file: &'t str,
    /// The table that holds the configuration; empty for a file of its own.
    pub root: &'static str,
    pub schema: Schema,
}

/// The configuration that a document has, for hints about unknown keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    Project,
    Machine,
}

/// A value with its location.
#[derive(Clone)]
pub(super) struct Node<'t> {
    document: &'t Document<'t>,
    /// The path below the root of the document: `image.env.PORT`.
    path: String,
    offset: usize,
    value: &'t DeValue<'t>,
}

/// A table without unknown keys.
pub(super) struct Table<'t> {
    node: Node<'t>,
    entries: &'t DeTable<'t>,
}

impl Document<'_> {
    pub(super) fn line(&self, offset: usize) -> Line {
        let before = self.text.as_bytes().iter().take(offset);
        Line { file: self.file.to_owned(), number: 1 + before.filter(|&&byte| byte == b'\n').count() }
    }

    /// Converts a syntax error of TOML, with a hint for a frequent mistake.
    pub(super) fn syntax_error(&self, error: &toml::de::Error) -> ConfigError {
        let offset = error.span().map_or(0, |span| span.start);
        let at = self.line(offset);
        let line = self.text.lines().nth(at.number - 1).unwrap_or_default().trim_start();
        let octal = line.strip_prefix("mode").is_some_and(|rest| rest.trim_start().starts_with('='));
        let hint = octal.then(|| "write a mode in quotes: mode = \"0644\"".to_owned());
        ConfigError::Syntax { at, cause: one_line(error.message()), hint }
    }
}

impl<'t> Node<'t> {
    pub(super) fn root(document: &'t Document<'t>, value: &'t DeValue<'t>, offset: usize) -> Self {
        Self { document, path: String::new(), offset, value }
    }

    pub(super) fn value(&self) -> &'t DeValue<'t> {
        self.value
    }

    /// Returns the error for this value.
    pub(super) fn refuse(&self, problem: BadValue) -> ConfigError {
        let key = if self.path.is_empty() { self.document.root.to_owned() } else { self.path.clone() };
        ConfigError::Value { at: self.document.line(self.offset), key, problem }
    }

    pub(super) fn text(&self) -> Result<String, ConfigError> {
        match self.value {
            DeValue::String(text) => Ok(text.to_string()),
            other => Err(self.refuse(not_text(other))),
        }
    }

    /// Reads a string and parses it.
    pub(super) fn parsed<T: FromStr<Err = BadValue>>(&self) -> Result<T, ConfigError> {
        self.checked(str::parse)
    }

    /// Reads a string and checks it.
    pub(super) fn checked<T>(&self, check: impl FnOnce(&str) -> Result<T, BadValue>) -> Result<T, ConfigError> {
        check(&self.text()?).map_err(|problem| self.refuse(problem))
    }

    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        match self.value {
            DeValue::Boolean(value) => Ok(*value),
            other => Err(self.refuse(wrong_type("true or false", other))),
        }
    }

    /// Reads a whole number within the range of the type.
    pub(super) fn integer<T: TryFrom<i64>>(&self) -> Result<T, ConfigError> {
        let DeValue::Integer(digits) = self.value else {
            return Err(self.refuse(wrong_type("a whole number", self.value)));
        };
        i64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.refuse(BadValue::new(format!("cannot be {digits}: out of range"))))
    }

    pub(super) fn list<T>(&self, read: impl Fn(&Self) -> Result<T, ConfigError>) -> Result<Vec<T>, ConfigError> {
        let DeValue::Array(items) = self.value else { return Err(self.refuse(not_list(self.value))) };
        items.iter().map(|item| read(&self.at(self.path.clone(), item.span().start, item))).collect()
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, ConfigError> {
        self.list(Self::text)
    }

    /// Reads an array of tables: `[[name]]`, once for each.
    pub(super) fn tables<T>(&self, read: impl Fn(&Self) -> Result<T, ConfigError>) -> Result<Vec<T>, ConfigError> {
        if matches!(self.value, DeValue::Table(_)) {
            let hint = format!("write it as `[[{}]]`, once for each", self.path);
            return Err(self.refuse(BadValue::new("must be a list of tables").with_hint(hint)));
        }
        self.list(read)
    }

    /// Reads a table with any keys.
    pub(super) fn map<T>(
        &self,
        read: impl Fn(&str, &Self) -> Result<T, ConfigError>,
    ) -> Result<BTreeMap<String, T>, ConfigError> {
        let DeValue::Table(entries) = self.value else { return Err(self.refuse(wrong_type("a table", self.value))) };
        entries
            .iter()
            .map(|(key, value)| {
                let name = key.get_ref().as_ref();
                Ok((name.to_owned(), read(name, &self.at(self.below(name), key.span().start, value))?))
            })
            .collect()
    }

    pub(super) fn text_map(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        self.map(|_, node| node.text())
    }

    /// Reads a table with the allowed keys `known`.
    pub(super) fn table(&self, known: &[&str]) -> Result<Table<'t>, ConfigError> {
        let DeValue::Table(entries) = self.value else { return Err(self.refuse(wrong_type("a table", self.value))) };
        let unknown = entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        if let Some(key) = unknown.min_by_key(|key| key.span().start) {
            return Err(self.unknown(key.get_ref(), key.span().start, known));
        }
        Ok(Table { node: self.clone(), entries })
    }

    fn unknown(&self, key: &str, offset: usize, known: &[&str]) -> ConfigError {
        let hint = match self.document.schema {
            Schema::Project => keys::suggestion(key, &self.path, known, self.document.root),
            Schema::Machine => keys::machine_suggestion(key, known),
        };
        ConfigError::UnknownKey { at: self.document.line(offset), key: self.below(key), hint }
    }

    fn at(&self, path: String, offset: usize, value: &'t Spanned<DeValue<'t>>) -> Self {
        Self { document: self.document, path, offset, value: value.get_ref() }
    }

    fn below(&self, key: &str) -> String {
        let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let key = if bare { key.to_owned() } else { format!("{key:?}") };
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}

impl<'t> Table<'t> {
    /// Reads the value of `key`, if the table has it.
    pub(super) fn get<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Node<'t>) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((name, value)) = self.entries.get_key_value(key) else { return Ok(None) };
        // The location of a table is its header, the location of any other value is the value
        // itself.
        let offset = if value.get_ref().is_table() { name.span().start } else { value.span().start };
        read(&self.node.at(self.node.below(key), offset, value)).map(Some)
    }

    /// Reads the value of a required `key`.
    pub(super) fn required<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Node<'t>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        self.get(key, read)?.ok_or_else(|| ConfigError::Value {
            at: self.node.document.line(self.node.offset),
            key: self.node.below(key),
            problem: BadValue::new("is missing"),
        })
    }
}

/// Returns the error "must be X, not Y".
pub(super) fn wrong_type(wanted: &str, found: &DeValue<'_>) -> BadValue {
    let found: &dyn fmt::Display = match found {
        DeValue::String(_) => &"a string",
        DeValue::Integer(_) => &"an integer",
        DeValue::Float(_) => &"a float",
        DeValue::Boolean(value) => value,
        DeValue::Datetime(_) => &"a date",
        DeValue::Array(_) => &"a list",
        DeValue::Table(_) => &"a table",
    };
    BadValue::new(format!("must be {wanted}, not {found}"))
}

fn not_text(found: &DeValue<'_>) -> BadValue {
    let problem = wrong_type("a string", found);
    match found {
        DeValue::Integer(number) => problem.with_hint(format!("write it in quotes: \"{number}\"")),
        DeValue::Float(number) => problem.with_hint(format!("write it in quotes: \"{number}\"")),
        DeValue::Boolean(value) => problem.with_hint(format!("write it in quotes: \"{value}\"")),
        _ => problem,
    }
}

fn not_list(found: &DeValue<'_>) -> BadValue {
    let problem = wrong_type("a list", found);
    match found {
        DeValue::String(text) => problem.with_hint(format!("write [{}]", toml::Value::from(text.as_ref()))),
        _ => problem,
    }
}
