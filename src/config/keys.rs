//! The keys of a configuration, and suggestions for unknown ones.

use super::error::list;
use crate::hint::nearest;

/// The keys that a file and each of its profiles may have.
pub(super) const SHARED: &[&str] = &[
    "to",
    "tags",
    "image-index",
    "platforms",
    "python",
    "base",
    "builder",
    "runtime",
    "extract",
    "dependencies",
    "app",
    "copy",
    "image",
    "user",
    "directory",
    "layers",
];
/// The keys that only a file may have.
pub(super) const FILE_ONLY: [&str; 2] = ["profile", "limits"];
/// The key that only a profile may have.
pub(super) const TAG_SUFFIX: &str = "tag-suffix";

/// The keys of `[runtime]`.
pub(super) const RUNTIME: &[&str] = &["exclude", "terminfo", "dlopen", "allow-missing", "allow-mixed", "bytecode"];
/// The keys of `[[extract]]`.
pub(super) const EXTRACT: &[&str] = &["from", "paths", "to", "libraries"];
/// The keys of `[dependencies]`.
pub(super) const DEPENDENCIES: &[&str] = &[
    "lock",
    "extras",
    "groups",
    "member",
    "wheelhouse",
    "index",
    "site-packages",
    "exclude",
    "allow-missing-requirements",
    "allow-stale-lock",
];
/// The keys of `[app]`.
pub(super) const APP: &[&str] = &["source", "to", "include", "exclude", "wheel", "version", "allow-missing-imports"];
/// The keys of `[[copy]]`.
pub(super) const COPY: &[&str] = &["from", "to", "include", "mode", "owner"];
/// The keys of `[image]`.
pub(super) const IMAGE: &[&str] =
    &["entrypoint", "cmd", "env", "user", "workdir", "ports", "volumes", "labels", "annotations", "stop-signal"];
/// The keys of `[[user]]`.
pub(super) const USER: &[&str] = &["name", "uid", "gid", "home"];
/// The keys of `[[directory]]`.
pub(super) const DIRECTORY: &[&str] = &["path", "mode", "owner"];
/// The keys of `[layers]`.
pub(super) const LAYERS: &[&str] = &["compression", "level", "split-size", "split-max"];
/// The keys of `[limits]`.
pub(super) const LIMITS: &[&str] =
    &["layer-size", "layer-entries", "layer-names", "name-length", "image-size", "image-entries", "zstd-window"];

/// The tables of a configuration with their keys, without maps that accept any key.
pub(super) const TABLES: [(&str, &[&str]); 10] = [
    ("runtime", RUNTIME),
    ("extract", EXTRACT),
    ("dependencies", DEPENDENCIES),
    ("app", APP),
    ("copy", COPY),
    ("image", IMAGE),
    ("user", USER),
    ("directory", DIRECTORY),
    ("layers", LAYERS),
    ("limits", LIMITS),
];

/// The tables of a machine's file.
pub(super) const MACHINE: &[&str] = &["network", "registry", "mirror"];
/// The keys of `[network]` in a machine's file.
pub(super) const NETWORK: &[&str] = &["ca", "retries", "timeout", "connect-timeout", "connections"];
/// The keys of `[registry."HOST"]` in a machine's file.
pub(super) const REGISTRY: &[&str] =
    &["insecure", "ca", "cert", "key", "retries", "timeout", "connect-timeout", "connections"];
/// The keys of `[[mirror]]` in a machine's file.
pub(super) const MIRROR: &[&str] = &["prefix", "location", "fallback"];
/// Keys that users look for in a project's file, and that belong to a machine.
const OF_MACHINES: [&str; 13] = [
    "mirror",
    "mirrors",
    "registry",
    "registries",
    "network",
    "insecure",
    "insecure-registries",
    "ca",
    "cert",
    "proxy",
    "proxies",
    "retries",
    "timeout",
];

