//! Versions that a Python module states as a literal.

use ruff_python_ast::Stmt;
use toml::Value;

use crate::python::syntax::{assigned, literal, names, with_module};

/// The value of a name in a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stated {
    Version(String),
    /// The name is imported from another module: its dots, its dotted name, and the name there.
    Imported {
        level: usize,
        module: String,
        name: String,
    },
    /// The value is known only at run time.
    Computed,
}

/// Returns the value of a name at the top of a module; `None` if the module does not have the name.
pub(super) fn stated(text: &str, name: &str) -> Option<Stated> {
    let look = |body: &[Stmt]| {
        let known = names(body);
        let value = body.iter().flat_map(assigned).find(|(target, _)| *target == name);
        if let Some((_, value)) = value {
            let version = literal(value, &known, 0).and_then(|value| version(&value));
            return Some(version.map_or(Stated::Computed, Stated::Version));
        }
        body.iter().find_map(|stmt| imported(stmt, name))
    };
    with_module(text, look).flatten()
}

/// Returns a version as setuptools makes it of a value: the parts of a tuple are joined with dots.
fn version(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(_) | Value::Float(_) => Some(value.to_string()),
        Value::Array(parts) => {
            let part = |part: &Value| match part {
                Value::String(text) => Some(text.clone()),
                Value::Integer(number) => Some(number.to_string()),
                _ => None,
            };
            parts.iter().map(part).collect::<Option<Vec<_>>>().map(|parts| parts.join("."))
        }
        _ => None,
    }
}

/// Returns the origin of a name, if a statement imports it.
fn imported(stmt: &Stmt, name: &str) -> Option<Stated> {
    let Stmt::ImportFrom(import) = stmt else { return None };
    let alias = import.names.iter().find(|alias| alias.asname.as_ref().unwrap_or(&alias.name).as_str() == name)?;
    Some(Stated::Imported {
        level: import.level as usize,
        module: import.module.as_ref().map(|module| module.as_str().to_owned()).unwrap_or_default(),
        name: alias.name.as_str().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_literal_or_comes_from_elsewhere() {
        let version = |text: &str| Some(Stated::Version(text.to_owned()));
        for (text, want) in [
            ("__version__ = '1.2'", version("1.2")),
            ("V = (1, 2, 'rc1')\n__version__ = V", version("1.2.rc1")),
            ("__version__: str = '1'", version("1")),
            ("__version__ = '.'.join(['1'])", Some(Stated::Computed)),
            ("if x:\n    __version__ = '1'", None),
            (
                "from ._v import version as __version__",
                Some(Stated::Imported { level: 1, module: "_v".to_owned(), name: "version".to_owned() }),
            ),
        ] {
            assert_eq!(stated(text, "__version__"), want, "{text}");
        }
    }
}
