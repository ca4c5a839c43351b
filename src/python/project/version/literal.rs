//! Versions that a Python module states as a literal.
//!
//! Source: setuptools' `config/expand.py` (`StaticModule`), flit's `common.py`: the first assignment
//! counts if it is a literal, whatever follows.

use toml::Value;

use crate::python::syntax::{Names, assigned, literal, with_module};

/// Returns the literal that a module first assigns to a name at its top, as text; none if the first
/// value is no literal.
pub(super) fn first_literal(text: &str, name: &str) -> Option<String> {
    let first = with_module(text, |body| {
        let (_, value) = body.iter().flat_map(assigned).find(|(target, _)| *target == name)?;
        literal(value, &Names::new(), 0)
    });
    version(&first.flatten()?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_literal_counts() {
        for (text, want) in [
            ("__version__ = '1.2'", Some("1.2")),
            ("__version__ = '1'\n__version__ = '2'", Some("1")),
            ("__version__ = (1, 2, 'rc1')", Some("1.2.rc1")),
            ("__version__: str = '1'", Some("1")),
            ("V = '1'\n__version__ = V", None),
            ("__version__ = f()\n__version__ = '1'", None),
            ("if x:\n    __version__ = '1'", None),
        ] {
            assert_eq!(first_literal(text, "__version__").as_deref(), want, "{text}");
        }
    }
}
