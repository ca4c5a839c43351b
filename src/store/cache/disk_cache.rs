//! The cache itself: opens, stores and drops entries.
//!
//! If the cache cannot be written, entries are stored in a directory that lasts for this run.
//! Records that other users can write are not used ([`super::trust`]).

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tempfile::{NamedTempFile, TempDir};

use super::entry_file::{copy, make_folder, mark_used, no_follow};
use super::failure::{failed, is_absent, is_full, is_occupied, is_refused, unusable};
use super::kind::CacheKind;
use super::session::{CacheLock, CacheSession};
use super::trust::Trust;
use super::{cache_folder, record};
use crate::diagnostic::{Code, Diagnostic};
use crate::oci::Digest;
use crate::operation_error::OperationError;
use crate::progress::{Progress, Silent};
use crate::store::staged::staged_private;

/// The largest record that is read, in bytes.
const RECORD_LIMIT: u64 = 256 << 20;

/// The options of a cache.
pub struct CacheOptions {
    /// The directory, created when missing.
    pub folder: PathBuf,
    /// The parent of this run's temporary directory, if the cache cannot be written.
    pub scratch: PathBuf,
    /// Uses records even if other users could have written them.
    pub trust: bool,
    /// Accepts a cache on a full disk, for commands that only make it smaller.
    pub full: bool,
}

/// A cache in a directory of its own.
pub struct Cache {
    pub(super) home: PathBuf,
    scratch: PathBuf,
    /// The registration of this process; none where the cache cannot be written.
    pub(super) session: Option<CacheSession>,
    /// Entries of this run that cannot be stored in the cache.
    overlay: OnceLock<TempDir>,
    trust: Trust,
    progress: Arc<dyn Progress>,
    /// Set once the cache's lock could not be obtained: later accesses do not wait for it.
    stuck: AtomicBool,
    /// Damaged entries that cannot be deleted.
    shunned: Mutex<HashSet<(CacheKind, Digest)>>,
    /// Held while a record is changed.
    updates: Mutex<()>,
}

impl Cache {
    /// Opens a cache for one run, and deletes the staged files of killed runs.
    ///
    /// # Errors
    /// A directory that cannot be created or read; a cache of another version.
    pub fn with_options(options: CacheOptions, progress: Arc<dyn Progress>) -> Result<Self, OperationError> {
        let CacheOptions { folder, scratch, trust, full } = options;
        let (home, moved) = cache_folder::find(&folder)?;
        if moved {
            let text = format!("`{}` holds other files, so the cache is in `{}`", folder.display(), home.display());
            progress.warn(unusable(text).file(folder.display()));
        }
        let session = match CacheSession::begin(&home) {
            Ok(session) => Some(session),
            Err(cause) if is_refused(&cause) => {
                let text =
                    format!("the cache in `{}` cannot be written: new entries last for this run only", home.display());
                let hint = "name a directory that you can write with --cache-dir".to_owned();
                progress.warn(unusable(text).file(home.display()).hint(hint));
                None
            }
            Err(cause) if full && is_full(&cause) => None,
            Err(cause) => return Err(failed(&home, "write", &cause)),
        };
        let trust = if trust { Trust::Everyone } else { Trust::of(&home) };
        if let Trust::Nobody(why) = &trust {
            let text = format!("the cache in `{}` {why}: layers and bytecode in it are made again", home.display());
            let hint = "name a directory of your own with --cache-dir, or pass --trust-cache".to_owned();
            progress.warn(unusable(text).file(home.display()).hint(hint));
        }
        Ok(Self {
            home,
            scratch,
            session,
            overlay: OnceLock::new(),
            trust,
            progress,
            stuck: AtomicBool::new(false),
            shunned: Mutex::default(),
            updates: Mutex::default(),
        })
    }

    /// Opens a cache that reports no warnings.
    ///
    /// # Errors
    /// As `with_options`.
    pub fn new(folder: PathBuf) -> Result<Self, OperationError> {
        let scratch = folder.clone();
        Self::with_options(CacheOptions { folder, scratch, trust: false, full: false }, Arc::new(Silent))
    }

