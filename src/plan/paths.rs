//! Paths of the machine and of the image.

use std::path::{Path, PathBuf};

use super::PlanError;
use crate::oci::Location;
use crate::rootfs::RootPath;

/// Resolves the relative path of an OCI layout or an archive against the configuration's directory.
pub(super) fn below(folder: &Path, location: Location) -> Location {
    location.map_path(|path| join(folder, path))
}

/// Joins a path to the configuration's directory, without a leading `./`.
#[must_use]
pub fn join(folder: &Path, path: &Path) -> PathBuf {
    if folder == Path::new(".") || folder.as_os_str().is_empty() { path.to_owned() } else { folder.join(path) }
}

/// Parses an absolute path of the image, the value of `key`.
pub(super) fn root_path(key: &'static str, text: &str) -> Result<RootPath, PlanError> {
    RootPath::new(text).map_err(|cause| PlanError::Path { key, cause })
}
