//! The compiled files of some sources, in one file of the cache.
//!
//! ```text
//! one .pyc after the other, by their sources' paths | index | index's length (8 bytes, little-endian)
//!     | SHA-256 of the bundle's key and all that stands before (32 bytes)
//! ```
//! The index is a JSON array with an element for each source, in the same order. It holds no paths,
//! because the key covers them. A bundle is verified as a whole before any of it is used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::compiled::{Bytecode, SkipReason};
use super::interpreter::Interpreter;
use super::python_build::PythonBuild;
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::operation_error::OperationError;
use crate::rootfs::{ArchiveFile, Content, RootPath, ZipEntry};
use crate::store::Cache;

/// Raised whenever the same sources give other bytes: by changes of the driver, of its flags, or of
/// the canonical form of marshalled code.
const FORMAT: u32 = 3;
/// The largest index that is read, in bytes.
const INDEX: u64 = 64 << 20;
/// The length of the digest at the end, in bytes.
const SEAL: u64 = 32;
/// The number of bytes that are hashed at once.
const PIECE: usize = 128 << 10;

/// Sources by their paths in the image.
pub(super) type Sources = BTreeMap<RootPath, Content>;

/// The result of compiling a source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CompileOutcome {
    Compiled { size: u64, digest: Digest },
    SkipReason(SkipReason),
}

/// Returns the digest of all inputs of a bundle. Neither the interpreter's path nor the project is
/// one of them.
pub(super) fn key(exact: &PythonBuild, interpreter: &Interpreter, sources: &Sources) -> Digest {
    let mut hasher = Hasher::default();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(&FORMAT.to_le_bytes());
    add(exact.version.as_bytes());
    add(&[u8::from(exact.free_threaded)]);
    add(&interpreter.magic);
    add(interpreter.cache_tag.as_bytes());
    for (path, content) in sources {
        add(path.as_bytes());
        match content {
            Content::Bytes(_) | Content::Local(_) | Content::ZipEntry(_) | Content::Layer { .. } => {
                content.digest().iter().for_each(|digest| add(digest.as_bytes()));
            }
            Content::Sparse(sparse) => {
                add(sparse.data.as_bytes());
                let extents = sparse.extents.iter().flat_map(|extent| [extent.offset, extent.length]);
                let numbers = std::iter::once(sparse.size).chain(extents);
                add(&numbers.flat_map(u64::to_le_bytes).collect::<Vec<_>>());
            }
        }
    }
    hasher.finish()
}

/// Returns the path of a source's compiled file: `a/__pycache__/b.cpython-313.pyc` for `a/b.py`.
/// None for names that do not end in `.py`.
pub(super) fn compiled_path(source: &RootPath, cache_tag: &str) -> Option<RootPath> {
    let stem = source.name()?.strip_suffix(b".py").filter(|stem| !stem.is_empty())?;
    let name = [stem, b".", cache_tag.as_bytes(), b".pyc"].concat();
    Some(source.parent()?.child(b"__pycache__").child(&name))
}

/// A bundle that is being written.
pub(super) struct Writer {
    cache: Arc<Cache>,
    out: BufWriter<NamedTempFile>,
    hasher: Hasher,
    outcomes: Vec<CompileOutcome>,
}

impl Writer {
    /// Begins a bundle with a key.
    ///
    /// # Errors
    /// A cache that cannot be written, as in all other functions here.
    pub fn new(cache: Arc<Cache>, key: &Digest) -> Result<Self, OperationError> {
        let out = BufWriter::with_capacity(256 << 10, cache.stage()?);
        Ok(Self { cache, out, hasher: begun(key), outcomes: Vec::new() })
    }

    /// Adds the next source's file, or the reason that it has none.
    pub fn add(&mut self, result: Result<Vec<u8>, SkipReason>) -> Result<(), OperationError> {
        let outcome = match result {
            Ok(bytes) => {
                self.write(&bytes)?;
                CompileOutcome::Compiled { size: bytes.len() as u64, digest: Digest::of(&bytes) }
            }
            Err(skipped) => CompileOutcome::SkipReason(skipped),
        };
        self.outcomes.push(outcome);
        Ok(())
    }

