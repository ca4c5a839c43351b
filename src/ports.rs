//! The traits behind which I/O stands: images' sources and targets, the cache,
//! local folders. `build` knows these; `registry`, `store` and `source`
//! implement them; `cli` brings them together.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tempfile::NamedTempFile;
use tokio::io::AsyncRead;

use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint;
use crate::oci::location::Selector;
use crate::oci::{Descriptor, Digest, Location, RawManifest};
use crate::plan::{Author, PathBounds};
use crate::progress::Outcome;
use crate::python::lock::{self, Pinned};
use crate::python::tags::Target;
use crate::rootfs::{Content, RootPath};
pub use crate::rootfs::{LeftOut, LocalEntry, LocalFile, LocalKind, Tracked, Walk};

/// An error of a port's other side, with the hint that its maker knew.
///
/// The message names what was being done and to what; causes follow after `: `.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct OperationError {
    pub kind: OperationErrorKind,
    pub message: String,
    pub hint: Option<String>,
}

/// What callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationErrorKind {
    /// There is no such image, tag or blob.
    NotFound,
    /// Credentials are missing, wrong, or not enough.
    Denied,
    /// Received bytes are not what their digest promised.
    Corrupt,
    /// A file of the cache is not what its digest promised.
    Damaged,
    /// Anything else.
    Other,
}

impl OperationErrorKind {
    /// The code of its diagnostic.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::Denied => Code::AccessDenied,
            Self::Corrupt => Code::CorruptContent,
            Self::Damaged => Code::DamagedCache,
            Self::Other => Code::TransferFailed,
        }
    }
}

impl OperationError {
    /// The error as a diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::of(self.kind.code(), self).hint(self.hint.clone())
    }
}

impl Hint for OperationError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Verified bytes on their way: an error comes out in place of wrong content,
/// at the latest instead of the end of the stream.
pub type BlobReader = Pin<Box<dyn AsyncRead + Send>>;

/// A repository that images come from.
pub trait Source: Send + Sync {
    /// A manifest or index of at most [`crate::oci::manifest::LIMIT`] bytes;
    /// by digest, it is verified.
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, OperationError>>;

    /// A blob's bytes, verified against digest and size as they pass.
    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, OperationError>>;

    /// Registry and repository, when blobs could be mounted from there.
    fn mountable(&self) -> Option<(&str, &str)>;
}

/// Where the bytes of a blob to push are.
#[derive(Clone)]
pub enum BlobSource {
    Bytes(Bytes),
    /// A file that holds just the blob.
    File(PathBuf),
    /// Another repository: mounted from there when it is in the same registry,
    /// streamed through otherwise.
    Repository(Arc<dyn Source>),
}

/// A repository that images go to.
pub trait Sink: Send + Sync {
    /// Sees to it that the target has the blob.
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>>;

    /// Writes a manifest or index under its digest (`None`) or a tag.
    fn manifest<'a>(
        &'a self,
        manifest: &'a RawManifest,
        tag: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), OperationError>>;
}

/// Opens repositories.
pub trait Repositories: Send + Sync {
    /// The source at a place, and what the place names in it.
    ///
    /// # Errors
    /// Unusable credentials; a layout that is not there.
    fn source(&self, location: &Location) -> Result<(Arc<dyn Source>, Selector), OperationError>;

    /// The sink at a place.
    ///
    /// # Errors
    /// Unusable credentials; a layout that cannot be written.
    fn sink(&self, location: &Location) -> Result<Arc<dyn Sink>, OperationError>;
}

/// The kinds of entries that the cache holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CacheKind {
    /// A verified blob, manifest or config, by its own digest.
    Blob,
    /// A verified layer's uncompressed tar, by a digest over blob and diff id.
    Tar,
    /// A verified wheel, by its SHA-256.
    Wheel,
    /// The entries of a layer's tar and their digests, by a digest over the tar's key.
    Listing,
    /// JSON about a layer that carboy made, by the digest of its inputs.
    Layer,
    /// The SHA-256 of a wheel, by a digest over another hash of it.
    WheelName,
    /// Facts about the files of a local folder, by the digest of its path.
    Folder,
    /// Compiled bytecode, by the digest of interpreter, paths and sources.
    Bytecode,
    /// JSON about a wheel's ELF files, by a digest over the wheel's.
    Elf,
    /// A composed stage, or the outcome of all stages, by the digest of its inputs.
    Stage,
}