    /// Deletes this run's staged files. Operations that still run then fail to write.
    pub fn close(&self) {
        if let Some(session) = &self.session {
            session.end();
        }
        if let Some(overlay) = self.overlay.get() {
            let _ = std::fs::remove_dir_all(overlay.path());
        }
    }

    fn overlay(&self) -> io::Result<&Path> {
        if let Some(overlay) = self.overlay.get() {
            return Ok(overlay.path());
        }
        let made = tempfile::Builder::new().prefix("carboy-").tempdir_in(&self.scratch)?;
        Ok(self.overlay.get_or_init(|| made).path())
    }

    /// Returns the path of an entry that this run made because the cache cannot store it.
    fn of_overlay(&self, kind: CacheKind, key: &Digest) -> Option<PathBuf> {
        let path = entry(self.overlay.get()?.path(), kind, key);
        path.is_file().then_some(path)
    }

    /// Opens an entry of the cache itself.
    fn kept(&self, kind: CacheKind, key: &Digest) -> io::Result<Option<File>> {
        if self.is_shunned(kind, key) {
            return Ok(None);
        }
        // While this is held, no process deletes an entry between its opening and its marking.
        let held = CacheLock::shared(&self.home, !self.stuck.load(Ordering::Relaxed));
        self.stuck.fetch_or(!held.is_held(), Ordering::Relaxed);
        let file = match OpenOptions::new().read(true).custom_flags(no_follow()).open(entry(&self.home, kind, key)) {
            Ok(file) => file,
            Err(cause) if is_absent(&cause) => return Ok(None),
            Err(cause) => return Err(cause),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || !kind.is_content() && !self.trust.holds_for(&metadata) {
            return Ok(None);
        }
        mark_used(&file);
        if let Trust::Nobody(_) = self.trust {
            return self.own_copy(file, kind, key).map(Some);
        }
        Ok(Some(file))
    }

    /// Copies an entry that other users could change while it is in use.
    fn own_copy(&self, file: File, kind: CacheKind, key: &Digest) -> io::Result<File> {
        let target = entry(self.overlay()?, kind, key);
        let folder = target.parent().unwrap_or(&self.scratch);
        make_folder(folder)?;
        copy(file, folder, &target)?;
        File::open(target)
    }

    fn failed(&self, doing: &str, cause: &io::Error) -> OperationError {
        failed(&self.home, doing, cause)
    }

    fn put(&self, mut staged: NamedTempFile, kind: CacheKind, key: &Digest) -> io::Result<()> {
        if let Trust::Nobody(_) = self.trust {
            self.own_copy(staged.reopen()?, kind, key)?;
        }
        if self.session.is_some() && !self.is_shunned(kind, key) {
            let target = entry(&self.home, kind, key);
            match make_folder(target.parent().unwrap_or(&self.home)) {
                Ok(()) => match staged.persist(&target) {
                    Ok(_) => return Ok(()),
                    // A directory, or a file that this user may not replace, is in its place.
                    Err(failed) if is_refused(&failed.error) || is_occupied(&failed.error) => staged = failed.file,
                    Err(failed) => return Err(failed.error),
                },
                Err(cause) if is_refused(&cause) => {}
                Err(cause) => return Err(cause),
            }
            self.tell_refused(&target);
        }
        let target = entry(self.overlay()?, kind, key);
        let folder = target.parent().unwrap_or(&self.scratch);
        make_folder(folder)?;
        match staged.persist(&target) {
            Ok(_) => Ok(()),
            // It was staged on another file system.
            Err(failed) => copy(failed.file.reopen()?, folder, &target),
        }
    }

    /// Warns once that a directory of the cache belongs to another user.
    fn tell_refused(&self, target: &Path) {
        if self.overlay.get().is_none() {
            let folder = target.parent().unwrap_or(target).display();
            let text = format!("`{folder}` cannot be written: new entries of this kind last for this run only");
            self.progress.warn(unusable(text).file(folder));
        }
    }

    fn is_shunned(&self, kind: CacheKind, key: &Digest) -> bool {
        self.shunned.lock().unwrap_or_else(PoisonError::into_inner).contains(&(kind, *key))
    }
}

impl Cache {
    /// Opens an entry for reading, and marks it as used.
    ///
    /// # Errors
    /// Any I/O error other than a missing entry.
    pub fn open(&self, kind: CacheKind, key: &Digest) -> Result<Option<File>, OperationError> {
        let open = || match self.of_overlay(kind, key) {
            Some(path) => File::open(path).map(Some),
            None => self.kept(kind, key),
        };
        open().map_err(|cause| self.failed("read", &cause))
    }

