//! A symbol version that a file needs of another file.

use serde::{Deserialize, Serialize};

/// A version of a file's symbols that another file cannot do without.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct VersionNeed {
    /// The soname of the file that must have it.
    pub file: Vec<u8>,
    /// Such as `GLIBC_2.38`.
    pub version: Vec<u8>,
    /// True if the loader goes on without it.
    pub weak: bool,
}
