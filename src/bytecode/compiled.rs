//! Compiled bytecode, and the sources without any.

use std::collections::BTreeMap;

use crate::rootfs::{Content, RootPath};

/// The bytecode of some sources.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bytecode {
    /// The `.pyc` files by their paths in the image, beside their sources.
    pub files: BTreeMap<RootPath, Content>,
    /// Sources without bytecode, by path.
    pub skipped: Vec<(RootPath, SkipReason)>,
    /// The size of all files, in bytes.
    pub size: u64,
}

/// The reason that a source has no bytecode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// It is not valid in this version of Python: a template, Python 2, a broken file.
    Invalid,
    /// It is nested too deeply for the compiler, or needs too much memory.
    TooDeep,
    /// It is larger than the limit.
    TooLarge,
    /// The compiler crashed on it.
    Crashed,
    /// The compiler did not finish in time.
    TooSlow,
}
