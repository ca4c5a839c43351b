//! The targets of an image, and its form there.

use std::str::FromStr;

use toml::de::DeValue;

use super::ConfigError;
use super::error::BadValue;
use super::reader::{Node, wrong_type};

/// The form of an image in registries, layouts and archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexMode {
    /// An index, also over one platform.
    #[default]
    Always,
    /// The manifest of the only platform, without an index.
    Never,
}

impl IndexMode {
    /// Returns the mode as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl FromStr for IndexMode {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        match text {
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            other => Err(BadValue::new(format!("cannot be `{other}`")).with_hint("write `always` or `never`")),
        }
    }
}

/// Reads one target, or a list of them.
pub(super) fn targets(node: &Node<'_>) -> Result<Vec<String>, ConfigError> {
    match node.value() {
        DeValue::String(_) => node.text().map(|target| vec![target]),
        DeValue::Array(items) if items.is_empty() => Err(node.refuse(BadValue::new("cannot be empty"))),
        DeValue::Array(_) => node.texts(),
        other => Err(node.refuse(wrong_type("a target, or a list of targets", other))),
    }
}
