//! Paths on the local disk, and the errors of reading them.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use fs_err::PathExt as _;

use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// Joins a path that is relative to a directory, given as bytes, to it.
pub(super) fn below(folder: &Path, path: &[u8]) -> PathBuf {
    folder.join(OsStr::from_bytes(path))
}

/// Formats the bytes of a path for a message.
pub(super) fn show(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Resolves the links of a path to an existing file or directory (`kind`).
///
/// # Errors
/// `NotFound` where there is none.
pub(super) fn canonical(path: &Path, kind: &str) -> Result<PathBuf, OperationError> {
    path.fs_err_canonicalize().map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => {
            OperationError::new(Code::NotFound, format!("there is no {kind} `{}`", path.display()))
        }
        _ => unreadable(&cause),
    })
}

/// Builds the error of a file that cannot be read; the cause names the path.
pub(super) fn unreadable(cause: &io::Error) -> OperationError {
    OperationError::new(Code::UnreadableFile, "cannot read local files").because(cause)
}

/// Builds the error of a file that another program writes meanwhile.
pub(super) fn changed(path: &Path) -> OperationError {
    OperationError::new(Code::UnreadableFile, format!("`{}` changed while being read", path.display()))
        .with_hint("run the build again once nothing writes to it, or exclude it")
}
