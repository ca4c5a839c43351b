//! Texts that a `setup.py` formats: `format % argument` and f-strings.

use ruff_python_ast::{ExprFString, FStringPart, InterpolatedStringElement};

use super::scope::{Scope, Stop};
use super::value::{Unknown, Value};

impl<'a> Scope<'a> {
    /// Returns the value of `format % argument`, for `%s` and `%d` alone.
    pub fn percent(&mut self, format: &str, argument: &Value<'a>) -> Result<Value<'a>, Stop> {
        let mut arguments = match argument {
            Value::List(list) if list.borrow().unknown.is_none() => list.borrow().items.clone(),
            other => vec![other.clone()],
        }
        .into_iter();
        let mut out = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                out.push(character);
                continue;
            }
            let Some(kind) = characters.next() else { return Ok(self.undecided(Unknown::Computed)) };
            if kind == '%' {
                out.push('%');
                continue;
            }
            self.room(out.len())?;
            match (kind, arguments.next()) {
                ('s', Some(Value::Str(text))) => out.push_str(&text),
                ('s' | 'd', Some(Value::Int(number))) => out.push_str(&number.to_string()),
                (_, other) => {
                    let why =
                        other.and_then(|value| value.unknown()).or(argument.unknown()).unwrap_or(Unknown::Computed);
                    return Ok(self.undecided(why));
                }
            }
        }
        self.text(&out)
    }

    /// Returns the value of an f-string without format specifications.
    pub fn formatted(&mut self, text: &'a ExprFString) -> Result<Value<'a>, Stop> {
        let mut out = String::new();
        for part in &text.value {
            let elements = match part {
                FStringPart::Literal(literal) => {
                    out.push_str(&literal.value);
                    continue;
                }
                FStringPart::FString(one) => &one.elements,
            };
            for element in elements {
                self.room(out.len())?;
                match element {
                    InterpolatedStringElement::Literal(literal) => out.push_str(&literal.value),
                    InterpolatedStringElement::Interpolation(one) => {
                        let value = self.value(&one.expression)?;
                        match &value {
                            Value::Str(text) | Value::Path(text) if one.format_spec.is_none() => out.push_str(text),
                            Value::Int(number) if one.format_spec.is_none() => out.push_str(&number.to_string()),
                            other => {
                                let why = other.unknown().unwrap_or(Unknown::Computed);
                                return Ok(self.undecided(why));
                            }
                        }
                    }
                }
            }
        }
        self.text(&out)
    }
}
