//! The content of a cache, and deleting old entries.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::disk_cache::Cache;
use super::failure::failed;
use super::kind::CacheKind;
use super::session::{CacheLock, CacheSession, first_other};
use crate::oci::digest::is_hex;
use crate::operation_error::OperationError;

/// The content of a cache.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    pub kinds: BTreeMap<CacheKind, KindUsage>,
    /// True while other processes use the cache.
    pub busy: bool,
}

/// The entries of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KindUsage {
    pub entries: u64,
    /// The size of all entries of this kind, in bytes.
    pub size: u64,
}

/// The limits of a cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PruneLimits {
    /// The largest size, in bytes; the least recently used entries are deleted first.
    pub keep: Option<u64>,
    /// The longest time since the last use.
    pub older_than: Option<Duration>,
}

/// The result of deleting entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    pub entries: u64,
    /// The size of the deleted entries, in bytes.
    pub size: u64,
    /// The size of the remaining entries, in bytes.
    pub left: u64,
    /// Entries that exceed the limits, but that other processes may be using.
    pub in_use: u64,
    /// Entries that this user may not delete.
    pub refused: u64,
}

struct Entry {
    used: SystemTime,
    kind: CacheKind,
    path: PathBuf,
    size: u64,
}

impl Usage {
    /// Returns the size of all entries, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.kinds.values().map(|kind| kind.size).sum()
    }
}

impl Cache {
    /// Counts the entries of the cache.
    ///
    /// # Errors
    /// A cache that cannot be read.
    pub fn usage(&self, now: SystemTime) -> Result<Usage, OperationError> {
        let mut usage = Usage { busy: self.first_other(now).is_some(), ..Usage::default() };
        for entry in self.entries()? {
            let kind = usage.kinds.entry(entry.kind).or_default();
            kind.entries += 1;
            kind.size += entry.size;
        }
        Ok(usage)
    }

    /// Deletes entries, the least recently used first, until the cache is within its limits.
    /// Entries used since the start of the first running process stay. `now` is used where the disk
    /// is too full to create a file with the current time.
    ///
    /// # Errors
    /// A cache that cannot be read or written.
    pub fn prune(&self, bounds: PruneLimits, now: SystemTime) -> Result<Pruned, OperationError> {
        let error = |cause: io::Error| failed(&self.home, "write", &cause);
        let now = self.session.as_ref().and_then(|session| session.began().ok()).unwrap_or(now);
        let mut entries = self.entries()?;
        entries.sort_by(|one, other| (one.used, &one.path).cmp(&(other.used, &other.path)));
        let mut pruned = Pruned { left: entries.iter().map(|entry| entry.size).sum(), ..Pruned::default() };
        for entry in entries {
            let age = now.duration_since(entry.used).unwrap_or_default();
            let too_old = bounds.older_than.is_some_and(|most| age > most);
            let too_much = bounds.keep.is_some_and(|keep| pruned.left > keep);
            if !too_old && !too_much {
                continue;
            }
            let held = CacheLock::exclusive(&self.home).map_err(error)?;
            if !held.is_held() {
                return Err(error(io::Error::other("another process holds its lock")));
            }
            // Checked again under the lock: a process may have opened it just now.
            let used = modified(&entry.path);
            if used.is_none_or(|used| self.first_other(now).is_some_and(|began| used >= began)) {
                pruned.in_use += u64::from(used.is_some());
                continue;
            }
            match std::fs::remove_file(&entry.path) {
                Ok(()) => {
                    pruned.entries += 1;
                    pruned.size += entry.size;
                    pruned.left -= entry.size;
                }
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => pruned.left -= entry.size,
                Err(_) => pruned.refused += 1,
            }
        }
        Ok(pruned)
    }

    fn first_other(&self, now: SystemTime) -> Option<SystemTime> {
        first_other(&self.home, self.session.as_ref().map(CacheSession::folder), now)
    }

    /// Returns every entry. Files with other names are not carboy's.
    fn entries(&self) -> Result<Vec<Entry>, OperationError> {
        let mut out = Vec::new();
        for kind in CacheKind::ALL {
            let folder = self.home.join(kind.folder_name());
            // `blobs/sha256` is two directories: neither may be a link to another program's.
            if !folder.ancestors().take_while(|folder| *folder != self.home).all(is_folder) {
                continue;
            }
            let listed = std::fs::read_dir(&folder).map_err(|cause| failed(&self.home, "read", &cause))?;
            for entry in listed.flatten() {
                let Ok(metadata) = entry.metadata() else { continue }; // deleted meanwhile
                if !metadata.is_file() || !is_hex(entry.file_name().as_encoded_bytes()) {
                    continue;
                }
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                out.push(Entry { used, kind, path: entry.path(), size: metadata.len() });
            }
        }
        Ok(out)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.symlink_metadata().and_then(|metadata| metadata.modified()).ok()
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}
