//! Temporary files that become entries by a rename.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// How the names of staged files begin.
pub(super) const PREFIX: &str = ".carboy-";

/// A temporary file in a folder, readable by whoever the umask lets read;
/// gone when dropped.
pub(super) fn staged(folder: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o644)).tempfile_in(folder)
}

/// Renames a staged file to its place, over whatever was there.
pub(super) fn place(staged: NamedTempFile, target: &Path) -> io::Result<()> {
    let named =
        |cause: io::Error| io::Error::new(cause.kind(), format!("failed to create `{}`: {cause}", target.display()));
    staged.persist(target).map(drop).map_err(|failed| named(failed.error))
}
