//! `[app]`: the project's own code.

use super::absolute::absolute;
use super::reader::Node;
use super::{ConfigError, keys};

/// The project's own code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct App {
    /// A local folder.
    pub source: Option<String>,
    /// An absolute folder of the image.
    pub to: Option<String>,
    /// Globs that win over every ignore file.
    pub include: Option<Vec<String>>,
    pub exclude: Option<Vec<String>>,
    /// The project as a wheel, instead of its files: a path or glob.
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
