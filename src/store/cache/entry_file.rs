//! Files and directories of a cache, private to this user.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rustix::fs::{OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

use crate::store::staged::{place, staged_private};

/// Creates a directory and its parents with mode 0700.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| io::Error::new(cause.kind(), format!("cannot create `{}`: {cause}", folder.display())))
}

/// Copies a file to `target` in a directory of another file system.
pub(super) fn copy(mut from: File, folder: &Path, target: &Path) -> io::Result<()> {
    let mut staged = staged_private(folder)?;
    io::copy(&mut from, &mut staged)?;
    place(staged, target)
}

/// Sets the time of the last use, by the clock of the cache's file system.
pub(super) fn mark_used(file: &File) {
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    // A read-only cache keeps no times; its entries are used all the same.
    let _ = futimens(file, &Timestamps { last_access: omit, last_modification: now });
}

/// Returns the flags that open a regular file: links are refused, and pipes are not waited
/// for (`open(2)`).
pub(super) fn no_follow() -> i32 {
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default()
}
