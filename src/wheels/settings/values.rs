//! Values of variables and files: lists of words, yes and no.

pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Reads a yes or a no as pip's `strtobool` and uv do; anything else is a yes, because
/// both tools stop there.
pub fn is_true(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "n" | "no" | "f" | "false" | "off" | "0")
}
