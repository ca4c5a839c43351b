//! The variables of a stage, of `ENV` and `ARG`.

use std::collections::BTreeMap;

use super::value::Value;

/// The most variables of a stage.
pub(super) const VARIABLES: usize = 250;
/// A variable that none of the common base images sets; unset until the file sets it.
const UNSET: &str = "PYTHONPATH";

/// The variables of a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scope {
    /// The character that escapes the next one.
    pub escape: char,
    values: BTreeMap<String, Variable>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Variable {
    Env(Value),
    /// None without a default.
    Argument(Option<Value>),
}

impl Scope {
    pub(super) fn new(escape: char) -> Self {
        Self { escape, values: BTreeMap::new() }
    }

    /// Returns the value of a variable; an unknown one of an argument without a default, and of a
    /// variable that the base image may set.
    pub(super) fn value(&self, name: &str) -> Value {
        match self.values.get(name) {
            Some(Variable::Env(value) | Variable::Argument(Some(value))) => value.clone(),
            None if name == UNSET => Value::default(),
            None | Some(Variable::Argument(None)) => Value::unknown(format!("`${name}`")),
        }
    }

    /// Returns whether a variable has a value.
    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Variable::Env(_) | Variable::Argument(Some(_))))
    }

    /// Returns whether a variable is an argument.
    pub(super) fn is_argument(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Variable::Argument(_)))
    }

    /// Returns the variables that `ENV` sets.
    pub(super) fn env(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().filter_map(|(name, variable)| match variable {
            Variable::Env(value) => Some((name.as_str(), value)),
            Variable::Argument(_) => None,
        })
    }

    pub(super) fn set_env(&mut self, name: String, value: Value) {
        self.set(name, Variable::Env(value));
    }

    /// Declares an argument. Without a default it has that of the arguments before the first
    /// stage. A variable of the same name stays.
    pub(super) fn set_argument(&mut self, name: &str, default: Option<Value>, global: &Self) {
        let inherited = || match global.values.get(name) {
            Some(Variable::Argument(default)) => default.clone(),
            _ => None,
        };
        if !matches!(self.values.get(name), Some(Variable::Env(_))) {
            self.set(name.to_owned(), Variable::Argument(default.or_else(inherited)));
        }
    }

    fn set(&mut self, name: String, variable: Variable) {
        if self.values.len() < VARIABLES || self.values.contains_key(&name) {
            self.values.insert(name, variable);
        }
    }
}
