//! The names of distributions and groups.

/// Normalises the name of a distribution or group as PEP 503 defines it: `typing-extensions`.
#[must_use]
pub fn normalised(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
