//! `[app]`: the code of the project.

use super::absolute::absolute;
use super::reader::Node;
use super::{ConfigError, keys};

/// The code of the project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct App {
    /// A local directory.
    pub source: Option<String>,
    /// An absolute directory of the image.
    pub to: Option<String>,
    /// Globs that override every ignore file.
    pub include: Option<Vec<String>>,
    pub exclude: Option<Vec<String>>,
    /// A path or glob of the project's wheel, to install instead of its files.
    pub wheel: Option<String>,
}

impl App {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::APP)?;
        Ok(Self {
            source: table.get("source", Node::text)?,
            to: table.get("to", absolute)?,
            include: table.get("include", Node::texts)?,
            exclude: table.get("exclude", Node::texts)?,
            wheel: table.get("wheel", Node::text)?,
        })
    }

    pub(super) fn over(self, under: Self) -> Self {
        Self {
            source: self.source.or(under.source),
            to: self.to.or(under.to),
            include: self.include.or(under.include),
            exclude: self.exclude.or(under.exclude),
            wheel: self.wheel.or(under.wheel),
        }
    }
}
