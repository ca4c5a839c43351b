//! Facts about the content of files: read once, in parallel, and checked not to change meanwhile.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::content::{ContentScanner, Finding};
use super::local_path::{below, changed, unreadable};
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::operation_error::OperationError;

const CHUNK: usize = 128 << 10;
/// The largest number of readers, on any number of cores, because disks are shared.
const MOST_READERS: usize = 8;

/// The metadata that changes whenever a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileStat {
    pub size: u64,
    pub modified: Timestamp,
    /// The inode's change time, which no program can set.
    pub changed: Timestamp,
    pub inode: u64,
}

/// Seconds and nanoseconds since 1970.
pub(super) type Timestamp = (i64, i64);

/// The facts about a file's content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ContentFacts {
    pub digest: Digest,
    pub magic: [u8; 4],
    /// The content that leaves the file out, if there is any.
    pub finding: Option<Finding>,
}

impl FileStat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }
}

/// Reads files below a directory; the results are in the files' order.
///
/// # Errors
/// A file that cannot be read, or does not match its stat before or after.
pub(super) fn read_all(folder: &Path, files: &[(&[u8], FileStat)]) -> Result<Vec<ContentFacts>, OperationError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let reader = || {
        let mut chunk = vec![0; CHUNK];
        let mut done = vec![];
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((path, stat)) = files.get(number) else { break };
            let facts = read(&below(folder, path), stat, &mut chunk);
            stop.fetch_or(facts.is_err(), Ordering::Relaxed);
            done.push((number, facts));
        }
        done
    };
    let mut all: Vec<_> = thread::scope(|scope| {
        let readers = cores.min(MOST_READERS).min(files.len());
        let readers: Vec<_> = (0..readers).map(|_| scope.spawn(reader)).collect();
        readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, facts)| facts).collect()
}

fn read(path: &Path, stat: &FileStat, chunk: &mut [u8]) -> Result<ContentFacts, OperationError> {
    let failed = |cause: io::Error| unreadable(&cause);
    let mut file = fs_err::File::open(path).map_err(failed)?;
    let is_same = |metadata: Metadata| metadata.is_file() && FileStat::of(&metadata) == *stat;
    if !is_same(file.metadata().map_err(failed)?) {
        return Err(changed(path));
    }
    let mut hasher = Hasher::default();
    let name = |path: Option<&OsStr>| path.unwrap_or_default().as_encoded_bytes().to_vec();
    let (folder, name) = (name(path.parent().and_then(Path::file_name)), name(path.file_name()));
    let mut scan = ContentScanner::new(&folder, &name);
    let mut seen = 0;
    loop {
        let bytes = match file.read(chunk) {
            Ok(0) => break,
            Ok(length) => &chunk[..length],
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(failed(cause)),
        };
        seen += bytes.len() as u64;
        if seen > stat.size {
            return Err(changed(path));
        }
        scan.take(bytes);
        hasher.update(bytes);
    }
    if seen != stat.size || !is_same(file.metadata().map_err(failed)?) {
        return Err(changed(path));
    }
    Ok(ContentFacts { digest: hasher.finish(), magic: scan.magic(), finding: scan.finish(stat.size) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(path: &Path) -> FileStat {
        FileStat::of(&fs_err::metadata(path).unwrap())
    }

    #[test]
    fn facts_come_in_the_order_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..40).map(|number| format!("f{number}")).collect();
        for name in &names {
            fs_err::write(folder.path().join(name), name.repeat(50_000)).unwrap();
        }
        let files: Vec<_> = names.iter().map(|name| (name.as_bytes(), stat(&folder.path().join(name)))).collect();
        for (name, facts) in names.iter().zip(read_all(folder.path(), &files).unwrap()) {
            assert_eq!(facts.digest, Digest::of(name.repeat(50_000).as_bytes()), "{name}");
            assert_eq!(facts.magic, name.repeat(2).as_bytes()[..4]);
        }
    }

    #[test]
    fn short_files_have_padded_magic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs_err::write(&path, "ab").unwrap();
        assert_eq!(read(&path, &stat(&path), &mut [0; 1]).unwrap().magic, *b"ab\0\0");
    }

    #[test]
    fn a_file_that_is_not_what_it_was_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs_err::write(&path, "one").unwrap();
        let before = stat(&path);
        fs_err::write(&path, "one two").unwrap();
        for stat in [before, FileStat { inode: 0, ..stat(&path) }] {
            let error = read_all(folder.path(), &[(b"log", stat)]).unwrap_err();
            assert!(error.line().ends_with("log` changed while being read"), "{error}");
        }
    }
}
