//! Identifiers of Python.

/// Returns whether a text is an identifier of Python. Digits and letters of all scripts count.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_numeric())
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}
