//! Which key was meant by one that does not exist.

use super::error::list;
use super::{app, copy, dependencies, directory, extract, file, image, layers, limits, runtime, user};
use crate::hint::nearest;

/// The tables of a configuration and their keys; maps with free keys left out.
pub(super) const TABLES: [(&str, &[&str]); 10] = [
    ("runtime", runtime::KEYS),
    ("extract", extract::KEYS),
    ("dependencies", dependencies::KEYS),
    ("app", app::KEYS),
    ("copy", copy::KEYS),
    ("image", image::KEYS),
    ("user", user::KEYS),
    ("directory", directory::KEYS),
    ("layers", layers::KEYS),
    ("limits", limits::KEYS),
];

/// Every key that a configuration may have, such as `image.entrypoint`, without those of
/// tables with free names.
#[must_use]
pub fn all_keys() -> Vec<String> {
    let tables = TABLES.iter().flat_map(|(table, keys)| keys.iter().map(move |key| format!("{table}.{key}")));
    let top = file::KEYS.iter().chain(&file::OWN_KEYS).map(|&key| key.to_owned());
    top.chain([format!("profile.NAME.{}", file::TAG_SUFFIX)]).chain(tables).collect()
}

/// What to suggest for `key` in the table `path`, which has the keys `known`,
/// of the configuration in the table `root`.
pub(super) fn meant(key: &str, path: &str, known: &[&str], root: &str) -> String {
    if key == "limits" && path.starts_with("profile.") {
        return match root {
            "" => "limits hold for all profiles: write `[limits]`".to_owned(),
            root => format!("limits hold for all profiles: write `[{root}.limits]`"),
        };
    }
    if let Some(near) = nearest(key, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let homes: Vec<_> = TABLES.iter().filter(|(_, keys)| keys.contains(&key)).collect();
    match homes[..] {
        [(table, _)] if path.is_empty() => format!("did you mean `{table}.{key}`?"),
        _ if !path.is_empty() && file::KEYS.contains(&key) => match root {
            "" => format!("write `{key}` at the top, before the first table"),
            root => format!("write `{key}` under `[{root}]`, before the next table"),
        },
        _ => format!("the keys here are {}", list(known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_looked_for_nearby_and_then_in_other_tables() {
        for (key, path, known, hint) in [
            ("platfroms", "", file::KEYS, "did you mean `platforms`?"),
            ("entrypont", "image", image::KEYS, "did you mean `entrypoint`?"),
            ("entrypoint", "", file::KEYS, "did you mean `image.entrypoint`?"),
            ("platforms", "layers", layers::KEYS, "write `platforms` at the top, before the first table"),
            ("zzzzz", "layers", layers::KEYS, "the keys here are `compression`, `level`, `split-size`, `split-max`"),
        ] {
            assert_eq!(meant(key, path, known, ""), hint);
        }
        let within = meant("platforms", "layers", layers::KEYS, "tool.carboy");
        assert_eq!(within, "write `platforms` under `[tool.carboy]`, before the next table");
    }
}