    /// Returns the cache's own directory, which is never part of an image.
    pub fn folder(&self) -> &Path {
        &self.home
    }

    /// Returns the path of an entry, which need not exist.
    pub fn path(&self, kind: CacheKind, key: &Digest) -> PathBuf {
        self.of_overlay(kind, key).unwrap_or_else(|| entry(&self.home, kind, key))
    }

    /// Creates a temporary file on the cache's file system. It is deleted when dropped.
    ///
    /// # Errors
    /// A cache that cannot be written.
    pub fn stage(&self) -> Result<NamedTempFile, OperationError> {
        let folder = match &self.session {
            Some(session) => session.folder(),
            None => self.overlay().map_err(|cause| self.failed("write", &cause))?,
        };
        staged_private(folder).map_err(|cause| self.failed("write", &cause))
    }

    /// Makes a staged file the entry, in one step.
    ///
    /// # Errors
    /// A cache that cannot be written.
    pub fn commit(&self, staged: NamedTempFile, kind: CacheKind, key: &Digest) -> Result<(), OperationError> {
        self.put(staged, kind, key).map_err(|cause| self.failed("write", &cause))
    }

    /// Reads the bytes that `keep` stored under this kind and key. Returns none where the record is
    /// missing, is damaged (then it is dropped, with a warning), or may have been written by other
    /// users.
    ///
    /// # Errors
    /// Any I/O error other than a missing record.
    pub fn record(&self, kind: CacheKind, key: &Digest) -> Result<Option<Vec<u8>>, OperationError> {
        let Some(file) = self.open(kind, key)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(RECORD_LIMIT + 1).read_to_end(&mut bytes);
        let record =
            read.ok().filter(|length| *length as u64 <= RECORD_LIMIT).and_then(|_| record::open(bytes, kind, key));
        if record.is_none() {
            self.damaged(kind, key, kind.description());
        }
        Ok(record)
    }

    /// Stores bytes together with their digest.
    ///
    /// # Errors
    /// A cache that cannot be written.
    pub fn keep(&self, kind: CacheKind, key: &Digest, bytes: &[u8]) -> Result<(), OperationError> {
        let mut staged = self.stage()?;
        let written = staged.write_all(&record::head(bytes, kind, key)).and_then(|()| staged.write_all(bytes));
        written.map_err(|cause| self.failed("write", &cause))?;
        self.commit(staged, kind, key)
    }

    /// Stores what a function makes of the bytes that are stored, if there are any. No other thread or
    /// process changes records of the cache at the same time.
    ///
    /// # Errors
    /// As [`Self::record`] and [`Self::keep`].
    pub fn update(
        &self,
        kind: CacheKind,
        key: &Digest,
        change: impl FnOnce(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<(), OperationError> {
        let _one = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = self.session.as_ref().map(|_| CacheLock::updates(&self.home));
        let bytes = change(self.record(kind, key)?);
        self.keep(kind, key, &bytes)
    }

    /// Builds the error of an entry or a staged file that cannot be read or written.
    pub fn failure(&self, cause: &io::Error) -> OperationError {
        self.failed("use", cause)
    }

    /// Drops an entry that has changed since it was stored, and warns: `what` names it, as in `the
    /// tar of layer 3f2a9c1b04de`.
    pub fn damaged(&self, kind: CacheKind, key: &Digest, what: &str) {
        let path = self.path(kind, key);
        if let Err(cause) = std::fs::remove_file(&path)
            && cause.kind() != io::ErrorKind::NotFound
        {
            self.shunned.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, *key));
        }
        let home = self.home.display();
        let text = format!("the cache in `{home}` is damaged: {what} has changed, and is fetched or made again");
        self.progress.warn(Diagnostic::warning(Code::DamagedCache, text).file(path.display()));
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.close();
    }
}

fn entry(root: &Path, kind: CacheKind, key: &Digest) -> PathBuf {
    root.join(kind.folder_name()).join(key.hex())
}

#[cfg(test)]
mod tests;
