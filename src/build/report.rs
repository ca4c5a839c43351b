//! What a build did, for whoever shows it. No text for people but names.

use std::time::Duration;

use crate::oci::{Digest, Platform};
use crate::progress::LayerKind;

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
    /// Local files left out: how many by which rule.
    pub left_out: Vec<(String, u64)>,
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
    pub taken: Vec<Taken>,
    /// What stays unresolved without failing the build.
    pub missing: Vec<Missing>,
}

/// How large layers are.
#[derive(Clone, Copy, Default, Debug)]
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
    pub digest: Digest,
    pub size: Size,
    /// Files, links not counted.
    pub files: u64,
    /// Taken from the cache as it was.
    pub cached: bool,
}

/// A shared library out of the builder, and the first that asked for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Taken {
    pub soname: String,
    /// Where it is in the image.
    pub path: String,
    pub needed_by: String,
    pub layer: LayerKind,
}

/// A library that nobody has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Missing {
    pub soname: String,
    pub needed_by: String,
}
