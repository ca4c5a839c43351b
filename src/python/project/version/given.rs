//! Versions that the user gives, which take precedence over those of a project's files.

use std::collections::BTreeMap;

use super::scm_settings::ScmTool;
use super::source::VersionSource;
use crate::python::normalised;

/// The variable of setuptools-scm with a version for every project.
const PRETEND: &str = "SETUPTOOLS_SCM_PRETEND_VERSION";
/// The variable of pdm-backend.
const PDM: &str = "PDM_BUILD_SCM_VERSION";
/// Other variables that tools take a version from.
const OTHERS: [&str; 3] = ["UV_DYNAMIC_VERSIONING_BYPASS", "POETRY_DYNAMIC_VERSIONING_BYPASS", "PBR_VERSION"];

/// The environment variables that give projects their versions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GivenVersions(BTreeMap<String, String>);

impl GivenVersions {
    /// Keeps the variables that give versions.
    pub fn of(variables: impl Iterator<Item = (String, String)>) -> Self {
        let is_one = |name: &str| {
            name == PRETEND || name.starts_with(&format!("{PRETEND}_FOR_")) || name == PDM || OTHERS.contains(&name)
        };
        Self(variables.filter(|(name, value)| is_one(name) && !value.is_empty()).collect())
    }

    /// Returns the variable and its version for a project with this name.
    pub(super) fn version(&self, name: &str, source: &VersionSource) -> Option<(&str, &str)> {
        let get = |name: &str| self.0.get_key_value(name).map(|(name, version)| (name.as_str(), version.as_str()));
        match source {
            VersionSource::Scm(settings) if settings.tool == ScmTool::SetuptoolsScm => {
                let prefix = format!("{PRETEND}_FOR_");
                let named = self.0.iter().find(|(variable, _)| {
                    variable.strip_prefix(&prefix).is_some_and(|suffix| normalised(suffix) == normalised(name))
                });
                named.map(|(name, version)| (name.as_str(), version.as_str())).or_else(|| get(PRETEND))
            }
            VersionSource::Scm(_) => get(PDM),
            VersionSource::Tool { variable: Some(variable), .. } => get(variable),
            VersionSource::Dunamai(settings) => get(settings.variable),
            _ => None,
        }
    }
}
