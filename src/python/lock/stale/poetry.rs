//! The `content-hash` of a `poetry.lock`.
//!
//! Source: Poetry's `poetry/packages/locker.py`, `_get_content_hash`, of 1.1, 1.8, 2.0, 2.2 and
//! 2.5. A hash that any of these would write is right.

use serde_json::{Map, Value};
use toml::Table;

use super::content_hash::content_hash;
use super::python_json::{Separators, from_toml};

/// The keys of `[tool.poetry]` that are hashed, absent ones as null.
const LEGACY: [&str; 4] = ["dependencies", "source", "extras", "dev-dependencies"];
/// The keys of `[project]` that are hashed.
const PROJECT: [&str; 3] = ["requires-python", "dependencies", "optional-dependencies"];

/// Returns what differs between the hash of a lock file and its `pyproject.toml`.
pub(super) fn difference(lock: &str, project: &str) -> Option<String> {
    let lock: Table = toml::from_str(lock).ok()?;
    let locked = lock.get("metadata")?.get("content-hash")?.as_str()?;
    let is_sha256 = locked.len() == 64 && locked.bytes().all(|b| b.is_ascii_hexdigit());
    let hashes = hashes(&toml::from_str(project).ok()?)?;
    let differs = is_sha256 && !hashes.iter().any(|hash| hash.eq_ignore_ascii_case(locked));
    differs.then(|| "its content-hash is of other dependencies than those of pyproject.toml".to_owned())
}

/// Returns the hashes that versions of Poetry write for a project; `None` for a project without
/// dependencies of Poetry.
fn hashes(root: &Table) -> Option<[String; 4]> {
    let table = |keys: &[&str]| {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(root.get(*first)?, |value, key| value.get(key))
    };
    let (poetry, project) = (table(&["tool", "poetry"]), table(&["project"]));
    if poetry.is_none() && project.is_none() {
        return None;
    }
    let of = |from: Option<&toml::Value>, key: &str| match from.and_then(|table| table.get(key)) {
        Some(value) => from_toml(value).map(Some),
        None => Some(None),
    };
    let (mut own, mut present, mut legacy) = (Map::new(), Map::new(), Map::new());
    for key in PROJECT {
        own.extend(of(project, key)?.map(|value| (key.to_owned(), value)));
    }
    for key in LEGACY {
        let value = of(poetry, key)?;
        legacy.insert(key.to_owned(), value.clone().unwrap_or(Value::Null));
        present.extend(value.map(|value| (key.to_owned(), value)));
    }
    let group = of(poetry, "group")?.map(|value| ("group".to_owned(), value));
    let mut grouped = legacy.clone();
    grouped.extend(group.clone());
    present.extend(group);
    let groups = match table(&["dependency-groups"]) {
        Some(groups) => from_toml(groups)?,
        None => Value::Null,
    };
    let has_groups = groups.as_object().is_some_and(|groups| !groups.is_empty());
    let standard = |groups: Option<Value>| {
        let mut all = Map::new();
        if !own.is_empty() {
            all.insert("project".to_owned(), Value::Object(own.clone()));
        }
        all.extend(groups.map(|groups| ("dependency-groups".to_owned(), groups)));
        if all.is_empty() {
            return grouped.clone();
        }
        let poetry = Value::Object([("poetry".to_owned(), Value::Object(present.clone()))].into_iter().collect());
        all.insert("tool".to_owned(), poetry);
        all
    };
    let all = [legacy.clone(), grouped.clone(), standard(None), standard(Some(groups).filter(|_| has_groups))];
    Some(all.map(|value| content_hash(&Value::Object(value), Separators::DEFAULT)))
}
