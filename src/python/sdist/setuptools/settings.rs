//! The arguments of `setup()`, from `setup.py`, `setup.cfg` and `pyproject.toml`.

use std::collections::BTreeMap;

use super::value::{Unknown, Value};
use crate::python::sdist::error::SdistError;

/// A value without references to a parsed file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Plain {
    None,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Plain>),
    Dict(Vec<(String, Plain)>),
}

impl Plain {
    /// Converts a decided value.
    pub fn of(value: &Value<'_>) -> Result<Self, Unknown> {
        if let Some(why) = value.unknown() {
            return Err(why);
        }
        Self::of_decided(value)
    }

    /// Converts a value that `Value::unknown` has looked through, which bounds it.
    fn of_decided(value: &Value<'_>) -> Result<Self, Unknown> {
        Ok(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Str(text) | Value::Path(text) => Self::Text(text.to_string()),
            Value::List(list) => {
                Self::List(list.borrow().items.iter().map(Self::of_decided).collect::<Result<_, _>>()?)
            }
            Value::Dict(dict) => {
                let pair = |(key, value): &(Value<'_>, Value<'_>)| {
                    Ok((key.text().ok_or(Unknown::Computed)?.to_string(), Self::of_decided(value)?))
                };
                Self::Dict(dict.borrow().items.iter().map(pair).collect::<Result<_, _>>()?)
            }
            _ => Self::None,
        })
    }

    pub fn texts(items: impl IntoIterator<Item = String>) -> Self {
        Self::List(items.into_iter().map(Self::Text).collect())
    }

    /// Returns whether setuptools treats the value as not given.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::None | Self::Bool(false) | Self::Int(0) => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Dict(items) => items.is_empty(),
            _ => false,
        }
    }
}

/// One argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    pub value: Result<Plain, Unknown>,
    /// The file that gives it.
    pub file: &'static str,
    /// The keys of a dictionary that is not decided as a whole.
    pub keys: Option<Vec<String>>,
}

/// The arguments by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings(pub BTreeMap<String, Setting>);

impl Settings {
    /// Adds an argument.
    pub fn set(&mut self, name: &str, file: &'static str, value: Plain) {
        self.0.insert(name.to_owned(), Setting { value: Ok(value), file, keys: None });
    }

    /// Adds an argument unless one that is not empty is there.
    pub fn set_default(&mut self, name: &str, file: &'static str, value: Plain) {
        let there =
            self.0.get(name).is_some_and(|setting| setting.value.as_ref().map_or(true, |value| !value.is_empty()));
        if !there {
            self.set(name, file, value);
        }
    }

    /// Maps all packages to the one directory in which they were found, unless another is given.
    pub fn fill_package_dir(&mut self, directory: &str, file: &'static str) {
        let mut map = match self.0.get("package_dir").map(|setting| &setting.value) {
            None | Some(Ok(Plain::None)) => Vec::new(),
            Some(Ok(Plain::Dict(map))) => map.clone(),
            Some(_) => return,
        };
        if !directory.is_empty() && map.iter().all(|(key, _)| !key.is_empty()) {
            map.push((String::new(), Plain::Text(directory.to_owned())));
            self.set("package_dir", file, Plain::Dict(map));
        }
    }

    /// Returns an argument.
    ///
    /// # Errors
    /// The files do not decide the argument.
    pub fn get(&self, name: &str) -> Result<Option<&Plain>, SdistError> {
        let Some(setting) = self.0.get(name) else { return Ok(None) };
        match &setting.value {
            Ok(Plain::None) => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(why) => Err(computed(setting.file, name, *why)),
        }
    }

    /// Returns a list of texts. A single text is split at white space, as setuptools does.
    pub fn list(&self, name: &str) -> Result<Option<Vec<String>>, SdistError> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let items = match value {
            Plain::Text(text) => {
                text.split([',', ' ', '\n', '\t']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            }
            Plain::List(items) => items.iter().map(text).collect::<Option<_>>().ok_or_else(|| self.invalid(name))?,
            _ => return Err(self.invalid(name)),
        };
        Ok(Some(items))
    }

    /// Returns a dictionary of lists of texts.
    pub fn lists(&self, name: &str) -> Result<Vec<(String, Vec<String>)>, SdistError> {
        let Some(value) = self.get(name)? else { return Ok(Vec::new()) };
        let Plain::Dict(items) = value else { return Err(self.invalid(name)) };
        let one = |(key, value): &(String, Plain)| {
            let values = match value {
                Plain::List(items) => items.iter().map(text).collect::<Option<_>>()?,
                Plain::Text(text) => vec![text.clone()],
                _ => return None,
            };
            Some((key.clone(), values))
        };
        items.iter().map(one).collect::<Option<_>>().ok_or_else(|| self.invalid(name))
    }

    /// Returns the error for an argument of the wrong type.
    pub fn invalid(&self, name: &str) -> SdistError {
        SdistError::Invalid(format!("`{name}` in {}", self.0.get(name).map_or("setup.py", |setting| setting.file)))
    }
}

/// Returns the error for an argument that the files do not decide.
pub fn computed(file: &'static str, argument: &str, why: Unknown) -> SdistError {
    let why = match why {
        Unknown::Computed => "which is more than its text says",
        Unknown::Machine => "which may depend on the machine that builds",
    };
    SdistError::Computed { file, argument: argument.to_owned(), why }
}

pub fn text(value: &Plain) -> Option<String> {
    match value {
        Plain::Text(text) => Some(text.clone()),
        _ => None,
    }
}
