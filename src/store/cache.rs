//! The cache between runs: a folder of immutable entries.
//!
//! ```text
//! ROOT/blobs/sha256/HEX   ROOT/tars/HEX   ROOT/layers/HEX   ROOT/folders/HEX
//! ROOT/wheels/HEX   ROOT/bytecode/HEX   ROOT/elf/HEX   ROOT/tmp/
//! ```
//! An entry is renamed into place, so that a reader never meets half of one and
//! processes that commit the same key at once do each other no harm. What lies
//! in `tmp` is nobody's after a day.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use super::staged::{place, staged};
use crate::oci::Digest;
use crate::ports::{Cache, CacheKind, PortError, PortErrorKind};

/// After this long, no run that staged a file is still about to commit it.
const ABANDONED: Duration = Duration::from_hours(24);

/// A cache in a folder of its own.
pub struct DiskCache {
    root: PathBuf,
}

impl DiskCache {
    /// A cache in a folder, which is made when it is not there.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn new(root: PathBuf) -> Result<Self, PortError> {
        let cache = Self { root };
        let probe = cache.stage()?;
        if let Ok(now) = probe.as_file().metadata().and_then(|metadata| metadata.modified()) {
            cache.sweep(now);
        }
        Ok(cache)
    }

    /// Removes what earlier runs left behind, as far as that is possible: files
    /// that are not removed now will be another time.
    fn sweep(&self, now: SystemTime) {
        let Ok(entries) = fs_err::read_dir(self.tmp()) else { return };
        for entry in entries.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                let _ = fs_err::remove_file(entry.path());
            }
        }
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn failed(&self, doing: &str, cause: &io::Error) -> PortError {
        PortError {
            kind: PortErrorKind::Other,
            message: format!("cannot {doing} the cache in `{}`: {cause}", self.root.display()),
            hint: Some("name another folder with --cache-dir".to_owned()),
        }
    }
}

impl Cache for DiskCache {
    fn open(&self, kind: CacheKind, key: &Digest) -> Result<Option<File>, PortError> {
        match fs_err::File::open(self.path(kind, key)) {
            Ok(file) => Ok(Some(file.into_parts().0)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(self.failed("read", &cause)),
        }
    }

    fn folder(&self) -> &Path {
        &self.root
    }

    fn path(&self, kind: CacheKind, key: &Digest) -> PathBuf {
        let folder = match kind {
            CacheKind::Blob => "blobs/sha256",
            CacheKind::Tar => "tars",
            CacheKind::Layer => "layers",
            CacheKind::Wheel => "wheels",
            CacheKind::Folder => "folders",
            CacheKind::Bytecode => "bytecode",
            CacheKind::Elf => "elf",
        };
        self.root.join(folder).join(key.hex())
    }

    fn stage(&self) -> Result<NamedTempFile, PortError> {
        in_folder(&self.tmp(), staged).map_err(|cause| self.failed("write", &cause))
    }

    fn commit(&self, staged: NamedTempFile, kind: CacheKind, key: &Digest) -> Result<(), PortError> {
        let target = self.path(kind, key);
        let folder = target.parent().unwrap_or(&self.root);
        fs_err::create_dir_all(folder)
            .and_then(|()| place(staged, &target))
            .map_err(|cause| self.failed("write", &cause))
    }
}

/// Does something in a folder, which is made only when that turns out necessary.
fn in_folder<T>(folder: &Path, work: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    match work(folder) {
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            fs_err::create_dir_all(folder)?;
            work(folder)
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    const KINDS: [(CacheKind, &str); 7] = [
        (CacheKind::Blob, "blobs/sha256"),
        (CacheKind::Tar, "tars"),
        (CacheKind::Layer, "layers"),
        (CacheKind::Wheel, "wheels"),
        (CacheKind::Folder, "folders"),
        (CacheKind::Bytecode, "bytecode"),
        (CacheKind::Elf, "elf"),
    ];

    fn commit(cache: &DiskCache, kind: CacheKind, key: &Digest, content: &str) {
        let mut staged = cache.stage().unwrap();
        staged.write_all(content.as_bytes()).unwrap();
        cache.commit(staged, kind, key).unwrap();
    }

    #[test]
    fn an_entry_is_there_once_it_is_committed_and_not_before() {
        let root = tempfile::tempdir().unwrap();
        let cache = DiskCache::new(root.path().join("a/b")).unwrap();
        let key = Digest::of(b"key");
        for (kind, folder) in KINDS {
            assert!(cache.open(kind, &key).unwrap().is_none(), "{kind:?}");
            drop(cache.stage().unwrap());
            commit(&cache, kind, &key, "first");
            commit(&cache, kind, &key, folder);
            assert_eq!(cache.path(kind, &key), root.path().join("a/b").join(folder).join(key.hex()));
            let mut content = String::new();
            cache.open(kind, &key).unwrap().unwrap().read_to_string(&mut content).unwrap();
            assert_eq!(content, folder);
        }
        assert_eq!(fs_err::read_dir(root.path().join("a/b/tmp")).unwrap().count(), 0);
    }

    #[test]
    fn the_same_key_may_be_committed_at_once() {
        let root = tempfile::tempdir().unwrap();
        let cache = DiskCache::new(root.path().to_owned()).unwrap();
        let key = Digest::of(b"key");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| commit(&cache, CacheKind::Layer, &key, "same"));
            }
        });
        assert_eq!(fs_err::read(cache.path(CacheKind::Layer, &key)).unwrap(), b"same");
    }

    #[test]
    fn yesterdays_leftovers_are_removed_and_todays_are_not() {
        let root = tempfile::tempdir().unwrap();
        let cache = DiskCache::new(root.path().to_owned()).unwrap();
        let old = root.path().join("tmp/old");
        let staged = cache.stage().unwrap();
        fs_err::write(&old, "").unwrap();
        let yesterday = staged.as_file().metadata().unwrap().modified().unwrap() - ABANDONED - ABANDONED;
        File::options().append(true).open(&old).unwrap().set_modified(yesterday).unwrap();
        DiskCache::new(root.path().to_owned()).unwrap();
        assert!(!old.exists());
        assert!(staged.path().exists());
    }

    #[test]
    fn an_unusable_folder_is_named_with_a_way_out() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs_err::write(&file, "").unwrap();
        let error = DiskCache::new(file.join("cache")).err().unwrap();
        assert!(error.message.starts_with("cannot write the cache in `/"), "{error}");
        assert!(error.message.contains("file/cache`: "), "{error}");
        assert_eq!(error.hint.as_deref(), Some("name another folder with --cache-dir"));
    }
}