/// Lists every key that a machine's file may have, such as `mirror.prefix`.
#[must_use]
pub fn all_machine_keys() -> Vec<String> {
    let tables = [("network", NETWORK), ("registry", REGISTRY), ("mirror", MIRROR)];
    tables.iter().flat_map(|(table, keys)| keys.iter().map(move |key| format!("{table}.{key}"))).collect()
}

/// Lists every key that a configuration may have, such as `image.entrypoint`, without the keys of
/// maps that accept any key.
#[must_use]
pub fn all_keys() -> Vec<String> {
    let tables = TABLES.iter().flat_map(|(table, keys)| keys.iter().map(move |key| format!("{table}.{key}")));
    let top = SHARED.iter().chain(&FILE_ONLY).map(|&key| key.to_owned());
    top.chain([format!("profile.NAME.{TAG_SUFFIX}")]).chain(tables).collect()
}

/// Returns the hint for the unknown `key` of the table `path`, a table with the keys `known`.
///
/// `root` is the table that holds the configuration: `tool.carboy`, or empty.
pub(super) fn suggestion(key: &str, path: &str, known: &[&str], root: &str) -> String {
    if key == "limits" && path.starts_with("profile.") {
        return match root {
            "" => "limits hold for all profiles: write `[limits]`".to_owned(),
            root => format!("limits hold for all profiles: write `[{root}.limits]`"),
        };
    }
    let is_top = path.is_empty() || path.strip_prefix("profile.").is_some_and(|name| !name.contains('.'));
    if is_top && OF_MACHINES.contains(&key) {
        return "this is a setting of a machine, not of a project: write it in ~/.config/carboy/config.toml, as \
                `carboy help networks` says"
            .to_owned();
    }
    if let Some(near) = nearest(key, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let tables: Vec<_> = TABLES.iter().filter(|(_, keys)| keys.contains(&key)).collect();
    match tables[..] {
        [(table, _)] if path.is_empty() => format!("did you mean `{table}.{key}`?"),
        _ if !path.is_empty() && SHARED.contains(&key) => match root {
            "" => format!("write `{key}` at the top, before the first table"),
            root => format!("write `{key}` under `[{root}]`, before the next table"),
        },
        _ => format!("the keys here are {}", list(known)),
    }
}

/// Returns the hint for the unknown `key` of a machine's file, in a table with the keys `known`.
pub(super) fn machine_suggestion(key: &str, known: &[&str]) -> String {
    let homes: Vec<_> = [("[network]", NETWORK), ("[registry.\"HOST\"]", REGISTRY), ("[[mirror]]", MIRROR)]
        .into_iter()
        .filter(|(_, keys)| keys.contains(&key))
        .map(|(table, _)| table)
        .collect();
    match homes[..] {
        [] => {}
        [home] => return format!("write `{key}` under {home}"),
        [home, other, ..] => return format!("write `{key}` under {home}, or under {other}"),
    }
    if let Some(near) = nearest(key, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if SHARED.contains(&key) || FILE_ONLY.contains(&key) {
        return format!("`{key}` belongs to a project: write it in carboy.toml");
    }
    format!("the keys here are {}", list(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_come_from_the_same_table_and_then_from_other_tables() {
        for (key, path, known, hint) in [
            ("platfroms", "", SHARED, "did you mean `platforms`?"),
            ("entrypont", "image", IMAGE, "did you mean `entrypoint`?"),
            ("entrypoint", "", SHARED, "did you mean `image.entrypoint`?"),
            ("platforms", "layers", LAYERS, "write `platforms` at the top, before the first table"),
            ("zzzzz", "layers", LAYERS, "the keys here are `compression`, `level`, `split-size`, `split-max`"),
        ] {
            assert_eq!(suggestion(key, path, known, ""), hint);
        }
        let within = suggestion("platforms", "layers", LAYERS, "tool.carboy");
        assert_eq!(within, "write `platforms` under `[tool.carboy]`, before the next table");
    }
}
