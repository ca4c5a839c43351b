//! Numbers of bytes: `500`, `500MB`, `16 GiB`.

use toml::de::DeValue;

use super::ConfigError;
use super::error::BadValue;
use super::reader::{Node, wrong_type};

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Parses a number of bytes: `500`, `500MB`, `16 GiB`.
///
/// # Errors
/// Returns an error for text other than a whole number with a unit, and for a size that no file can
/// have.
pub fn size(text: &str) -> Result<u64, BadValue> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let factor = factor.or(unit.is_empty().then_some(1)).filter(|_| digits > 0);
    let Some(factor) = factor else {
        let problem = BadValue::new(format!("has `{text}`, not a size"));
        return Err(problem.with_hint("write a number of bytes, or one with kB, MB, GB, KiB, MiB or GiB: \"16GiB\""));
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    let bytes = bytes.filter(|bytes| i64::try_from(*bytes).is_ok());
    bytes.ok_or_else(|| BadValue::new(format!("cannot be {text}: out of range")))
}

/// Reads a size from TOML: a number, or a string with a unit.
pub(super) fn read(node: &Node<'_>) -> Result<u64, ConfigError> {
    match node.value() {
        DeValue::String(_) => node.checked(size),
        DeValue::Integer(_) => node.integer(),
        other => Err(node.refuse(wrong_type("a size such as \"16GiB\"", other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, bytes) in [
            ("1", 1),
            ("16GiB", 16 << 30),
            ("16 GiB", 16 << 30),
            ("64kB", 64_000),
            ("3MB", 3_000_000),
            ("7B", 7),
            ("0", 0),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "GiB", "1.5GiB", "-1", "16G", "16gib", "1 0", "99999999999999GiB", "9000000TiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
