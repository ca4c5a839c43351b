//! `[app]`: the code of the project.

use pep440_rs::Version;

use super::absolute::absolute;
use super::error::BadValue;
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
    /// The version of the project, instead of the one that its files state.
    pub version: Option<String>,
    /// Modules that may be missing although the program imports them.
    pub allow_missing_imports: Option<Vec<String>>,
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
            version: table.get("version", |node| node.checked(version))?,
            allow_missing_imports: table.get("allow-missing-imports", Node::texts)?,
        })
    }

    pub(super) fn over(self, under: Self) -> Self {
        Self {
            source: self.source.or(under.source),
            to: self.to.or(under.to),
            include: self.include.or(under.include),
            exclude: self.exclude.or(under.exclude),
            wheel: self.wheel.or(under.wheel),
            version: self.version.or(under.version),
            allow_missing_imports: self.allow_missing_imports.or(under.allow_missing_imports),
        }
    }
}

/// Checks a version (PEP 440) and returns it as written.
///
/// # Errors
/// Returns an error for a text that is no version.
pub fn version(text: &str) -> Result<String, BadValue> {
    let hint = "write a version such as 1.2.3 or 1.2.3rc1 (PEP 440)";
    let bad = |_| BadValue::new(format!("is `{text}`, not a version")).with_hint(hint);
    text.parse::<Version>().map(|_| text.to_owned()).map_err(bad)
}
