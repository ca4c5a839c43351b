//! Running processes in a cache: their staged files, and what killed ones left.
//!
//! A process has a folder `runs/run-XXXXXX` with a file `lock` that it holds locked for as
//! long as it lives (flock(2)), so whoever gets that lock knows that it is dead. Such folders
//! are made, and those of the dead deleted, while `ROOT/lock` is held. Where the file system
//! knows no locks, folders that are a day old are dead.
//!
//! Deleted are regular files of carboy's own names, and folders that are empty then: nothing
//! is followed, nothing else is touched.

use std::fs::{DirEntry, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry_file::no_follow;
use crate::store::{lock_wait, staged};

/// After this long, no run that staged a file is still about to commit it.
const ABANDONED: Duration = Duration::from_hours(24);
const RUNS: &str = "runs";
const RUN: &str = "run-";
const LOCK: &str = "lock";

/// This process in a cache.
pub(super) struct CacheSession {
    folder: PathBuf,
    lock: File,
}

impl CacheSession {
    /// Registers this process; deletes what dead ones left.
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
        // Whoever looks whether it is held, holds it for a moment.
        wait(|| lock.try_lock());
        let session = Self { folder, lock };
        if held.is_held() {
            session.sweep(home, &runs);
        }
        Ok(session)
    }

    /// Where this process stages files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Deletes this process's folder.
    pub(super) fn end(&self) {
        remove_run(&self.folder);
        let _ = self.lock.unlock();
    }

    /// When this process began, by the clock of the cache's file system.
    pub(super) fn began(&self) -> io::Result<SystemTime> {
        self.lock.metadata()?.modified()
    }

    /// What cannot be deleted now will be another time.
    fn sweep(&self, home: &Path, runs: &Path) {
        let Ok(now) = self.began() else { return };
        for run in entries(runs).filter(|run| is_run(run) && Some(&*run.file_name()) != self.folder.file_name()) {
            if is_dead(&run.path(), now) {
                remove_run(&run.path());
            }
        }
        // Marks, which are written while the lock is held.
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

/// When the first of the processes that run in a cache began, but for the one in the folder
/// `own`; none where there are none. What cannot be looked at counts as running for ever.
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

/// `ROOT/lock`, held. Where it cannot be locked, nothing is held.
pub(super) struct CacheLock {
    file: Option<File>,
}

/// How long a lock is waited for, which is held for moments.
const LOCK_WAIT: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(10) };

impl CacheLock {
    /// For opening entries. Whoever is not to wait gets it at once or not at all.
    pub(super) fn shared(home: &Path, waits: bool) -> Self {
        let file = open_regular(OpenOptions::new().read(true), &home.join(LOCK)).ok();
        let held = |file: &File| if waits { wait(|| file.try_lock_shared()) } else { file.try_lock_shared().is_ok() };
        Self { file: file.filter(held) }
    }

    /// For deleting entries, and for registering processes.
    ///
    /// # Errors
    /// A cache that cannot be written.
    pub(super) fn exclusive(home: &Path) -> io::Result<Self> {
        let file = open_lock(&home.join(LOCK))?;
        let held = wait(|| file.try_lock());
        Ok(Self { file: Some(file).filter(|_| held) })
    }

    /// Whether it is held.
    pub(super) fn is_held(&self) -> bool {
        self.file.is_some()
    }
}

/// Whether a lock was got within the time that one is waited for.
fn wait(lock: impl Fn() -> Result<(), TryLockError>) -> bool {
    lock_wait::wait(LOCK_WAIT, lock).is_ok()
}

fn open_lock(path: &Path) -> io::Result<File> {
    open_regular(OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600), path)
}

/// Opens a file, but no link, and waits for no pipe.
fn open_regular(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.custom_flags(no_follow()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn make(runs: &Path) -> io::Result<()> {
    match runs.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, format!("`{}` is not a folder", runs.display()))),
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

/// Whether the process of a run's folder is gone. A folder without a lock is one that a
/// process was killed in the making of: others see it complete, or not at all.
fn is_dead(run: &Path, now: SystemTime) -> bool {
    let lock = match open_regular(OpenOptions::new().read(true).write(true), &run.join(LOCK)) {
        Ok(lock) => lock,
        // Another user's is not for this one to judge.
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
    // The lock goes last: without it the folder counts as dead.
    let _ = std::fs::remove_file(run.join(LOCK));
    let _ = std::fs::remove_dir(run);
}
