//! `[limits]`: the limits for images that carboy reads.

use super::error::BadValue;
use super::reader::Node;
use super::{ConfigError, keys, size};
use crate::rootfs::Limits;

fn not_zero(number: u64) -> Result<u64, BadValue> {
    if number > 0 { Ok(number) } else { Err(BadValue::new("cannot be 0: no image could be read")) }
}

fn read_size(node: &Node<'_>) -> Result<u64, ConfigError> {
    not_zero(size::read(node)?).map_err(|problem| node.refuse(problem))
}

fn read_count(node: &Node<'_>) -> Result<u64, ConfigError> {
    not_zero(node.integer()?).map_err(|problem| node.refuse(problem))
}

/// Reads the size of a zstd window. zstd supports windows of 1 KiB to 2 GiB.
fn read_window(node: &Node<'_>) -> Result<u64, ConfigError> {
    let size = read_size(node)?;
    let fits = (1 << 10..=1 << 31).contains(&size);
    if fits { Ok(size) } else { Err(node.refuse(BadValue::new("must be from 1KiB to 2GiB"))) }
}

/// Reads the table over the defaults.
pub(super) fn read(node: &Node<'_>) -> Result<Limits, ConfigError> {
    let table = node.table(keys::LIMITS)?;
    let default = Limits::default();
    Ok(Limits {
        layer_size: table.get("layer-size", read_size)?.unwrap_or(default.layer_size),
        layer_entries: table.get("layer-entries", read_count)?.unwrap_or(default.layer_entries),
        layer_names: table.get("layer-names", read_size)?.unwrap_or(default.layer_names),
        name_length: table.get("name-length", read_count)?.unwrap_or(default.name_length),
        image_size: table.get("image-size", read_size)?.unwrap_or(default.image_size),
        image_entries: table.get("image-entries", read_count)?.unwrap_or(default.image_entries),
        zstd_window: table.get("zstd-window", read_window)?.unwrap_or(default.zstd_window),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;
    use crate::hint::Hint as _;

    #[test]
    fn the_table_is_read_over_the_defaults() {
        let file = File::parse("[limits]\nlayer-size = \"1GiB\"\nlayer-entries = 7\n", "carboy.toml").unwrap();
        assert_eq!(file.limits, Limits { layer_size: 1 << 30, layer_entries: 7, ..Limits::default() });
        assert_eq!(File::parse("", "carboy.toml").unwrap().limits, Limits::default());
    }

    #[test]
    fn errors_have_their_line() {
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
