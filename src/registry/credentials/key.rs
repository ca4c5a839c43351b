//! Keys of docker's and podman's files: hosts, old URLs of docker, and hosts with a path.
//!
//! Source: docker's CLI, `ConvertToHostname`; containers-auth.json(5), "Format".

use crate::network::canonical_registry;

/// Returns the values whose keys name the registry and the repository or a part of its path, the
/// longest path first.
pub fn matching<'a, T>(
    entries: impl Iterator<Item = (&'a String, T)>,
    registry: &str,
    repository: &str,
) -> Vec<(&'a String, T)> {
    let mut found: Vec<_> = entries
        .filter_map(|(key, value)| {
            let (host, path) = parts(key);
            let below = repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let applies = is_same(host, registry) && (path.is_empty() || below);
            applies.then_some((path.len(), is_url(key), key, value))
        })
        .collect();
    found.sort_by_key(|(length, is_url, _, _)| (std::cmp::Reverse(*length), *is_url));
    found.into_iter().map(|(_, _, key, value)| (key, value)).collect()
}

/// Returns whether a key stands for a registry as a whole.
pub fn names(key: &str, registry: &str) -> bool {
    let (host, path) = parts(key);
    path.is_empty() && is_same(host, registry)
}

/// Returns host and path of a key. The path of a URL is docker's, and names no repository.
fn parts(key: &str) -> (&str, &str) {
    let bare = without_scheme(key).trim_end_matches('/');
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    (host, if is_url(key) { "" } else { path })
}

fn is_url(key: &str) -> bool {
    without_scheme(key).len() < key.len()
}

fn without_scheme(key: &str) -> &str {
    let schemes = ["https://", "http://"];
    schemes.iter().find_map(|scheme| key.strip_prefix(scheme)).unwrap_or(key)
}

fn is_same(one: &str, other: &str) -> bool {
    canonical_registry(&one.to_ascii_lowercase()) == canonical_registry(&other.to_ascii_lowercase())
}