    /// Writes the index and the digest.
    pub fn finish(mut self) -> Result<(NamedTempFile, Vec<CompileOutcome>), OperationError> {
        let index = serde_json::to_vec(&self.outcomes).map_err(|cause| self.cache.failure(&cause.into()))?;
        self.write(&index)?;
        self.write(&(index.len() as u64).to_le_bytes())?;
        let seal = self.hasher.clone().finish();
        self.write(seal.as_bytes())?;
        let staged = self.out.into_inner().map_err(|cause| self.cache.failure(&cause.into_error()))?;
        Ok((staged, self.outcomes))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), OperationError> {
        self.hasher.update(bytes);
        self.out.write_all(bytes).map_err(|cause| self.cache.failure(&cause))
    }
}

fn begun(key: &Digest) -> Hasher {
    let mut hasher = Hasher::default();
    hasher.update(key.as_bytes());
    hasher
}

/// Returns whether a bundle's bytes up to `end` match the digest there.
fn is_sound(mut file: &File, key: &Digest, end: u64) -> io::Result<bool> {
    let (mut hasher, mut want, mut piece) = (begun(key), [0; 32], vec![0; PIECE]);
    file.rewind()?;
    let mut left = end;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        file.read_exact(&mut piece[..length])?;
        hasher.update(&piece[..length]);
        left -= length as u64;
    }
    file.read_exact(&mut want)?;
    Ok(hasher.finish() == Digest::from_bytes(want))
}

/// Reads the index of a bundle of this number of sources; none when the bundle is damaged.
pub(super) fn outcomes(mut file: File, key: &Digest, sources: usize) -> Option<Vec<CompileOutcome>> {
    let total = file.metadata().ok()?.len().checked_sub(SEAL)?;
    if !is_sound(&file, key, total).ok()? {
        return None;
    }
    let mut length = [0; 8];
    file.seek(SeekFrom::Start(total.checked_sub(8)?)).ok()?;
    file.read_exact(&mut length).ok()?;
    let length = Some(u64::from_le_bytes(length)).filter(|length| *length <= INDEX)?;
    let begin = total.checked_sub(8)?.checked_sub(length)?;
    file.seek(SeekFrom::Start(begin)).ok()?;
    let mut index = Vec::new();
    file.take(length).read_to_end(&mut index).ok()?;
    let outcomes: Vec<CompileOutcome> = serde_json::from_slice(&index).ok()?;
    let sizes = outcomes.iter().map(|outcome| match outcome {
        CompileOutcome::Compiled { size, .. } => *size,
        CompileOutcome::SkipReason(_) => 0,
    });
    let whole = sizes.fold(0, u64::saturating_add) == begin;
    (whole && outcomes.len() == sources).then_some(outcomes)
}