impl CacheKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Blob,
        Self::Tar,
        Self::Wheel,
        Self::Listing,
        Self::Layer,
        Self::WheelName,
        Self::Folder,
        Self::Bytecode,
        Self::Elf,
        Self::Stage,
    ];

    /// Whether an entry is named by the digest of its content, so that it can be verified
    /// whoever wrote it. Others say what some inputs lead to, and have to be believed.
    #[must_use]
    pub fn is_content(self) -> bool {
        matches!(self, Self::Blob | Self::Tar | Self::Wheel)
    }
}

/// Content kept between runs. Entries appear whole or not at all.
///
/// Disks fail and people edit files: what is read from an entry that is named by its
/// content is verified by the caller, who calls [`Cache::damaged`] where it differs;
/// records are verified here.
pub trait Cache: Send + Sync {
    /// An entry, opened for reading, and marked as used.
    ///
    /// # Errors
    /// Anything but its absence.
    fn open(&self, kind: CacheKind, key: &Digest) -> Result<Option<File>, OperationError>;

    /// The cache's own folder, which is never part of an image.
    fn folder(&self) -> &Path;

    /// Where an entry is, or would be.
    fn path(&self, kind: CacheKind, key: &Digest) -> PathBuf;

    /// A temporary file on the cache's file system; gone when dropped.
    ///
    /// # Errors
    /// A cache that cannot be written.
    fn stage(&self) -> Result<NamedTempFile, OperationError>;

    /// Makes a staged file the entry, in one step.
    ///
    /// # Errors
    /// A cache that cannot be written.
    fn commit(&self, staged: NamedTempFile, kind: CacheKind, key: &Digest) -> Result<(), OperationError>;

    /// The bytes that `keep` stored under this kind and key. None where there are none,
    /// where they are damaged (then the entry is dropped, with a warning), and where
    /// others may have written them.
    ///
    /// # Errors
    /// Anything but their absence.
    fn record(&self, kind: CacheKind, key: &Digest) -> Result<Option<Vec<u8>>, OperationError>;

    /// Stores bytes together with their digest.
    ///
    /// # Errors
    /// A cache that cannot be written.
    fn keep(&self, kind: CacheKind, key: &Digest, bytes: &[u8]) -> Result<(), OperationError>;

    /// The error of an entry or a staged file that cannot be read or written.
    fn failure(&self, cause: &io::Error) -> OperationError;

    /// Drops an entry that is not what it was when it was stored, and warns: `what` names
    /// it, as in `the tar of layer 3f2a9c1b04de`.
    fn damaged(&self, kind: CacheKind, key: &Digest, what: &str);
}

/// Which rules leave files of a local folder out.
#[derive(Clone, Debug, Default)]
pub struct WalkRules {
    /// Honour `.gitignore`, `.dockerignore` and `.carboyignore`.
    pub ignore_files: bool,
    /// Leave out what never belongs into an application (`.git`, `.venv`,
    /// `__pycache__`, `.env*`, private keys).
    pub defaults: bool,
    /// Globs that win over everything else.
    pub include: Vec<String>,
    /// Globs that win over the ignore files, but not over `include`.
    pub exclude: Vec<String>,
    /// Files and folders that the run reads or needs elsewhere: the lock file,
    /// wheelhouses, site-packages. Left out unless `include` names them.
    pub inputs: Vec<PathBuf>,
    /// Files and folders that the run writes. Always left out, as the cache is.
    pub outputs: Vec<PathBuf>,
}

/// A wheel on this machine's disk, whose hash was verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WheelFile {
    /// Its name, as the lock file, the index or the wheelhouse has it.
    pub name: String,
    pub path: Arc<Path>,
    /// SHA-256 of the whole file.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

/// Why the wheel of a distribution cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WheelError {
    pub kind: OperationErrorKind,
    /// What was looked for and found, without the distribution's name.
    pub message: String,
    /// What `pip wheel` makes one of, where that would do: `numpy==2.3.1`.
    pub build: Option<String>,
    /// What else would do, or would do better.
    pub hint: Option<String>,
}

impl From<OperationError> for WheelError {
    fn from(OperationError { kind, message, hint }: OperationError) -> Self {
        Self { kind, message, build: None, hint }
    }
}

/// Where distributions come from: wheelhouses, indexes, URLs.
pub trait Packages: Send + Sync {
    /// The wheel of a distribution that fits the target best, fetched and verified
    /// unless the cache or a wheelhouse has it.
    ///
    /// # Errors
    /// There is no wheel that fits; what there is instead, and how to go on. Hashes
    /// that are others than the lock file's. Indexes that refuse or fail.
    fn wheel<'a>(&'a self, wanted: &'a Pinned, target: &'a Target) -> BoxFuture<'a, Result<WheelFile, WheelError>>;
}

