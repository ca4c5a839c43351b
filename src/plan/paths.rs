//! Paths of the machine and of the image.

use std::path::{Path, PathBuf};

use super::PlanError;
use crate::oci::Location;
use crate::rootfs::RootPath;

/// Resolves the relative directory of an OCI layout against the configuration's directory.
pub(super) fn below(folder: &Path, location: Location) -> Location {
    match location {
        Location::Layout { folder: layout, name, digest } => {
            Location::Layout { folder: join(folder, &layout), name, digest }
        }
        registry @ Location::Registry(_) => registry,
    }
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
