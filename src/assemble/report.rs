//! The results of `build`, `plan` and `why`, as data for the front end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use super::outputs::OutputKind;
pub use crate::compose::{Because, TakenLibrary};
use crate::config::IndexMode;
use crate::image::LayerKind;
use crate::oci::{Descriptor, Digest, Platform};
pub use crate::rootfs::{IgnoreFile, LeftOut, LeftOutPath, Tracked};

/// The image index of one profile.
#[derive(Clone, Debug)]
pub struct Report {
    /// None for the configuration without a profile.
    pub profile: Option<String>,
    /// The line for stdout of the first output. Has the digest even if nothing was published.
    pub reference: String,
    pub digest: Digest,
    /// The index, or the manifest of an image without one.
    pub root: Descriptor,
    /// The image is at one output at least.
    pub pushed: bool,
    /// The names at the first target.
    pub tags: Vec<String>,
    pub outputs: Vec<OutputReport>,
    pub base: String,
    /// The digest that the base's name refers to.
    pub base_digest: Option<Digest>,
    pub builder: Option<String>,
    pub platforms: Vec<PlatformReport>,
    /// Local files left out.
    pub left_out: LeftOut,
    pub elapsed: Duration,
}

impl Report {
    /// Returns the lines for stdout: one for each output.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self.outputs.as_slice() {
            [] => vec![self.reference.clone()],
            outputs => outputs.iter().map(|output| output.reference.clone()).collect(),
        }
    }
}

/// The image at one output.
#[derive(Clone, Debug)]
pub struct OutputReport {
    /// The line for stdout.
    pub reference: String,
    /// The place without the image's name: `ghcr.io/acme/shop`, `oci:out`.
    pub place: String,
    pub kind: OutputKind,
    pub names: Vec<String>,
    /// The digest of the index or manifest; for docker archives and container engines, that of the
    /// configuration.
    pub digest: Digest,
}

/// One platform's image.
#[derive(Clone, Debug)]
pub struct PlatformReport {
    pub platform: Platform,
    pub manifest: Descriptor,
    pub config: Descriptor,
    /// The digest of the base's manifest for the platform; none for scratch.
    pub base_digest: Option<Digest>,
    /// The base's layers together.
    pub base: Size,
    pub layers: Vec<LayerReport>,
    /// The version of Python, if the image has Python: `3.13.5`.
    pub python: Option<String>,
    /// The distributions whose wheels were made from their sdists, sorted: `docopt 0.6.2`.
    pub from_sdist: Vec<String>,
    /// The command that the image starts: entrypoint and cmd.
    pub command: Vec<String>,
    /// The origin of the command: `[project.scripts]`; none for the base's.
    pub command_origin: Option<String>,
    /// The names of the variables that the file of the command sets.
    pub command_env: Vec<String>,
    /// Shared libraries taken, sorted by name.
    pub taken: Vec<TakenLibrary>,
    /// Missing libraries that are not errors.
    pub missing: Vec<MissingLibrary>,
    /// Other facts that checks found, as sentences.
    pub notes: Vec<String>,
    pub resolved: ResolvedLibraries,
}

/// The programs and libraries that were checked, and the time that composing and checking took.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ResolvedLibraries {
    /// Programs, modules and libraries in the finished image.
    pub objects: usize,
    pub elapsed: Duration,
}

/// The size of layers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Size {
    pub layers: usize,
    /// The size of the compressed blobs, in bytes.
    pub packed: u64,
    /// The size of the tar archives, in bytes.
    pub unpacked: u64,
}

/// One layer that carboy made.
#[derive(Clone, Debug)]
pub struct LayerReport {
    pub kind: LayerKind,
    /// The only distribution in it: `numpy 2.3.1`.
    pub distribution: Option<String>,
    pub digest: Digest,
    pub size: Size,
    /// The number of files, without links.
    pub files: u64,
    /// Set if the layer came from the cache.
    pub cached: bool,
}

/// A missing library that is not an error.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MissingLibrary {
    pub soname: String,
    pub needed_by: String,
}

