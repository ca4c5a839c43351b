//! The text of a lock file, with access to the files around it.

use std::path::Path;

use super::error::LockError;

/// The largest size of a lock file, in bytes. The largest known lock files have some 5 MiB; a
/// parsed file takes up to 100 times as much memory (measured).
pub const LIMIT: usize = 16 << 20;

/// The text of a lock file, with access to the files around it.
pub struct LockInput<'i> {
    /// The path of the lock file, for errors.
    pub name: &'i str,
    pub text: &'i str,
    /// The text of the project's `pyproject.toml`.
    pub project: Option<&'i str>,
    /// Reads another file by its path relative to the directory of the lock file: files that
    /// `-r` and `-c` name, and the `pyproject.toml` of a directory that is a dependency.
    pub read: &'i mut dyn FnMut(&Path) -> Result<String, String>,
    /// Returns whether a file exists, by its path relative to the directory of the lock file.
    pub is_file: &'i dyn Fn(&Path) -> bool,
    /// The directory of the project, relative to the directory of the lock file: mostly `.`.
    pub root: &'i Path,
    pub policy: &'i dyn ReferencePolicy,
}

/// The policy for URLs and paths in a lock file.
pub trait ReferencePolicy {
    /// Replaces the [`variables`](super::variables) in a URL by their values.
    ///
    /// # Errors
    /// Returns a refusal for a URL that may not get the values.
    fn expand(&self, url: &str) -> Result<String, Refusal>;

    /// Checks a path relative to the directory of the lock file.
    ///
    /// # Errors
    /// Returns a refusal for a path outside of the directories that the file may use.
    fn admit(&self, path: &Path) -> Result<(), Refusal>;
}

/// The reason why a URL or path of a lock file is not used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub cause: String,
    pub hint: Option<String>,
}

impl Refusal {
    /// Returns the error for a line or distribution of the file.
    pub(super) fn at(self, at: &str) -> LockError {
        let error = LockError::new(at, self.cause);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
