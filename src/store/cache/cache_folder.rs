//! Which folder the cache is in, and the marks that tell it from others.
//!
//! A cache is marked by `carboy-cache`, which holds its version, and by `CACHEDIR.TAG`, which
//! backup and search programs know (<https://bford.info/cachedir/>). carboy 0.1 made caches
//! without marks: folders that hold nothing but a cache's folders, and the one that every
//! run makes first, are recognised; so are caches whose marks are damaged. Any other
//! folder that is not empty belongs to somebody else, and the cache is a subfolder of it.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::entry_file::make_folder;
use super::failure::{failed, is_refused};
use super::session::CacheLock;
use crate::operation_error::OperationError;
use crate::store::staged::{is_staged, place_synced, staged_private};

/// The file that marks a cache of carboy's.
const MARK: &str = "carboy-cache";
/// Raised when older carboys could do harm in a cache of this one's, or the reverse.
const VERSION: &str = "1\n";
const TAG: &str = "CACHEDIR.TAG";
const TAG_TEXT: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder is a cache of carboy's. Deleting it is safe.\n\
    # See https://bford.info/cachedir/\n";
/// What a cache has beside its marks.
const OWN: [&str; 12] =
    ["blobs", "tars", "facts", "layers", "folders", "wheels", "wheel-names", "bytecode", "elf", "runs", "tmp", "lock"];
/// The folders that every run makes first: `tmp` was carboy 0.1's.
const FIRST: [&str; 2] = ["runs", "tmp"];
/// The cache in a folder that holds something else.
const SUBFOLDER: &str = "carboy";

/// What a folder is.
enum FolderState {
    /// A cache, marked or of carboy 0.1.
    Cache {
        marked: bool,
    },
    /// Empty, or not there.
    Free,
    Foreign,
}

/// The cache's folder, made and marked: the one named, or a subfolder of it. Returns with it
/// whether a subfolder was made just now.
///
/// # Errors
/// What is no folder; a cache of another version; a folder that cannot be read or made.
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
        // Not marked, or a mark that is damaged.
        Some(_) | None => {}
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(FolderState::Free),
        // Another user's, as after `sudo carboy`: nothing in it can be used, and no more is wrong.
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

/// The version that a cache is marked with.
fn version(folder: &Path) -> io::Result<Option<String>> {
    let file = match std::fs::File::open(folder.join(MARK)) {
        Ok(file) => file,
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        // Another user's: whatever it says, the entries are what they are.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => return Ok(Some(VERSION.to_owned())),
        Err(cause) => return Err(cause),
    };
    let mut text = Vec::new();
    // A folder of that name is no mark.
    let read = file.take(64).read_to_end(&mut text);
    Ok(read.ok().map(|_| String::from_utf8_lossy(&text).into_owned()))
}

/// Whether a mark is well formed: a number and a line's end.
fn is_version(text: &str) -> bool {
    let number = text.strip_suffix('\n').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Makes and marks a cache's folder. A cache that cannot be marked is used as it is.
fn settle(folder: PathBuf, marked: bool) -> Result<PathBuf, OperationError> {
    if marked {
        return Ok(folder);
    }
    // The folder of runs comes first: by that, other processes know what this will be.
    for new in [folder.clone(), folder.join(FIRST[0])] {
        match make_folder(&new) {
            Err(cause) if new == folder || !is_refused(&cause) => return Err(failed(&folder, "write", &cause)),
            _ => {}
        }
    }
    // Where it cannot be held, what is staged here may be swept away: see `CacheSession::begin`.
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