/// Returns the files of a bundle.
pub(super) fn bytecode(
    archive: &Path,
    key: Digest,
    outcomes: Vec<CompileOutcome>,
    sources: &Sources,
    cache_tag: &str,
) -> Bytecode {
    let archive = ArchiveFile { name: "compiled bytecode".to_owned(), path: archive.to_owned(), digest: key };
    let archive = Arc::new(archive);
    let mut out = Bytecode::default();
    for (source, outcome) in sources.keys().zip(outcomes) {
        match (outcome, compiled_path(source, cache_tag)) {
            (CompileOutcome::SkipReason(skipped), _) => out.skipped.push((source.clone(), skipped)),
            (CompileOutcome::Compiled { size, digest }, Some(path)) => {
                let archive = archive.clone();
                let member = ZipEntry { archive, offset: out.size, packed: size, size, deflated: false, digest };
                out.size += size;
                out.files.insert(path, Content::ZipEntry(Arc::new(member)));
            }
            (CompileOutcome::Compiled { .. }, None) => {} // `compile` takes no such sources
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::marshal::Layout;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    fn interpreter(magic: [u8; 4], place: &str) -> Interpreter {
        let layout = Layout::of(13).unwrap();
        Interpreter { path: place.into(), magic, cache_tag: "cpython-313".to_owned(), layout }
    }

    #[test]
    fn files_are_beside_their_sources() {
        let at = |source: &str| compiled_path(&path(source), "cpython-313").map(|path| path.to_string());
        assert_eq!(at("a/b.py").as_deref(), Some("/a/__pycache__/b.cpython-313.pyc"));
        assert_eq!(at("b.c.py").as_deref(), Some("/__pycache__/b.c.cpython-313.pyc"));
        for other in ["a/b.pyi", "a/.py", "a", "a/b.py.txt", ""] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn what_was_written_is_read_again_and_half_of_it_is_not() {
        let sources: Sources =
            ["a.py", "b.py", "c.py"].map(|name| (path(name), Content::Bytes(Arc::from(*b"")))).into_iter().collect();
        let key = Digest::of(b"key");
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::new(folder.path().to_owned()).unwrap());
        let mut writer = Writer::new(cache.clone(), &key).unwrap();
        for result in [Ok(b"first".to_vec()), Err(SkipReason::TooDeep), Ok(b"third".to_vec())] {
            writer.add(result).unwrap();
        }
        let (staged, outcomes) = writer.finish().unwrap();
        let read = || super::outcomes(File::open(staged.path()).unwrap(), &key, 3);
        assert_eq!(read().unwrap(), outcomes);
        assert_eq!(super::outcomes(File::open(staged.path()).unwrap(), &key, 2), None);
        assert_eq!(super::outcomes(File::open(staged.path()).unwrap(), &Digest::of(b"other"), 3), None);
        let found = bytecode(staged.path(), Digest::of(b"key"), outcomes, &sources, "x");
        assert_eq!((found.size, found.skipped.as_slice()), (10, [(path("b.py"), SkipReason::TooDeep)].as_slice()));
        let Some(Content::ZipEntry(third)) = found.files.get(&path("__pycache__/c.x.pyc")) else { panic!("{found:?}") };
        assert_eq!((third.offset, third.size, third.digest), (5, 5, Digest::of(b"third")));
        let whole = fs_err::read(staged.path()).unwrap();
        for end in 0..whole.len() {
            fs_err::write(staged.path(), &whole[..end]).unwrap();
            assert_eq!(read(), None, "{end}");
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs_err::write(staged.path(), &flipped).unwrap();
            assert_eq!(read(), None, "{at}");
        }
    }

    #[test]
    fn the_key_is_what_decides_and_nothing_else() {
        let exact = |version: &str| PythonBuild { version: version.to_owned(), free_threaded: false };
        let content = |bytes: &'static [u8]| Content::Bytes(Arc::from(bytes));
        let sources = |name: &str, bytes| Sources::from([(path(name), content(bytes))]);
        let of = |version, magic, place, name, bytes| {
            key(&exact(version), &interpreter(magic, place), &sources(name, bytes))
        };
        let one = of("3.13.5", *b"mmmm", "/usr/bin/python3", "a.py", b"x");
        assert_eq!(one, of("3.13.5", *b"mmmm", "/opt/python", "a.py", b"x"));
        let digest = Digest::of(b"x");
        let member = ZipEntry {
            archive: Arc::new(ArchiveFile { name: "some.whl".to_owned(), path: "/some.whl".into(), digest }),
            offset: 7,
            packed: 1,
            size: 1,
            deflated: true,
            digest,
        };
        let packed = Sources::from([(path("a.py"), Content::ZipEntry(Arc::new(member)))]);
        assert_eq!(one, key(&exact("3.13.5"), &interpreter(*b"mmmm", "/"), &packed));
        for other in [
            of("3.13.4", *b"mmmm", "/usr/bin/python3", "a.py", b"x"),
            of("3.13.5", *b"nnnn", "/usr/bin/python3", "a.py", b"x"),
            of("3.13.5", *b"mmmm", "/usr/bin/python3", "b.py", b"x"),
            of("3.13.5", *b"mmmm", "/usr/bin/python3", "a.py", b"y"),
        ] {
            assert_ne!(one, other);
        }
    }
}
