//! Running processes in a cache, their staged files, and the files of killed processes.
//!
//! A process has a directory `runs/run-XXXXXX` with a file `lock` that it keeps locked for as long
//! as it lives (flock(2)): if another process obtains that lock, the owner is dead. Such
//! directories are created, and those of dead processes deleted, while `ROOT/lock` is held. On file
//! systems without locks, a directory that is a day old counts as dead.
//!
//! Only regular files with names of carboy's, and directories that are then empty, are deleted;
//! links are not followed.

use std::fs::{DirEntry, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry_file::no_follow;
use crate::store::{lock_wait, staged};

/// The age after which a staged file can no longer be committed.
const ABANDONED: Duration = Duration::from_hours(24);
const RUNS: &str = "runs";
const RUN: &str = "run-";
const LOCK: &str = "lock";

/// This process's registration in a cache.
pub(super) struct CacheSession {
    folder: PathBuf,
    lock: File,
}

impl CacheSession {
    /// Registers this process; deletes the files of dead ones.
    ///
    /// # Errors
    /// A cache that cannot be written; a `runs` that is a link.
    pub(super) fn begin(home: &Path) -> io::Result<Self> {
        let runs = home.join(RUNS);
        make(&runs)?;
        let held = CacheLock::exclusive(home)?;
        let folder =
            tempfile::Builder::new().prefix(RUN).permissions(Permissions::from_mode(0o700)).tempdir_in(&runs)?.keep();
        let lock = open_lock(&folder.join(LOCK))?;
        // A process that checks whether it is held, holds it for a moment.
        wait(|| lock.try_lock());
        let session = Self { folder, lock };
        if held.is_held() {
            session.sweep(home, &runs);
        }
        Ok(session)
    }

    /// Returns the directory of this process's staged files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Deletes this process's directory.
    pub(super) fn end(&self) {
        remove_run(&self.folder);
        let _ = self.lock.unlock();
    }

    /// Returns the start time of this process, by the clock of the cache's file system.
    pub(super) fn began(&self) -> io::Result<SystemTime> {
        self.lock.metadata()?.modified()
    }

    /// Deletes the directories of dead processes. Errors are ignored; a later run tries again.
    fn sweep(&self, home: &Path, runs: &Path) {
        let Ok(now) = self.began() else { return };
        for run in entries(runs).filter(|run| is_run(run) && Some(&*run.file_name()) != self.folder.file_name()) {
            if is_dead(&run.path(), now) {
                remove_run(&run.path());
            }
        }
        // Staged marks, which are written while the lock is held.
        for mark in entries(home).filter(is_staged) {
            let _ = std::fs::remove_file(mark.path());
        }
        let old = home.join("tmp"); // where carboy 0.1 staged files
        if old.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            for entry in entries(&old).filter(is_staged) {
                if is_old(&entry.path(), now) {
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
    }
}

/// Returns the earliest start time of the running processes except the one with the directory
/// `own`; none if there are no others. A process that cannot be examined counts as running forever.
pub(super) fn first_other(home: &Path, own: Option<&Path>, now: SystemTime) -> Option<SystemTime> {
    let runs = match std::fs::read_dir(home.join(RUNS)) {
        Ok(runs) => runs.flatten(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => return Some(SystemTime::UNIX_EPOCH),
    };
    let alive = runs.filter(|run| {
        is_run(run) && own.and_then(Path::file_name) != Some(&*run.file_name()) && !is_dead(&run.path(), now)
    });
    let began = |run: DirEntry| run.path().join(LOCK).symlink_metadata().and_then(|lock| lock.modified());
    alive.map(|run| began(run).unwrap_or(SystemTime::UNIX_EPOCH)).min()
}

/// The longest wait for another process that changes a record, which takes moments.
const UPDATE_WAIT: Duration = Duration::from_secs(10);
/// The lock for changing records, in the directory of all runs.
const UPDATES: &str = "updates";

/// `ROOT/lock`, held. Where it cannot be locked, nothing is held.
pub(super) struct CacheLock {
    file: Option<File>,
}

/// The longest wait for a lock, which is normally held for moments.
const LOCK_WAIT: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(10) };

impl CacheLock {
    /// Locks for opening entries. Without `waits`, the lock is obtained at once or not at all.
    pub(super) fn shared(home: &Path, waits: bool) -> Self {
        let file = open_regular(OpenOptions::new().read(true), &home.join(LOCK)).ok();
        let held = |file: &File| if waits { wait(|| file.try_lock_shared()) } else { file.try_lock_shared().is_ok() };
        Self { file: file.filter(held) }
    }

    /// Locks for deleting entries, and for registering processes.
    ///
    /// # Errors
    /// A cache that cannot be written.
    pub(super) fn exclusive(home: &Path) -> io::Result<Self> {
        let file = open_lock(&home.join(LOCK))?;
        let held = wait(|| file.try_lock());
        Ok(Self { file: Some(file).filter(|_| held) })
    }

    /// Locks for changing a record: reading it, and storing it anew. Without a cache that can be
    /// locked, nothing is held.
    pub(super) fn updates(home: &Path) -> Self {
        let file = open_lock(&home.join(RUNS).join(UPDATES)).ok();
        Self { file: file.filter(|file| lock_wait::wait(UPDATE_WAIT, || file.try_lock()).is_ok()) }
    }

    /// Returns whether it is held.
    pub(super) fn is_held(&self) -> bool {
        self.file.is_some()
    }
}

/// Returns whether a lock was obtained in time.
fn wait(lock: impl Fn() -> Result<(), TryLockError>) -> bool {
    lock_wait::wait(LOCK_WAIT, lock).is_ok()
}

fn open_lock(path: &Path) -> io::Result<File> {
    open_regular(OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600), path)
}

/// Opens a regular file; refuses links, and does not wait for pipes.
fn open_regular(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.custom_flags(no_follow()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn make(runs: &Path) -> io::Result<()> {
    match runs.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, format!("`{}` is not a directory", runs.display()))),
        Err(_) => match std::fs::DirBuilder::new().mode(0o700).create(runs) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        },
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    std::fs::read_dir(folder).into_iter().flatten().flatten()
}

fn is_run(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    name.as_encoded_bytes().starts_with(RUN.as_bytes()) && entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn is_staged(entry: &DirEntry) -> bool {
    staged::is_staged(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file())
}

/// Returns whether the process of a run's directory is gone. A directory without a lock comes from
/// a process that was killed while creating it: other processes see it complete, or not at all.
fn is_dead(run: &Path, now: SystemTime) -> bool {
    let lock = match open_regular(OpenOptions::new().read(true).write(true), &run.join(LOCK)) {
        Ok(lock) => lock,
        // A directory of another user that cannot be opened counts as alive.
        Err(cause) => return cause.kind() == io::ErrorKind::NotFound,
    };
    match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => is_old(run, now),
    }
}

fn is_old(path: &Path, now: SystemTime) -> bool {
    let modified = path.symlink_metadata().and_then(|metadata| metadata.modified());
    modified.ok().and_then(|modified| now.duration_since(modified).ok()).is_some_and(|age| age > ABANDONED)
}

fn remove_run(run: &Path) {
    for entry in entries(run).filter(is_staged) {
        let _ = std::fs::remove_file(entry.path());
    }
    // The lock goes last: without it the directory counts as dead.
    let _ = std::fs::remove_file(run.join(LOCK));
    let _ = std::fs::remove_dir(run);
}
