//! The whole configuration: top-level keys, tables, profiles.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::error::{BadValue, ConfigError};
use super::reader::{Document, Node, Schema};
use super::{
    App, Compression, Copy, Dependencies, Directory, Extract, Image, IndexMode, Layers, PythonChoice, Runtime, User,
    dependencies, keys, limits, output,
};
use crate::rootfs::Limits;

/// The name that selects no profile.
const DEFAULT_PROFILE: &str = "default";

/// A parsed configuration. A missing key is `None`, or empty if an empty table means the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// The targets; never empty.
    pub to: Option<Vec<String>>,
    pub tags: Option<Vec<String>>,
    pub image_index: Option<IndexMode>,
    /// The platforms as [`crate::oci::Platform`] writes them.
    pub platforms: Option<Vec<String>>,
    pub python: Option<PythonChoice>,
    pub base: Option<String>,
    pub builder: Option<String>,
    pub runtime: Runtime,
    pub extract: Option<Vec<Extract>>,
    pub dependencies: Dependencies,
    pub app: App,
    pub copy: Option<Vec<Copy>>,
    pub image: Image,
    pub user: Option<Vec<User>>,
    pub directory: Option<Vec<Directory>>,
    pub layers: Layers,
    /// The limits of the file. Profiles have no limits.
    pub limits: Limits,
    /// The tag suffix of a profile, and of a file merged with a profile.
    pub tag_suffix: Option<String>,
    /// The profiles with their own keys. A profile has no profiles.
    pub profiles: BTreeMap<String, File>,
}

impl File {
    /// Parses `carboy.toml`; `file_name` is for errors.
    ///
    /// # Errors
    /// Returns the first error with its line: invalid TOML, an unknown key, an invalid value.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, ConfigError> {
        let document = Document { text, file: file_name, root: "", schema: Schema::Project };
        let table = DeTable::parse(text).map_err(|error| document.syntax_error(&error))?;
        let value = DeValue::Table(table.into_inner());
        Self::read(&Node::root(&document, &value, 0))
    }

    /// Parses `[tool.carboy]` of `pyproject.toml`; `None` if the file has no such table.
    ///
    /// # Errors
    /// Returns the errors of [`Self::parse`], with lines of the whole file.
    pub fn from_pyproject(text: &str, file_name: &str) -> Result<Option<Self>, ConfigError> {
        let document = Document { text, file: file_name, root: "tool.carboy", schema: Schema::Project };
        let table = DeTable::parse(text).map_err(|error| document.syntax_error(&error))?;
        let tool = table.get_ref().get("tool").and_then(|tool| tool.get_ref().as_table());
        let Some((key, value)) = tool.and_then(|tool| tool.get_key_value("carboy")) else { return Ok(None) };
        Self::read(&Node::root(&document, value.get_ref(), key.span().start)).map(Some)
    }

    /// Merges a profile over this configuration. The result has no profiles.
    ///
    /// Merges tables key by key, and `env`, `labels` and `annotations` entry by entry. Lists and
    /// arrays of tables are replaced. `default` returns the configuration without a profile.
    ///
    /// # Errors
    /// Returns `NoProfile` for an unknown profile.
    pub fn with_profile(&self, name: &str) -> Result<Self, ConfigError> {
        if name == DEFAULT_PROFILE {
            return Ok(Self { profiles: BTreeMap::new(), ..self.clone() });
        }
        let no_profile =
            || ConfigError::NoProfile { name: name.to_owned(), known: self.profiles.keys().cloned().collect() };
        let profile = self.profiles.get(name).ok_or_else(no_profile)?;
        Ok(profile.clone().over(self.clone()))
    }

    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(&[keys::SHARED, &keys::FILE_ONLY].concat())?;
        let keys = Self::read_keys(node, &keys::FILE_ONLY, Compression::default())?;
        let inherited = keys.layers.compression.unwrap_or_default();
        let profiles = table.get("profile", |node| node.map(|name, node| Self::read_profile(name, node, inherited)))?;
        let limits = table.get("limits", limits::read)?.unwrap_or_default();
        Ok(Self { profiles: profiles.unwrap_or_default(), limits, ..keys })
    }

    fn read_profile(name: &str, node: &Node<'_>, inherited: Compression) -> Result<Self, ConfigError> {
        if name == DEFAULT_PROFILE {
            let problem = BadValue::new("cannot be defined: `default` means no profile");
            return Err(node.refuse(problem.with_hint("write its keys outside of any profile")));
        }
        Self::read_keys(node, &[keys::TAG_SUFFIX], inherited)
    }

    /// Reads the keys that files and profiles share, and `tag-suffix`. The keys `more` are also
    /// allowed.
    fn read_keys(node: &Node<'_>, more: &[&str], inherited: Compression) -> Result<Self, ConfigError> {
        let table = node.table(&[keys::SHARED, more].concat())?;
        let platforms = |node: &Node<'_>| node.list(|item| item.checked(dependencies::platform));
        Ok(Self {
            to: table.get("to", output::targets)?,
            tags: table.get("tags", Node::texts)?,
            image_index: table.get("image-index", Node::parsed)?,
            platforms: table.get("platforms", platforms)?,
            python: table.get("python", PythonChoice::read)?,
            base: table.get("base", Node::text)?,
            builder: table.get("builder", Node::text)?,
            runtime: table.get("runtime", Runtime::read)?.unwrap_or_default(),
            extract: table.get("extract", |node| node.tables(Extract::read))?,
            dependencies: table.get("dependencies", Dependencies::read)?.unwrap_or_default(),
            app: table.get("app", App::read)?.unwrap_or_default(),
            copy: table.get("copy", |node| node.tables(Copy::read))?,
            image: table.get("image", Image::read)?.unwrap_or_default(),
            user: table.get("user", |node| node.tables(User::read))?,
            directory: table.get("directory", |node| node.tables(Directory::read))?,
            layers: table.get("layers", |node| Layers::read(node, inherited))?.unwrap_or_default(),
            limits: Limits::default(),
            tag_suffix: table.get(keys::TAG_SUFFIX, Node::text)?,
            profiles: BTreeMap::new(),
        })
    }

    fn over(self, under: Self) -> Self {
        Self {
            to: self.to.or(under.to),
            tags: self.tags.or(under.tags),
            image_index: self.image_index.or(under.image_index),
            platforms: self.platforms.or(under.platforms),
            python: self.python.or(under.python),
            base: self.base.or(under.base),
            builder: self.builder.or(under.builder),
            runtime: self.runtime.over(under.runtime),
            extract: self.extract.or(under.extract),
            dependencies: self.dependencies.over(under.dependencies),
            app: self.app.over(under.app),
            copy: self.copy.or(under.copy),
            image: self.image.over(under.image),
            user: self.user.or(under.user),
            directory: self.directory.or(under.directory),
            layers: self.layers.over(under.layers),
            limits: under.limits,
            tag_suffix: self.tag_suffix.or(under.tag_suffix),
            profiles: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
