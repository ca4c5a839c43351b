//! `[[copy]]`: other local files, each with its destination.

use super::absolute::absolute;
use super::reader::Node;
use super::{ConfigError, keys, mode};

/// A local file or directory with its destination in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub from: String,
    /// An absolute path of the image.
    pub to: String,
    /// Globs of files to copy even if an image never gets such files by default.
    pub include: Option<Vec<String>>,
    pub mode: Option<u32>,
    /// The name or number of a user.
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
