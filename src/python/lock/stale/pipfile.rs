//! The hash of a `Pipfile` in its `Pipfile.lock`.
//!
//! Source: plette's `plette/pipfiles.py`, `Pipfile.get_hash` and `Pipfile.load`, of 0.2, 0.4 and
//! 2.4; pipenv 2026's `pipenv/utils/pipfile.py`, `calculate_hash`, which normalises names. A hash
//! that any of these would write is right.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use toml::Table;

use super::content_hash::content_hash;
use super::python_json::{Separators, from_toml};

/// The tables of a Pipfile that are no categories of packages.
const SECTIONS: [&str; 8] =
    ["source", "packages", "dev-packages", "requires", "scripts", "pipenv", "default", "develop"];

/// Returns what differs between the hash of a lock file and its Pipfile.
pub(super) fn difference(lock: &str, pipfile: &str) -> Option<String> {
    let lock: Value = serde_json::from_str(lock).ok()?;
    let locked = lock.get("_meta")?.get("hash")?.get("sha256")?.as_str()?;
    let is_sha256 = locked.len() == 64 && locked.bytes().all(|b| b.is_ascii_hexdigit());
    let hashes = hashes(&toml::from_str(pipfile).ok()?)?;
    let differs = is_sha256 && !hashes.contains(&locked.to_ascii_lowercase());
    differs.then(|| "its hash is of another Pipfile".to_owned())
}

/// Returns the hashes that versions of pipenv write for a Pipfile; `None` for one with tables that
/// they treat differently.
fn hashes(pipfile: &Table) -> Option<BTreeSet<String>> {
    if pipfile.contains_key("pipfile") {
        return None;
    }
    let section = |name: &str| pipfile.get(name).map_or(Some(json!({})), from_toml);
    let default = json!([{ "name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": true }]);
    let sources = pipfile.get("source").map_or(Some(default), from_toml)?;
    let meta = json!({ "sources": sources, "requires": section("requires")? });
    let mut own = Map::new();
    own.insert("default".to_owned(), section("packages")?);
    own.insert("develop".to_owned(), section("dev-packages")?);
    let mut all = own.clone();
    for (category, packages) in pipfile.iter().filter(|(name, _)| !SECTIONS.contains(&name.as_str())) {
        all.insert(category.clone(), from_toml(packages)?);
    }
    let mut out = BTreeSet::new();
    for mut categories in
        [Some(own.clone()), Some(all.clone()), normalised(&own), normalised(&all)].into_iter().flatten()
    {
        categories.insert("_meta".to_owned(), meta.clone());
        out.insert(content_hash(&Value::Object(categories), Separators::COMPACT));
    }
    Some(out)
}

/// Returns categories with the names of packages as PEP 503 normalises them; `None` if one is not a
/// table.
fn normalised(categories: &Map<String, Value>) -> Option<Map<String, Value>> {
    let of = |(category, packages): (&String, &Value)| {
        let packages = packages.as_object()?;
        let packages = packages.iter().map(|(name, value)| (canonical(name), value.clone())).collect();
        Some((category.clone(), Value::Object(packages)))
    };
    categories.iter().map(of).collect()
}

/// Normalises a name as `packaging.utils.canonicalize_name` does: runs of `-`, `_` and `.` become
/// one `-`, also at the ends.
fn canonical(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        let sign = if "-_.".contains(character) { '-' } else { character };
        if sign != '-' || !out.ends_with('-') {
            out.extend(sign.to_lowercase());
        }
    }
    out
}