/// The interpreter that compiled code is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PythonBuild {
    /// Its whole version: `3.13.5`.
    pub version: String,
    /// Whether it is a build without the global lock, which has bytecode of its own.
    pub free_threaded: bool,
}

impl fmt::Display for PythonBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = if self.free_threaded { " (free-threaded)" } else { "" };
        write!(f, "CPython {}{threads}", self.version)
    }
}

/// Compiled bytecode of some sources.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bytecode {
    /// The `.pyc` files by their paths in the image, beside their sources.
    pub files: BTreeMap<RootPath, Content>,
    /// Sources that have none, by path.
    pub skipped: Vec<(RootPath, SkipReason)>,
    /// The size of all files, in bytes.
    pub size: u64,
}

/// Why a source has no bytecode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// It is not of this version's language: a template, an older Python, a broken file.
    Invalid,
    /// It is nested more deeply than the compiler goes, or needs too much memory.
    TooDeep,
    /// It is larger than what is compiled.
    TooLarge,
    /// The compiler broke down over it.
    Crashed,
    /// The compiler did not come to an end.
    TooSlow,
}

/// What compiling needs beside the sources.
pub struct SourceReader<'a> {
    /// The bytes of a source, which are not more than the number given.
    pub read: &'a (dyn Fn(&Content, u64) -> io::Result<Vec<u8>> + Sync),
    /// Hears of the bytes of sources that are done.
    pub advanced: &'a (dyn Fn(u64) + Sync),
}

/// Compiles sources to `.pyc` files with unchecked hashes (PEP 552).
pub trait Compiler: Send + Sync {
    /// Whether there is the interpreter that is needed.
    ///
    /// # Errors
    /// There is none of this very version; what there is instead, and how to go on.
    fn check(&self, python: &PythonBuild) -> Result<(), OperationError>;

    /// The bytecode of sources by their paths in the image; names that do not end in
    /// `.py` are passed over. It depends on version, path and content of each source
    /// and on nothing else. What is compiled together is found again together, so
    /// each distribution is best compiled by itself.
    ///
    /// # Errors
    /// As `check`; sources that cannot be read; a cache that cannot be written. A
    /// source that cannot be compiled is no error.
    fn compile(
        &self,
        python: &PythonBuild,
        sources: &BTreeMap<RootPath, Content>,
        reading: &SourceReader,
    ) -> Result<Bytecode, OperationError>;
}

/// Where the wheels of one project are looked for, beside what the user's environment says.
#[derive(Clone, Debug)]
pub struct WheelPlaces {
    /// Looked in first, in this order.
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: Author,
    /// The index that a flag or the project's configuration names.
    pub index: Option<(Author, String)>,
    /// What the lock file says.
    pub sources: lock::Sources,
    /// The lock file's folder.
    pub folder: PathBuf,
    /// The project's.
    pub project: PathBuf,
    /// Where paths of the project's files may lead.
    pub bounds: Arc<PathBounds>,
}

/// Opens what [`Packages`] come from.
pub trait Indexes: Send + Sync {
    /// The wheelhouses and indexes of one project.
    ///
    /// # Errors
    /// Settings of the user's that make no sense.
    fn packages(&self, places: &WheelPlaces) -> Result<Arc<dyn Packages>, OperationError>;
}

/// Local folders.
pub trait Folders: Send + Sync {
    /// Everything below a folder that the rules leave in. Reads only files whose
    /// size, times and inode the cache does not know.
    ///
    /// # Errors
    /// A folder that is not there, or that is the cache or an output itself; links out
    /// of it; sockets, pipes and devices; names that begin with `.wh.`.
    fn walk(&self, folder: &Path, rules: &WalkRules) -> Result<Walk, OperationError>;

    /// Whether there is a folder at a path, links followed.
    fn is_folder(&self, path: &Path) -> bool;

    /// Whether a folder is another one or below it, links followed.
    fn is_within(&self, folder: &Path, other: &Path) -> bool;

    /// Whether a project's file may name a path, which is relative to `folder`.
    ///
    /// # Errors
    /// It is absolute, or leads out of the bounds.
    fn admit(&self, bounds: &PathBounds, folder: &Path, named: &Path) -> Result<(), OperationError>;

    /// Checks a file or folder that the configuration of a project in `folder` names for
    /// the image.
    ///
    /// # Errors
    /// It leads to something that never belongs into an image, which neither the path nor
    /// `include` spells out.
    fn check_named(&self, folder: &Path, named: &Path, include: &[String]) -> Result<(), OperationError>;

    /// One file's facts.
    ///
    /// # Errors
    /// As `walk`.
    fn file(&self, path: &Path) -> Result<LocalFile, OperationError>;
}