/// A build that is planned, for one profile.
#[derive(Clone, Debug)]
pub struct Preview {
    pub profile: Option<String>,
    pub targets: Vec<TargetPreview>,
    pub index: IndexMode,
    pub base: String,
    pub builder: Option<String>,
    /// The lock file that decides on the distributions.
    pub lock: Option<String>,
    pub platforms: Vec<PlatformPreview>,
    /// Local files left out.
    pub left_out: LeftOut,
}

/// A target of a planned build.
#[derive(Clone, Debug)]
pub struct TargetPreview {
    /// The place with the image's first name.
    pub target: String,
    pub names: Vec<String>,
}

/// The planned image of one platform.
#[derive(Clone, Debug)]
pub struct PlatformPreview {
    pub platform: Platform,
    pub python: Option<String>,
    pub base: Size,
    pub layers: Vec<LayerPreview>,
    /// The distributions, with versions, sorted by name: `numpy 2.3.1`.
    pub distributions: Vec<String>,
    /// The distributions among them whose wheels are made from their sdists.
    pub from_sdist: Vec<String>,
    /// The files that come from images, by layer and package; files without a package last.
    pub groups: Vec<Group>,
    pub missing: Vec<MissingLibrary>,
    /// Other facts that checks found, as sentences.
    pub notes: Vec<String>,
    /// The command that the image starts: entrypoint and cmd.
    pub command: Vec<String>,
    /// The origin of the command: `[project.scripts]`; none for the base's.
    pub command_origin: Option<String>,
    /// The names of the variables that the file of the command sets.
    pub command_env: Vec<String>,
    pub user: String,
    pub workdir: String,
}

/// A planned layer.
#[derive(Clone, Debug)]
pub struct LayerPreview {
    pub kind: LayerKind,
    /// The only distribution in it: `numpy 2.3.1`.
    pub distribution: Option<String>,
    /// Sizes; the compressed one is an estimate, unless the layer is known.
    pub size: Size,
    pub files: u64,
    /// Set if the cache has this layer: both sizes are exact.
    pub known: bool,
}

/// Files of one package, or files without a package.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Group {
    pub layer: LayerKind,
    /// The package: `zlib1g 1:1.2.13.dfsg-1`. None for files without one, such as Python in
    /// `/usr/local`.
    pub package: Option<String>,
    /// Sorted by path.
    pub files: Vec<TakenFile>,
}

/// A file or link that comes from an image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TakenFile {
    pub path: String,
    /// Its size in bytes; 0 for links.
    pub size: u64,
    pub because: Because,
}

/// The local files of one profile: `carboy plan --files`.
#[derive(Clone, Default, Debug)]
pub struct FileList {
    pub profile: Option<String>,
    /// The files that go in: the application's, then those of each copy, sorted by path.
    pub included: Vec<ListedFile>,
    pub left_out: LeftOut,
}

/// A local file that goes into the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedFile {
    /// The local path.
    pub path: String,
    /// The path in the image; none for the project's wheel, which is unpacked.
    pub to: Option<String>,
    /// The size in bytes; 0 for links.
    pub size: u64,
    /// The reason, for a file that a rule would leave out, and for one outside of the application.
    pub reason: Option<String>,
}

/// The answer of `carboy why`, for one profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Why {
    pub profile: Option<String>,
    /// The local files of that name that rules leave out, and directories that hold it.
    pub left_out: Vec<StaysBehind>,
    pub platforms: Vec<PlatformWhy>,
}

/// A local file or directory that stays behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaysBehind {
    pub path: String,
    pub rule: String,
    /// The glob of `include` under `[app]` that brings it in, if one does.
    pub include: Option<String>,
}

/// The files and missing libraries of that name in one platform's image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlatformWhy {
    pub platform: Platform,
    /// The chain of each file that the name matches, sorted by path.
    pub files: Vec<Chain>,
    /// Missing libraries of that name, with the objects that need them.
    pub missing: Vec<MissingLibrary>,
}

/// The chain from a file to the reason that brought it into an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    /// The file, the file that needs it, the file that needs that one, and so on.
    pub steps: Vec<Step>,
    /// The reason for the last file: `dependencies`, `base`, `[[extract]] …`.
    pub end: String,
}

/// One file of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The absolute path in the image.
    pub path: String,
    /// The short form of the path: a library's name, a module's path in site-packages.
    pub name: String,
    /// The distribution or package that owns the file, with its version: `numpy 2.3.1`.
    pub owner: Option<String>,
}
