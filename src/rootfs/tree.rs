//! A tree of entries, sorted by path.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Entry, RootPath};

/// Every entry of a root file system but the root folder itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    entries: BTreeMap<RootPath, Entry>,
}

impl Tree {
    /// The entry of that very name; links on the way are not followed.
    #[must_use]
    pub fn get(&self, path: &RootPath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Whether the path is a folder; the root is one.
    #[must_use]
    pub fn is_folder(&self, path: &RootPath) -> bool {
        path.is_root() || self.get(path).is_some_and(Entry::is_folder)
    }

    /// All entries, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RootPath, &Entry)> {
        self.entries.iter()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Everything below a folder, at any depth, sorted by path.
    pub fn below<'a>(&'a self, folder: &RootPath) -> impl Iterator<Item = (&'a RootPath, &'a Entry)> + use<'a> {
        self.entries.range(Self::range(folder))
    }

    /// Puts an entry at a path, whatever was there. What was below goes, unless a
    /// folder takes a folder's place. Missing parents become folders (0755, root),
    /// parents that are no folders are replaced.
    pub fn insert(&mut self, path: RootPath, entry: Entry) {
        if path.is_root() {
            return;
        }
        for parent in path.ancestors() {
            if !self.is_folder(&parent) {
                self.entries.insert(parent, Entry::folder(0o755));
            }
        }
        if !(entry.is_folder() && self.is_folder(&path)) {
            self.remove_below(&path);
        }
        self.entries.insert(path, entry);
    }

    /// Removes an entry and everything below it.
    pub fn remove(&mut self, path: &RootPath) {
        self.remove_below(path);
        self.entries.remove(path);
    }

    /// Removes everything below a folder.
    pub fn remove_below(&mut self, folder: &RootPath) {
        let below: Vec<_> = self.entries.range(Self::range(folder)).map(|(path, _)| path.clone()).collect();
        for path in below {
            self.entries.remove(&path);
        }
    }

    /// `folder/` up to, but without, `folder0`: the byte after the slash.
    fn range(folder: &RootPath) -> (Bound<RootPath>, Bound<RootPath>) {
        if folder.is_root() {
            return (Bound::Unbounded, Bound::Unbounded);
        }
        let end = |last: u8| RootPath::from_normal([folder.as_bytes(), &[last]].concat());
        (Bound::Excluded(end(b'/')), Bound::Excluded(end(b'/' + 1)))
    }
}

impl FromIterator<(RootPath, Entry)> for Tree {
    fn from_iter<T: IntoIterator<Item = (RootPath, Entry)>>(items: T) -> Self {
        let mut tree = Self::default();
        for (path, entry) in items {
            tree.insert(path, entry);
        }
        tree
    }
}
