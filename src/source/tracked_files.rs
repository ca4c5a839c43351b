//! The files that git tracks in the walked directory: they go in, whatever `.gitignore` says.
//!
//! Source: `gitignore(5)`: the patterns do not affect tracked files. The index of the innermost
//! repository decides, as in a submodule. It is read when a pattern first matches.

use std::cell::OnceCell;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::git_index;

/// The tracked files at the walk's current path.
pub(super) struct TrackedFiles {
    /// The repository of the walked directory, and those that the walk is in, the innermost last.
    repositories: Vec<Repository>,
}

/// A repository.
struct Repository {
    folder: PathBuf,
    /// The path of the repository below the walked directory, with a slash at its end; empty for the
    /// walked directory's own.
    prefix: Vec<u8>,
    /// The path of the walked directory below the repository, with a slash at its end, or empty.
    inside: Vec<u8>,
    /// The names below the walked directory or the repository, sorted.
    names: OnceCell<Vec<Vec<u8>>>,
}

impl TrackedFiles {
    /// Finds the repository that a directory is in, if there is one.
    pub(super) fn new(folder: &Path) -> Self {
        let root = folder.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok());
        let own = root.map(|root| {
            let inside = folder.strip_prefix(root).unwrap_or(Path::new("")).as_os_str().as_bytes();
            let inside = if inside.is_empty() { vec![] } else { [inside, b"/"].concat() };
            Repository { folder: root.to_owned(), prefix: vec![], inside, names: OnceCell::new() }
        });
        Self { repositories: own.into_iter().collect() }
    }

    /// Enters a directory below the walked one that is a repository of its own.
    pub(super) fn enter(&mut self, path: &[u8], disk: &Path) {
        let prefix = [path, b"/"].concat();
        self.repositories.push(Repository { folder: disk.to_owned(), prefix, inside: vec![], names: OnceCell::new() });
    }

    /// Leaves that repository.
    pub(super) fn leave(&mut self) {
        self.repositories.pop();
    }

    /// Returns whether git tracks a file, or a submodule, at a path.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.find(path, |names, name| names.binary_search_by(|known| known.as_slice().cmp(name)).is_ok())
    }

    /// Returns whether git tracks anything in a directory.
    pub(super) fn reach(&self, path: &[u8]) -> bool {
        let below = |names: &[Vec<u8>], name: &[u8]| {
            let start = [name, b"/"].concat();
            let at = names.partition_point(|known| known.as_slice() < start.as_slice());
            names.get(at).is_some_and(|known| known.starts_with(&start))
        };
        self.has(path) || self.find(path, below)
    }

    fn find(&self, path: &[u8], is: impl Fn(&[Vec<u8>], &[u8]) -> bool) -> bool {
        let holding = self.repositories.iter().rev().find(|repository| path.starts_with(&repository.prefix));
        holding.is_some_and(|repository| is(repository.names(), &path[repository.prefix.len()..]))
    }
}

impl Repository {
    fn names(&self) -> &[Vec<u8>] {
        self.names.get_or_init(|| {
            let mut names = vec![];
            git_index::for_each(&self.folder, &mut |name| {
                names.extend(name.strip_prefix(self.inside.as_slice()).map(<[u8]>::to_vec));
            });
            names.sort_unstable();
            names
        })
    }
}
