//! `[limits]`: how much carboy takes from an image that it is given.

use toml::de::DeValue;

use super::ConfigError;
use super::error::BadValue;
use super::reader::{Node, wrong_type};
use crate::rootfs::Limits;

pub(super) const KEYS: &[&str] = &["layer-size", "layer-entries", "layer-names", "name-length", "zstd-window"];

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

/// Reads a number of bytes: `500`, `500MB`, `16 GiB`.
///
/// # Errors
/// Anything but a whole number and a unit; what no file can have.
fn size(text: &str) -> Result<u64, BadValue> {
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
    bytes
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .ok_or_else(|| BadValue::new(format!("cannot be {text}: out of range")))
        .and_then(not_zero)
}

fn not_zero(number: u64) -> Result<u64, BadValue> {
    if number > 0 { Ok(number) } else { Err(BadValue::new("cannot be 0: no image could be read")) }
}

fn read_size(node: &Node<'_>) -> Result<u64, ConfigError> {
    match node.value() {
        DeValue::String(_) => node.checked(size),
        DeValue::Integer(_) => read_count(node),
        other => Err(node.refuse(wrong_type("a size such as \"16GiB\"", other))),
    }
}

fn read_count(node: &Node<'_>) -> Result<u64, ConfigError> {
    not_zero(node.integer()?).map_err(|problem| node.refuse(problem))
}

/// zstd itself knows windows of 1 KiB to 2 GiB.
fn read_window(node: &Node<'_>) -> Result<u64, ConfigError> {
    let size = read_size(node)?;
    let fits = (1 << 10..=1 << 31).contains(&size);
    if fits { Ok(size) } else { Err(node.refuse(BadValue::new("must be from 1KiB to 2GiB"))) }
}

/// Reads the table over the defaults.
pub(super) fn read(node: &Node<'_>) -> Result<Limits, ConfigError> {
    let table = node.table(KEYS)?;
    let default = Limits::default();
    Ok(Limits {
        layer_size: table.get("layer-size", read_size)?.unwrap_or(default.layer_size),
        layer_entries: table.get("layer-entries", read_count)?.unwrap_or(default.layer_entries),
        layer_names: table.get("layer-names", read_size)?.unwrap_or(default.layer_names),
        name_length: table.get("name-length", read_count)?.unwrap_or(default.name_length),
        zstd_window: table.get("zstd-window", read_window)?.unwrap_or(default.zstd_window),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;
    use crate::hint::Hint as _;

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, bytes) in
            [("1", 1), ("16GiB", 16 << 30), ("16 GiB", 16 << 30), ("64kB", 64_000), ("3MB", 3_000_000), ("7B", 7)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "GiB", "1.5GiB", "-1", "16G", "16gib", "1 0", "0", "0GiB", "99999999999999GiB", "9000000TiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_table_is_read_over_the_defaults() {
        let file = File::parse("[limits]\nlayer-size = \"1GiB\"\nlayer-entries = 7\n", "carboy.toml").unwrap();
        assert_eq!(file.limits, Limits { layer_size: 1 << 30, layer_entries: 7, ..Limits::default() });
        assert_eq!(File::parse("", "carboy.toml").unwrap().limits, Limits::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (line, says, hint) in [
            (
                "layer-size = \"16G\"",
                "`limits.layer-size` has `16G`, not a size",
                "write a number of bytes, or one with kB, MB, GB, KiB, MiB or GiB: \"16GiB\"",
            ),
            ("layer-size = 0", "`limits.layer-size` cannot be 0: no image could be read", ""),
            ("layer-size = true", "`limits.layer-size` must be a size such as \"16GiB\", not true", ""),
            ("layer-entries = \"7\"", "`limits.layer-entries` must be a whole number, not a string", ""),
            ("layer-entries = -1", "`limits.layer-entries` cannot be -1: out of range", ""),
            ("zstd-window = \"3GiB\"", "`limits.zstd-window` must be from 1KiB to 2GiB", ""),
            ("layer-entires = 1", "unknown key `limits.layer-entires`", "did you mean `layer-entries`?"),
        ] {
            let error = File::parse(&format!("[limits]\n{line}\n"), "carboy.toml").unwrap_err();
            assert_eq!(error.to_string(), format!("carboy.toml:2: {says}"));
            assert_eq!(error.hint().unwrap_or_default(), hint);
        }
        let error = File::parse("[profile.ci.limits]\nlayer-size = 1\n", "carboy.toml").unwrap_err();
        assert_eq!(error.to_string(), "carboy.toml:1: unknown key `profile.ci.limits`");
        assert_eq!(error.hint().as_deref(), Some("limits hold for all profiles: write `[limits]`"));
    }
}
