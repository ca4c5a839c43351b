//! File modes in octal, as chmod accepts them.

use toml::de::DeValue;

use super::ConfigError;
use super::error::BadValue;
use super::reader::{Node, wrong_type};

/// The permission bits with setuid, setgid and sticky.
const MODE_BITS: u32 = 0o7777;

/// Parses `0644`, `644` or `0o644`.
///
/// # Errors
/// Returns an error for text other than octal digits up to 7777.
pub fn parse_mode(text: &str) -> Result<u32, BadValue> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    octal
        .then(|| u32::from_str_radix(digits, 8).ok())
        .flatten()
        .filter(|mode| *mode <= MODE_BITS)
        .ok_or_else(|| BadValue::new(format!("has `{text}`, not an octal mode")).with_hint("write it like \"0644\""))
}

/// Reads a mode in quotes. A TOML number would be decimal.
pub(super) fn read(node: &Node<'_>) -> Result<u32, ConfigError> {
    let DeValue::Integer(number) = node.value() else { return node.checked(parse_mode) };
    let quoted = format!("write it in quotes: \"{:0>4}\"", number.as_str());
    Err(node.refuse(wrong_type("an octal string", node.value()).with_hint(quoted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_digits_are_read_and_others_refused() {
        for (text, mode) in [("0644", 0o644), ("755", 0o755), ("0o1777", 0o1777), ("0", 0)] {
            assert_eq!(parse_mode(text), Ok(mode));
        }
        for bad in ["", "0o", "0648", "rw-r--r--", "+644", "10000", "77777777777777", "-1"] {
            assert!(parse_mode(bad).is_err(), "{bad}");
        }
    }
}
