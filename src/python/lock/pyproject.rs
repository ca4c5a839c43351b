//! The tables of `pyproject.toml` that lock files depend on.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use super::LIMIT;
use super::error::LockError;
use crate::python::normalised;

/// The tables of `pyproject.toml` that lock files depend on.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Pyproject {
    project: Option<Metadata>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Tool {
    poetry: Option<Poetry>,
}

/// `[tool.poetry]`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Poetry {
    pub name: Option<String>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Value>,
    #[serde(default)]
    pub group: BTreeMap<String, Group>,
    #[serde(default)]
    pub extras: BTreeMap<String, Vec<String>>,
    #[serde(default, rename = "dev-dependencies")]
    pub dev_dependencies: BTreeMap<String, Value>,
}

/// `[tool.poetry.group.NAME]`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Group {
    #[serde(default)]
    pub dependencies: BTreeMap<String, Value>,
}

impl Pyproject {
    /// Parses a `pyproject.toml`. A missing file is a project without these tables.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, LockError> {
        const FILE: &str = "pyproject.toml";
        let Some(text) = text else { return Ok(Self::default()) };
        if text.len() > LIMIT {
            return Err(LockError::new(FILE, format!("has more than {} MiB", LIMIT >> 20)));
        }
        toml::from_str(text).map_err(|error| LockError::toml(FILE, text, &error))
    }

    /// Returns the normalised name of the project.
    pub(super) fn name(&self) -> Option<String> {
        let poetry = self.tool.poetry.as_ref().and_then(|poetry| poetry.name.as_deref());
        self.project.as_ref().and_then(|project| project.name.as_deref()).or(poetry).map(normalised)
    }

    pub(super) fn poetry(&self) -> Option<&Poetry> {
        self.tool.poetry.as_ref()
    }
}
