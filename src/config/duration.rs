//! Lengths of time: `30`, `30s`, `500ms`, `2m`.

use std::time::Duration;

use toml::de::DeValue;

use super::ConfigError;
use super::error::BadValue;
use super::reader::{Node, wrong_type};

/// The units, in milliseconds.
const UNITS: [(&str, u64); 5] = [("", 1000), ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
/// The longest time, in milliseconds: a day.
const LONGEST: u64 = 24 * 3_600_000;

/// Parses a whole number with a unit; without one, seconds.
fn duration(text: &str) -> Result<Duration, BadValue> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).map(|(_, factor)| *factor);
    let Some(factor) = factor.filter(|_| digits > 0) else {
        let problem = BadValue::new(format!("has `{text}`, not a length of time"));
        return Err(problem.with_hint("write a number of seconds, or one with ms, s, m or h: \"30s\""));
    };
    let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match millis.filter(|millis| (1..=LONGEST).contains(millis)) {
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err(BadValue::new(format!("cannot be {text}: it must be more than 0 and at most a day"))),
    }
}

/// Reads a length of time from TOML: a number of seconds, or a string with a unit.
pub(super) fn read(node: &Node<'_>) -> Result<Duration, ConfigError> {
    match node.value() {
        DeValue::String(_) => node.checked(duration),
        DeValue::Integer(_) => duration(&node.integer::<u64>()?.to_string()).map_err(|problem| node.refuse(problem)),
        other => Err(node.refuse(wrong_type("a length of time such as \"30s\"", other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_numbers_with_units() {
        for (text, millis) in [("30", 30_000), ("30s", 30_000), ("500ms", 500), ("2 m", 120_000), ("24h", LONGEST)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", "0", "-1", "1.5s", "1d", "25h", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
