//! Checks that the paths in a project's configuration stay inside the project's root.

use super::error::CliError;
use super::project_folder::ProjectFolder;
use crate::config::File;
use crate::source::admit;

/// Checks every path of a configuration, unless a flag overrides its key.
///
/// # Errors
/// The first path that is absolute or leads out of the root.
pub fn check(folder: &ProjectFolder, file: &File, overridden: &[(&'static str, bool)]) -> Result<(), CliError> {
    for (key, path) in file.local_paths() {
        if overridden.contains(&(key, true)) {
            continue;
        }
        admit(&folder.bounds, &folder.path, &path)
            .map_err(|cause| CliError::Outside { at: format!("`{key}` in {}", folder.name), cause })?;
    }
    Ok(())
}
