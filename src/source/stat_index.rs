//! The stat index: facts about the files of a directory, usable without opening them.
//!
//! An entry is valid as long as the file's size, times and inode are the same. A file that is
//! written at the very time at which it is read could change once more without other times, so an
//! entry is kept only if the file is older than the index (the "racy git" problem; git's
//! `racy-git.adoc`). The time of the index is that of its temporary file, not of a clock.
//!
//! On the disk: a line with the format's name, then records of little-endian numbers, the digest
//! and the path. An unreadable index counts as absent.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::content::Finding;
use super::content_facts::{ContentFacts, FileStat, Timestamp};
use super::local_path::below;
use crate::oci::Digest;
use crate::operation_error::OperationError;
use crate::store::{Cache, CacheKind};

const FORMAT: &[u8] = b"carboy folder index 3\n";
/// The least age of a file compared to the index, in seconds: clocks are coarse.
const MARGIN: i64 = 1;

/// The facts about the files below one directory.
#[derive(Debug, Default)]
pub(super) struct StatIndex {
    known: BTreeMap<Vec<u8>, (FileStat, ContentFacts)>,
    fresh: BTreeMap<Vec<u8>, (FileStat, ContentFacts)>,
}

/// Returns the current time by the clock of the cache's file system. An update takes it before it
/// reads the first file.
///
/// # Errors
/// A cache that cannot be written.
pub(super) fn begin(cache: &Cache) -> Result<Timestamp, OperationError> {
    let metadata = cache.stage()?.as_file().metadata().map_err(|cause| cache.failure(&cause))?;
    Ok(FileStat::of(&metadata).modified)
}

impl StatIndex {
    /// Loads the facts from the last walk of the directory.
    ///
    /// # Errors
    /// A cache that cannot be read. Malformed content is no error.
    pub(super) fn load(cache: &Cache, folder: &Path) -> Result<Self, OperationError> {
        let Some(bytes) = cache.record(CacheKind::Folder, &key(folder))? else { return Ok(Self::default()) };
        Ok(Self { known: decode(&bytes).unwrap_or_default(), fresh: BTreeMap::new() })
    }

    /// Returns the facts of a file, if it has not changed.
    pub(super) fn get(&self, path: &[u8], stat: &FileStat) -> Option<ContentFacts> {
        self.known.get(path).filter(|(known, _)| known == stat).map(|(_, facts)| *facts)
    }

    /// Adds facts that were read after an update began.
    pub(super) fn put(&mut self, path: &[u8], stat: FileStat, facts: ContentFacts) {
        self.fresh.insert(path.to_vec(), (stat, facts));
    }

    /// Writes the index, if it has new facts that may be kept.
    ///
    /// Facts about files that this walk did not see are kept for as long as the file exists,
    /// because other walks of the same directory see other files.
    pub(super) fn commit(mut self, cache: &Cache, folder: &Path, begun: Timestamp) -> Result<(), OperationError> {
        let trusted = (begun.0 - MARGIN, begun.1);
        self.fresh.retain(|_, (stat, _)| stat.modified < trusted && stat.changed < trusted);
        if self.fresh.is_empty() {
            return Ok(());
        }
        self.known.retain(|path, _| fs_err::symlink_metadata(below(folder, path)).is_ok());
        self.known.append(&mut self.fresh);
        cache.keep(CacheKind::Folder, &key(folder), &encode(&self.known))
    }
}

fn key(folder: &Path) -> Digest {
    Digest::of(folder.as_os_str().as_bytes())
}

fn encode(known: &BTreeMap<Vec<u8>, (FileStat, ContentFacts)>) -> Vec<u8> {
    let mut out = FORMAT.to_vec();
    for (path, (stat, facts)) in known {
        for number in [stat.size, stat.inode, path.len() as u64] {
            out.extend(number.to_le_bytes());
        }
        for number in [stat.modified.0, stat.modified.1, stat.changed.0, stat.changed.1] {
            out.extend(number.to_le_bytes());
        }
        out.extend(facts.magic);
        out.push(Finding::to_byte(facts.finding));
        out.extend(facts.digest.to_string().bytes());
        out.extend(path);
    }
    out
}

