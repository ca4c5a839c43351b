//! `[dependencies]`: the lock file, or ready-made directories of installed distributions.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::error::BadValue;
use super::reader::{Node, wrong_type};
use super::{ConfigError, keys};
use crate::oci::Platform;

/// The source of the dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependencies {
    pub lock: Option<String>,
    pub extras: Option<Vec<String>>,
    pub groups: Option<Vec<String>>,
    /// A member of the lock file's workspace.
    pub member: Option<String>,
    /// Directories of wheels. They take precedence over the index.
    pub wheelhouse: Option<Vec<String>>,
    pub index: Option<PackageIndex>,
    pub site_packages: Option<SitePackages>,
    /// Locked distributions to leave out.
    pub exclude: Option<Vec<String>>,
    pub allow_missing_requirements: Option<MissingRequirements>,
    /// `allow-stale-lock`: permits a lock file that is older than the project's dependencies.
    pub allow_stale_lock: Option<bool>,
}

/// The distributions that may be missing although another one requires them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingRequirements {
    All,
    /// The names as written.
    Named(Vec<String>),
}

/// The package index of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageIndex {
    /// A URL, or a directory.
    Url(String),
    /// No index: wheels come from directories only.
    Off,
}

impl PackageIndex {
    /// Returns the URL or directory, if there is an index.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            Self::Off => None,
        }
    }

    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let refuse = |hint: &str| Err(node.refuse(wrong_type("a URL or false", node.value()).with_hint(hint)));
        match node.value() {
            DeValue::Boolean(false) => Ok(Self::Off),
            DeValue::Boolean(true) => refuse("write the index's URL, or leave the key out"),
            DeValue::String(text) if text == "false" => refuse("write false without quotes"),
            _ => node.text().map(Self::Url),
        }
    }

    /// Reads the value of a flag: a URL or directory, or `false`.
    #[must_use]
    pub fn of_flag(text: &str) -> Self {
        if text == "false" { Self::Off } else { Self::Url(text.to_owned()) }
    }
}

/// Ready-made directories of installed distributions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SitePackages {
    /// One directory of pure Python for every platform.
    Shared(String),
    /// A directory for each platform, by the name that [`Platform`] writes.
    PerPlatform(BTreeMap<String, String>),
}

impl MissingRequirements {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        match node.value() {
            DeValue::Boolean(true) => Ok(Self::All),
            DeValue::Boolean(false) => Ok(Self::Named(Vec::new())),
            DeValue::Array(_) => node.texts().map(Self::Named),
            other => Err(node.refuse(wrong_type("a list of distributions, or true for all", other))),
        }
    }
}

impl SitePackages {
    /// Returns the directory for a platform; `None` if only other platforms have one.
    #[must_use]
    pub fn folder(&self, platform: &Platform) -> Option<&str> {
        match self {
            Self::Shared(folder) => Some(folder),
            Self::PerPlatform(folders) => folders
                .iter()
                .find(|(name, _)| name.parse::<Platform>().is_ok_and(|has| has.matches(platform)))
                .map(|(_, folder)| folder.as_str()),
        }
    }

    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        match node.value() {
            DeValue::String(folder) => Ok(Self::Shared(folder.to_string())),
            DeValue::Table(_) => Self::per_platform(node),
            other => Err(node.refuse(wrong_type("a directory, or a table with one for each platform", other))),
        }
    }

    fn per_platform(node: &Node<'_>) -> Result<Self, ConfigError> {
        let folders = node.map(|key, node| {
            let name = platform(key).map_err(|problem| node.refuse(problem))?;
            Ok((name, node.text()?))
        })?;
        let names = folders.len();
        let folders: BTreeMap<_, _> = folders.into_values().collect();
        if folders.len() < names {
            return Err(node.refuse(BadValue::new("names a platform twice")));
        }
        Ok(Self::PerPlatform(folders))
    }
}

/// Parses a platform and returns its name as [`Platform`] writes it.
pub(super) fn platform(text: &str) -> Result<String, BadValue> {
    text.parse().map(|platform: Platform| platform.to_string()).map_err(|_| {
        BadValue::new(format!("has `{text}`, not a platform")).with_hint("write os/architecture, as in \"linux/arm64\"")
    })
}

impl Dependencies {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::DEPENDENCIES)?;
        Ok(Self {
            lock: table.get("lock", Node::text)?,
            extras: table.get("extras", Node::texts)?,
            groups: table.get("groups", Node::texts)?,
            member: table.get("member", Node::text)?,
            wheelhouse: table.get("wheelhouse", Node::texts)?,
            index: table.get("index", PackageIndex::read)?,
            site_packages: table.get("site-packages", SitePackages::read)?,
            exclude: table.get("exclude", Node::texts)?,
            allow_missing_requirements: table.get("allow-missing-requirements", MissingRequirements::read)?,
            allow_stale_lock: table.get("allow-stale-lock", Node::boolean)?,
        })
    }

    pub(super) fn over(self, under: Self) -> Self {
        Self {
            lock: self.lock.or(under.lock),
            extras: self.extras.or(under.extras),
            groups: self.groups.or(under.groups),
            member: self.member.or(under.member),
            wheelhouse: self.wheelhouse.or(under.wheelhouse),
            index: self.index.or(under.index),
            site_packages: self.site_packages.or(under.site_packages),
            exclude: self.exclude.or(under.exclude),
            allow_missing_requirements: self.allow_missing_requirements.or(under.allow_missing_requirements),
            allow_stale_lock: self.allow_stale_lock.or(under.allow_stale_lock),
        }
    }
}
