//! The outcome of a build, a plan or a question, as data for the front end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::compose::{Because, TakenLibrary};
use crate::image::LayerKind;
use crate::oci::{Digest, Platform};
pub use crate::rootfs::{LeftOut, Tracked};

/// One image index, for one profile.
#[derive(Clone, Debug)]
pub struct Report {
    /// None for the configuration without a profile.
    pub profile: Option<String>,
    /// The line for stdout: reference and digest. Names the digest even when
    /// nothing was pushed.
    pub reference: String,
    pub digest: Digest,
    pub pushed: bool,
    pub tags: Vec<String>,
    pub base: String,
    pub builder: Option<String>,
    pub platforms: Vec<PlatformReport>,
    /// Local files left out.
    pub left_out: LeftOut,
    pub elapsed: Duration,
}

/// One platform's image.
#[derive(Clone, Debug)]
pub struct PlatformReport {
    pub platform: Platform,
    /// The base's layers together, then each of carboy's own.
    pub base: Size,
    pub layers: Vec<LayerReport>,
    /// `3.13.5` where the image has Python.
    pub python: Option<String>,
    /// Shared libraries taken, sorted by name.
    pub taken: Vec<TakenLibrary>,
    /// What stays unresolved without failing the build.
    pub missing: Vec<MissingLibrary>,
    pub resolved: ResolvedLibraries,
}

/// The programs and libraries that were checked, and the time that composing and checking took.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ResolvedLibraries {
    /// Programs, modules and libraries in the finished image.
    pub objects: usize,
    pub elapsed: Duration,
}

/// How large layers are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Size {
    pub layers: usize,
    /// As they travel, in bytes.
    pub packed: u64,
    /// As tar archives, in bytes.
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
    /// Files, links not counted.
    pub files: u64,
    /// Taken from the cache as it was.
    pub cached: bool,
}

/// A library that may stay missing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MissingLibrary {
    pub soname: String,
    pub needed_by: String,
}

/// What a build would do, for one profile.
#[derive(Clone, Debug)]
pub struct Preview {
    pub profile: Option<String>,
    /// Where the image would go, as written.
    pub target: Option<String>,
    pub tags: Vec<String>,
    pub base: String,
    pub builder: Option<String>,
    /// The lock file that decides on the distributions.
    pub lock: Option<String>,
    pub platforms: Vec<PlatformPreview>,
    /// Local files left out.
    pub left_out: LeftOut,
}

/// One platform's image, not made yet.
#[derive(Clone, Debug)]
pub struct PlatformPreview {
    pub platform: Platform,
    pub python: Option<String>,
    pub base: Size,
    pub layers: Vec<LayerPreview>,
    /// What the lock file gives, with versions, by name: `numpy 2.3.1`.
    pub distributions: Vec<String>,
    /// What comes out of images, by layer and package; files of no package last.
    pub groups: Vec<Group>,
    pub missing: Vec<MissingLibrary>,
    /// The process that the image starts: entrypoint and cmd, `uid:gid`, folder.
    pub command: Vec<String>,
    pub user: String,
    pub workdir: String,
}

/// One layer, not made yet.
#[derive(Clone, Debug)]
pub struct LayerPreview {
    pub kind: LayerKind,
    /// The only distribution in it: `numpy 2.3.1`.
    pub distribution: Option<String>,
    /// Packed is an estimate, unless the layer is known.
    pub size: Size,
    pub files: u64,
    /// The cache has this very layer: both sizes are exact.
    pub known: bool,
}

/// Files of one package, or of none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Group {
    pub layer: LayerKind,
    /// `zlib1g 1:1.2.13.dfsg-1`; none for what no package owns, such as Python itself
    /// in `/usr/local`.
    pub package: Option<String>,
    /// Sorted by path.
    pub files: Vec<TakenFile>,
}

/// A file or link out of an image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TakenFile {
    pub path: String,
    /// In bytes; 0 for links.
    pub size: u64,
    pub because: Because,
}

/// What there is to say of a name, for one profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Why {
    pub profile: Option<String>,
    pub platforms: Vec<PlatformWhy>,
}

/// What one platform's image has of that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlatformWhy {
    pub platform: Platform,
    /// One for each file that the name means, sorted by path.
    pub files: Vec<Chain>,
    /// Who needs a library of that name, which nobody has.
    pub missing: Vec<MissingLibrary>,
}

/// Why a file is in an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    /// The file, what needs it, what needs that, and so on.
    pub steps: Vec<Step>,
    /// What brought the last of them in: `dependencies`, `base`, `[[extract]] …`.
    pub end: String,
}

/// One file of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Absolute, in the image.
    pub path: String,
    /// The same, as short as it is clear: a library's name, a module's path in
    /// site-packages.
    pub name: String,
    /// Distribution or package with version: `numpy 2.3.1`.
    pub owner: Option<String>,
}
