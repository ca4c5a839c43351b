//! Errors and warnings about a cache, and the I/O errors that a cache treats specially.

use std::io;
use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::operation_error::OperationError;

/// Returns whether an entry is as good as absent: missing, a link, or unreadable for this user.
pub(super) fn is_absent(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory)
        || cause.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Returns whether this user may not write there, now or later.
pub(super) fn is_refused(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Returns whether a directory stands where an entry belongs: no file can replace it.
pub(super) fn is_occupied(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty)
}

/// Returns whether no space is left on the file system, or in this user's quota.
pub(super) fn is_full(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Builds a warning about a cache that cannot be used fully.
pub(super) fn unusable(text: String) -> Diagnostic {
    Diagnostic::warning(Code::UnusableCache, text)
}

/// Builds the error of a cache directory that cannot be read, written or used (`doing`).
pub(super) fn failed(folder: &Path, doing: &str, cause: &io::Error) -> OperationError {
    let hint = if is_full(cause) {
        "free space there, as by carboy cache prune --keep 10GB, or name another directory with --cache-dir"
    } else {
        "name another directory with --cache-dir"
    };
    OperationError::new(Code::UnusableCache, format!("cannot {doing} the cache in `{}`", folder.display()))
        .because(cause)
        .with_hint(hint)
}
