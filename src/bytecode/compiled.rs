//! Compiled bytecode, and the sources that have none.

use std::collections::BTreeMap;

use crate::rootfs::{Content, RootPath};

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

/// The reason that a source has no bytecode.
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
