//! JSON as Python's `json.dumps` writes it, with sorted keys.
//!
//! Source: CPython's `Lib/json/encoder.py` (`ensure_ascii`: other characters are `\uXXXX`, in
//! UTF-16).

use std::fmt::Write as _;

use serde_json::Value;

/// The signs between items, and between keys and values.
#[derive(Clone, Copy)]
pub(super) struct Separators {
    pub item: &'static str,
    pub key: &'static str,
}

impl Separators {
    /// The signs without arguments of `dumps`.
    pub const DEFAULT: Self = Self { item: ", ", key: ": " };
    /// The signs of `separators=(",", ":")`.
    pub const COMPACT: Self = Self { item: ",", key: ":" };
}

/// Converts TOML to JSON; `None` for numbers with a fraction and for dates, which Python writes in
/// its own way or not at all.
pub(super) fn from_toml(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Boolean(value) => Value::from(*value),
        toml::Value::Array(items) => Value::Array(items.iter().map(from_toml).collect::<Option<_>>()?),
        toml::Value::Table(table) => {
            let pairs = table.iter().map(|(key, value)| Some((key.clone(), from_toml(value)?)));
            Value::Object(pairs.collect::<Option<_>>()?)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
    })
}

/// Writes a value with sorted keys. Numbers have no fraction.
pub(super) fn dumps(value: &Value, signs: Separators) -> String {
    let mut out = String::new();
    write(&mut out, value, signs);
    out
}

fn write(out: &mut String, value: &Value, signs: Separators) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => drop(write!(out, "{value}")),
        Value::Number(number) => drop(write!(out, "{number}")),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { signs.item });
                write(out, item, signs);
            }
            out.push(']');
        }
        Value::Object(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, value)) in pairs.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { signs.item });
                write_text(out, key);
                out.push_str(signs.key);
                write(out, value, signs);
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_ascii_and_keys_are_sorted() {
        let value = json!({ "b": [1, true, null, {}], "a": "é\u{1f600}\"\\\n\u{7f}\u{1}" });
        // Written by CPython 3.13.
        let want = r#"{"a": "\u00e9\ud83d\ude00\"\\\n\u007f\u0001", "b": [1, true, null, {}]}"#;
        assert_eq!(dumps(&value, Separators::DEFAULT), want);
        assert_eq!(dumps(&json!({ "a": [1, 2], "b": 3 }), Separators::COMPACT), r#"{"a":[1,2],"b":3}"#);
    }
}
