//! Finds the cache's directory, and marks it.
//!
//! A cache is marked by `carboy-cache`, which holds its version, and by `CACHEDIR.TAG`, which
//! backup and search programs know (<https://bford.info/cachedir/>). carboy 0.1 made caches without
//! marks: a directory is recognised as a cache if it holds only a cache's directories, among them
//! the one that every run makes first. So is a cache with damaged marks. Any other directory that
//! is not empty belongs to another program, and the cache becomes a subdirectory of it.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::entry_file::make_folder;
use super::failure::{failed, is_refused};
use super::session::CacheLock;
use crate::operation_error::OperationError;
use crate::store::staged::{is_staged, place_synced, staged_private};

/// The file that marks a directory as carboy's cache.
const MARK: &str = "carboy-cache";
/// The version of the format. Raised when versions of carboy with different formats must not share
/// a cache.
const VERSION: &str = "1\n";
const TAG: &str = "CACHEDIR.TAG";
const TAG_TEXT: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory is a cache of carboy's. Deleting it is safe.\n\
    # See https://bford.info/cachedir/\n";
/// The names of a cache's entries, apart from its marks.
const OWN: [&str; 13] = [
    "blobs",
    "tars",
    "facts",
    "layers",
    "folders",
    "wheels",
    "wheel-names",
    "bytecode",
    "elf",
    "stages",
    "runs",
    "tmp",
    "lock",
];
/// The directories that every run creates first; `tmp` was carboy 0.1's.
const FIRST: [&str; 2] = ["runs", "tmp"];
/// The cache's subdirectory in a directory with other files.
const SUBFOLDER: &str = "carboy";

/// The state of a directory.
enum FolderState {
    /// A cache, marked or of carboy 0.1.
    Cache {
        marked: bool,
    },
    /// Empty or missing.
    Free,
    Foreign,
}

/// Finds, creates and marks the cache's directory: the named one, or a subdirectory of it. Also
/// returns whether a subdirectory was created just now.
///
/// # Errors
/// A path that is not a directory; a cache of another version; a directory that cannot be read or
/// created.
pub(super) fn find(folder: &Path) -> Result<(PathBuf, bool), OperationError> {
    let here = || folder.to_owned();
    match look(folder)? {
        FolderState::Cache { marked } => settle(here(), marked).map(|home| (home, false)),
        FolderState::Free => settle(here(), false).map(|home| (home, false)),
        FolderState::Foreign => {
            // Another process may have made a cache of it just now.
            if version(folder).is_ok_and(|version| version.as_deref() == Some(VERSION)) {
                return Ok((here(), false));
            }
            let inner = folder.join(SUBFOLDER);
            match look(&inner)? {
                FolderState::Cache { marked } => settle(inner, marked).map(|home| (home, false)),
                FolderState::Free => settle(inner, false).map(|home| (home, true)),
                FolderState::Foreign => {
                    let cause = io::Error::other(format!("`{}` holds other files too", inner.display()));
                    Err(failed(folder, "use", &cause))
                }
            }
        }
    }
}

fn look(folder: &Path) -> Result<FolderState, OperationError> {
    let error = |cause: &io::Error| failed(folder, "read", cause);
    match version(folder).map_err(|cause| error(&cause))? {
        Some(version) if version == VERSION => return Ok(FolderState::Cache { marked: true }),
        Some(version) if is_version(&version) => {
            let cause = io::Error::other("another version of carboy made it");
            return Err(failed(folder, "use", &cause));
        }
        // Unmarked, or a damaged mark.
        Some(_) | None => {}
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(FolderState::Free),
        // It belongs to another user, as after `sudo carboy`: its entries cannot be used, which is
        // no error.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(FolderState::Cache { marked: true });
        }
        Err(cause) => return Err(error(&cause)),
    };
    let mut known = 0;
    for entry in entries {
        let entry = entry.map_err(|cause| error(&cause))?;
        let name = entry.file_name();
        if name == TAG || name == MARK || is_staged(&name) {
            continue;
        }
        if !OWN.iter().any(|own| name == *own) {
            return Ok(FolderState::Foreign);
        }
        known += 1;
    }
    let is_folder = |name: &str| folder.join(name).symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    Ok(match known {
        0 => FolderState::Free,
        _ if FIRST.iter().any(|name| is_folder(name)) => FolderState::Cache { marked: false },
        _ => FolderState::Foreign,
    })
}

/// Reads the version that a cache is marked with.
fn version(folder: &Path) -> io::Result<Option<String>> {
    let file = match std::fs::File::open(folder.join(MARK)) {
        Ok(file) => file,
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        // It belongs to another user; its entries are verified as usual.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => return Ok(Some(VERSION.to_owned())),
        Err(cause) => return Err(cause),
    };
    let mut text = Vec::new();
    // A directory of that name is not a mark.
    let read = file.take(64).read_to_end(&mut text);
    Ok(read.ok().map(|_| String::from_utf8_lossy(&text).into_owned()))
}

/// Returns whether a mark is well formed: a number and a newline.
fn is_version(text: &str) -> bool {
    let number = text.strip_suffix('\n').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Creates and marks a cache's directory. A cache that cannot be marked is used without marks.
fn settle(folder: PathBuf, marked: bool) -> Result<PathBuf, OperationError> {
    if marked {
        return Ok(folder);
    }
    // The directory of runs comes first, so that other processes recognise a cache.
    for new in [folder.clone(), folder.join(FIRST[0])] {
        match make_folder(&new) {
            Err(cause) if new == folder || !is_refused(&cause) => return Err(failed(&folder, "write", &cause)),
            _ => {}
        }
    }
    // Without the lock, another process may delete the staged marks: see `CacheSession::begin`.
    let _held = CacheLock::exclusive(&folder);
    let mark = |name: &str, text: &str| -> io::Result<()> {
        let mut file = staged_private(&folder)?;
        file.write_all(text.as_bytes())?;
        place_synced(file, &folder.join(name))
    };
    match mark(TAG, TAG_TEXT).and_then(|()| mark(MARK, VERSION)) {
        Err(cause) if !is_refused(&cause) => Err(failed(&folder, "write", &cause)),
        _ => Ok(folder),
    }
}
