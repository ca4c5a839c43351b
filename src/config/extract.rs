//! `[[extract]]`: files to extract from the builder or from another image.

use super::absolute::{absolute, all_absolute};
use super::error::BadValue;
use super::reader::Node;
use super::{ConfigError, keys};

/// The value of `from` for the configured builder image.
pub const BUILDER: &str = "builder";

/// Files to extract from an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract {
    /// [`BUILDER`], or the name of an image.
    pub from: String,
    /// Absolute paths or globs of that image; at least one.
    pub paths: Vec<String>,
    /// The destination; the original paths if it is missing.
    pub to: Option<String>,
    /// Whether to include the shared libraries that the files need.
    pub libraries: bool,
}

impl Extract {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::EXTRACT)?;
        let paths = |node: &Node<'_>| {
            let paths = all_absolute(node)?;
            if paths.is_empty() { Err(node.refuse(BadValue::new("is empty: nothing to extract"))) } else { Ok(paths) }
        };
        Ok(Self {
            from: table.get("from", Node::text)?.unwrap_or_else(|| BUILDER.to_owned()),
            paths: table.required("paths", paths)?,
            to: table.get("to", absolute)?,
            libraries: table.get("libraries", Node::boolean)?.unwrap_or(true),
        })
    }
}
