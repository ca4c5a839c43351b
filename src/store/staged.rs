//! Temporary files that become entries by a rename.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// The prefix of the names of staged files.
const PREFIX: &str = ".carboy-";

/// Returns whether a name is a staged file's: the prefix and six letters or digits.
pub(super) fn is_staged(name: &std::ffi::OsStr) -> bool {
    let random = name.as_encoded_bytes().strip_prefix(PREFIX.as_bytes());
    random.is_some_and(|random| random.len() == 6 && random.iter().all(u8::is_ascii_alphanumeric))
}

/// Creates a temporary file in a directory, with mode 0644 less the umask. It is deleted when
/// dropped.
pub(super) fn staged(folder: &Path) -> io::Result<NamedTempFile> {
    with_mode(folder, 0o644)
}

/// Creates a temporary file in a directory, for this user alone. It is deleted when dropped.
pub(super) fn staged_private(folder: &Path) -> io::Result<NamedTempFile> {
    with_mode(folder, 0o600)
}

fn with_mode(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    Builder::new().prefix(PREFIX).rand_bytes(6).permissions(Permissions::from_mode(mode)).tempfile_in(folder)
}

/// Renames a staged file to its place, over any file there.
pub(super) fn place(staged: NamedTempFile, target: &Path) -> io::Result<()> {
    let named =
        |cause: io::Error| io::Error::new(cause.kind(), format!("failed to create `{}`: {cause}", target.display()));
    staged.persist(target).map(drop).map_err(|failed| named(failed.error))
}

/// Renames a staged file to its place once its bytes are on the disk, so that even a power failure
/// leaves no incomplete file there.
pub(super) fn place_synced(staged: NamedTempFile, target: &Path) -> io::Result<()> {
    staged.as_file().sync_all()?;
    place(staged, target)?;
    // The parent of a bare name is empty.
    match target.parent().map(|folder| if folder == Path::new("") { Path::new(".") } else { folder }) {
        // Some file systems do not sync directories; the file itself is complete on all.
        Some(folder) => File::open(folder)?.sync_all().or(Ok(())),
        None => Ok(()),
    }
}
