//! The name and version of an sdist.

use super::metadata::CoreMetadata;
use crate::python::normalised;

/// The name and version of an sdist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The name as PKG-INFO has it.
    pub raw_name: String,
    /// Normalised (PEP 503).
    pub name: String,
    /// Normalised (PEP 440).
    pub version: String,
}

impl Identity {
    /// Returns the name and version in PKG-INFO, if both are valid.
    #[must_use]
    pub fn of(pkg_info: &CoreMetadata) -> Option<Self> {
        let (name, version) = (pkg_info.get("Name")?, pkg_info.get("Version")?);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 200 || !name.chars().all(plain) || normalised(name).is_empty() {
            return None;
        }
        let version: pep440_rs::Version = version.parse().ok()?;
        Some(Self { raw_name: name.to_owned(), name: normalised(name), version: version.to_string() })
    }
}
