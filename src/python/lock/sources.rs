//! The indexes and directories that a lock file names for its distributions.

use std::path::Path;

/// The largest number of directories that a lock file may add to `find_links`.
const FOLDERS: usize = 1000;

/// The indexes and directories that a lock file names for its distributions.
///
/// URLs keep the credentials that the file has for them. Indexes have no names: a lock file that
/// could name an index would get the login that the machine has for that name sent to its own URL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sources {
    /// The index that replaces the public one.
    pub index: Option<String>,
    pub extra_indexes: Vec<String>,
    /// URLs, or directories relative to the lock file.
    pub find_links: Vec<String>,
    /// Whether distributions come only from `find_links`.
    pub no_index: bool,
}

impl Sources {
    /// Adds a directory of files that the lock file names.
    pub(super) fn add_directory(&mut self, folder: &Path) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = folder.to_string_lossy().into_owned();
        let few = self.find_links.len() < FOLDERS;
        if few && self.find_links.last() != Some(&folder) && !self.find_links.contains(&folder) {
            self.find_links.push(folder);
        }
    }
}
