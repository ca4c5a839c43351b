//! `carboy cache`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::{Args as ClapArgs, Subcommand};

use super::error::CliError;
use super::session::{finish, open_cache};
use crate::config::size;
use crate::diagnostic::{Code, Diagnostic};
use crate::store::CacheKind;
use crate::store::cache::{PruneLimits, Usage};
use crate::ui::{self, Frontend};

#[derive(ClapArgs)]
pub struct Flags {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Shows the cache's directory and contents
    Info {
        #[command(flatten)]
        cache: CacheFlags,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Deletes the entries that were used least recently
    ///
    /// Entries in use by a running carboy stay. Every verb deletes the remains of killed runs.
    Prune {
        #[command(flatten)]
        cache: CacheFlags,
        /// The most that may stay, such as 10GB
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        keep: Option<u64>,
        /// Delete entries unused for longer than this: a number with m, h, d or w, such as 30d
        #[arg(long, value_name = "AGE", value_parser = parse_age)]
        older_than: Option<Duration>,
    },
}

#[derive(ClapArgs)]
struct CacheFlags {
    /// The cache's directory [default: carboy in the user's cache directory]
    #[arg(long, env = "CARBOY_CACHE_DIR", value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    finish(|front| match &flags.verb {
        Verb::Info { cache, json } => info(cache, *json, front),
        Verb::Prune { cache, keep, older_than } => {
            prune(cache, PruneLimits { keep: *keep, older_than: *older_than }, front)
        }
    })
}

fn info(flags: &CacheFlags, json: bool, front: &Arc<dyn Frontend>) -> Result<String, CliError> {
    let cache = open_cache(flags.cache_dir.as_deref(), true, true, front.clone())?;
    let usage = cache.usage(SystemTime::now())?;
    if json {
        return Ok(document(&cache.folder().display().to_string(), &usage));
    }
    let kinds: Vec<_> = usage.kinds.iter().map(|(kind, used)| (name(*kind), used.entries, used.size)).collect();
    Ok(ui::cache_text(cache.folder(), &kinds, usage.busy))
}

fn document(folder: &str, usage: &Usage) -> String {
    let kind = |(kind, used): (&CacheKind, &crate::store::cache::KindUsage)| {
        (name(*kind).replace(' ', "-"), serde_json::json!({ "entries": used.entries, "size": used.size }))
    };
    let kinds: serde_json::Map<_, _> = usage.kinds.iter().map(kind).collect();
    let whole = serde_json::json!({ "folder": folder, "size": usage.size(), "in-use": usage.busy, "kinds": kinds });
    ui::json_text(&whole) + "\n"
}

fn prune(flags: &CacheFlags, bounds: PruneLimits, front: &Arc<dyn Frontend>) -> Result<String, CliError> {
    let cache = open_cache(flags.cache_dir.as_deref(), true, true, front.clone())?;
    let pruned = cache.prune(bounds, SystemTime::now())?;
    let mut text = ui::pruned_text(pruned.entries, pruned.size, pruned.left, pruned.in_use);
    if pruned.refused > 0 {
        let text = format!("cannot delete {} entries, which belong to another user", pruned.refused);
        front.warn(Diagnostic::warning(Code::UnusableCache, text));
    }
    if bounds == PruneLimits::default() {
        text.push_str("--keep 10GB or --older-than 30d deletes more\n");
    }
    Ok(text)
}

/// Returns the name of a kind of entries.
fn name(kind: CacheKind) -> &'static str {
    match kind {
        CacheKind::Blob => "blobs",
        CacheKind::Tar => "layer tars",
        CacheKind::Wheel => "wheels",
        CacheKind::Listing => "layer facts",
        CacheKind::Layer => "layers",
        CacheKind::WheelName => "wheel names",
        CacheKind::Folder => "folders",
        CacheKind::Bytecode => "bytecode",
        CacheKind::Elf => "ELF facts",
        CacheKind::Stage => "stages",
        CacheKind::Tag => "tags",
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    size(text).map_err(|_| "not a size; write a number of bytes, or one with kB, MB, GB, KiB, MiB or GiB".to_owned())
}

/// Parses a number and a unit: `90m`, `12h`, `30d`, `2w`.
fn parse_age(text: &str) -> Result<Duration, String> {
    let wrong = || "not an age; write a number with m, h, d or w, such as 30d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read() {
        assert_eq!(parse_age("30d"), Ok(Duration::from_hours(720)));
        assert_eq!(parse_age("0m"), Ok(Duration::ZERO));
        assert_eq!(parse_size("10GB"), Ok(10_000_000_000));
        for wrong in ["", "d", "30", "-1d", "1y", "1.5h", "99999999999999999999d", "\u{e9}", "18446744073709551615w"] {
            assert!(parse_age(wrong).is_err(), "{wrong}");
        }
        assert!(parse_size("ten").is_err());
    }
}
