//! `[[copy]]`: other local files, each to its place.

use super::absolute::absolute;
use super::reader::Node;
use super::{ConfigError, keys, mode};

/// A local file or folder and its place in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub from: String,
    /// An absolute path of the image.
    pub to: String,
    /// Globs of what to copy although it never belongs into an image.
    pub include: Option<Vec<String>>,
    pub mode: Option<u32>,
    /// A user's name or number.
    pub owner: Option<String>,
}

impl Copy {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::COPY)?;
        Ok(Self {
            from: table.required("from", Node::text)?,
            to: table.required("to", absolute)?,
            include: table.get("include", Node::texts)?,
            mode: table.get("mode", mode::read)?,
            owner: table.get("owner", Node::text)?,
        })
    }
}
