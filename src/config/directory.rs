//! `[[directory]]`: directories to create in the image.

use super::absolute::absolute;
use super::reader::Node;
use super::{ConfigError, keys, mode};

/// A directory to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// An absolute path of the image.
    pub path: String,
    pub mode: Option<u32>,
    /// A user's name or number.
    pub owner: Option<String>,
}

impl Directory {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::DIRECTORY)?;
        Ok(Self {
            path: table.required("path", absolute)?,
            mode: table.get("mode", mode::read)?,
            owner: table.get("owner", Node::text)?,
        })
    }
}