fn decode(bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, (FileStat, ContentFacts)>> {
    let mut rest = bytes.strip_prefix(FORMAT)?;
    let mut known = BTreeMap::new();
    while !rest.is_empty() {
        let [size, inode, length] = [take(&mut rest)?, take(&mut rest)?, take(&mut rest)?].map(u64::from_le_bytes);
        let mut moment = || Some((i64::from_le_bytes(take(&mut rest)?), i64::from_le_bytes(take(&mut rest)?)));
        let (modified, changed) = (moment()?, moment()?);
        let magic = take(&mut rest)?;
        let finding = match take::<1>(&mut rest)? {
            [0] => None,
            [byte] => Some(Finding::from_byte(byte)?),
        };
        let digest = std::str::from_utf8(&take::<71>(&mut rest)?).ok()?.parse().ok()?;
        let (path, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        known.insert(
            path.to_vec(),
            (FileStat { size, modified, changed, inode }, ContentFacts { digest, magic, finding }),
        );
    }
    Some(known)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cache;

    fn facts(text: &str) -> ContentFacts {
        ContentFacts { digest: Digest::of(text.as_bytes()), magic: *b"\x7fELF", finding: Some(Finding::PrivateKey) }
    }

    fn stat(seconds: i64) -> FileStat {
        FileStat { size: 7, modified: (seconds, 5), changed: (seconds, 6), inode: 9 }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_broken_is_absent() {
        let known = BTreeMap::from([(b"a\nb/\xff".to_vec(), (stat(-3), facts("1"))), (vec![], (stat(4), facts("2")))]);
        let bytes = encode(&known);
        assert_eq!(decode(&bytes), Some(known));
        for end in (0..bytes.len()).filter(|&end| end != FORMAT.len()) {
            let decoded = decode(&bytes[..end]);
            assert!(decoded.is_none_or(|known| known.len() == 1), "{end}");
        }
        assert_eq!(decode(&[FORMAT, &[0xff; 300]].concat()), None);
        assert_eq!(decode(b"carboy folder index 0\n"), None);
    }

    #[test]
    fn files_as_young_as_the_index_are_not_kept() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path().join("cache")).unwrap();
        let mut index = StatIndex::load(&cache, root.path()).unwrap();
        let now = begin(&cache).unwrap().0;
        for (name, age) in [("old", 10), ("now", 0), ("new", -10), ("second", 1)] {
            index.put(name.as_bytes(), stat(now - age), facts(name));
        }
        index.put(b"renamed", FileStat { changed: (now, 0), ..stat(now - 10) }, facts("renamed"));
        index.commit(&cache, root.path(), (now, 0)).unwrap();
        let index = StatIndex::load(&cache, root.path()).unwrap();
        assert_eq!(index.known.keys().collect::<Vec<_>>(), [b"old"]);
        assert_eq!(index.get(b"old", &stat(now - 10)), Some(facts("old")));
        assert_eq!(index.get(b"old", &FileStat { inode: 10, ..stat(now - 10) }), None);
    }

    #[test]
    fn other_files_stay_known_for_as_long_as_they_exist() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path().join("cache")).unwrap();
        fs_err::write(root.path().join("there"), "").unwrap();
        for name in ["there", "gone", "third"] {
            let mut index = StatIndex::load(&cache, root.path()).unwrap();
            let begun = begin(&cache).unwrap();
            index.put(name.as_bytes(), stat(0), facts(name));
            index.commit(&cache, root.path(), begun).unwrap();
        }
        let index = StatIndex::load(&cache, root.path()).unwrap();
        assert_eq!(index.known.keys().collect::<Vec<_>>(), [b"there".as_slice(), b"third"]);
    }

    #[test]
    fn a_broken_index_is_rewritten() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path().join("cache")).unwrap();
        cache.keep(CacheKind::Folder, &key(root.path()), b"carboy folder index 1\nnonsense").unwrap();
        let mut index = StatIndex::load(&cache, root.path()).unwrap();
        assert!(index.known.is_empty());
        let begun = begin(&cache).unwrap();
        index.put(b"x", stat(0), facts("x"));
        index.commit(&cache, root.path(), begun).unwrap();
        assert_eq!(StatIndex::load(&cache, root.path()).unwrap().known.len(), 1);
    }
}
