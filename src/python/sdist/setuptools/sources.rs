//! The files that METADATA and `entry_points.txt` are made from.

use toml::Table;

use super::settings::{Plain, Settings, computed};
use super::value::Unknown;
use crate::python::sdist::error::SdistError;
use crate::python::sdist::files::SdistFiles;
use crate::python::sdist::metadata::CoreMetadata;

/// The sources of METADATA's fields.
pub struct Sources<'s> {
    pub files: &'s SdistFiles,
    pub settings: &'s Settings,
    pub pyproject: &'s Table,
    pub pkg_info: &'s CoreMetadata,
    /// The directory of the egg-info.
    pub egg_info: Option<&'s str>,
}

/// Returns an argument, or none if the egg-info has what the files compute.
///
/// # Errors
/// The argument may depend on the machine.
pub fn known<'s>(from: &'s Sources<'_>, name: &str) -> Result<Option<&'s Plain>, SdistError> {
    match from.settings.0.get(name).map(|setting| (&setting.value, setting.file)) {
        None => Ok(Some(&Plain::None)),
        Some((Ok(value), _)) => Ok(Some(value)),
        Some((Err(Unknown::Computed), _)) => Ok(None),
        Some((Err(why), file)) => Err(computed(file, name, *why)),
    }
}

/// Returns the lines with requirements, without comments.
pub fn plain_lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}
