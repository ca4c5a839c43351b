//! A tree of entries, sorted by path.
//!
//! Whatever is above an entry is there, and is a folder: `insert` and `remove` see to
//! it, `resolve` builds on it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{Entry, RootPath};

/// Every entry of a root file system but the root folder itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    /// Shared with the layers that they go into, and with copies of the tree.
    entries: BTreeMap<RootPath, Arc<Entry>>,
    /// The bytes of all paths together.
    names: u64,
}

impl Tree {
    /// Returns the entry of that very name; links on the way are not followed.
    #[must_use]
    pub fn get(&self, path: &RootPath) -> Option<&Entry> {
        self.entries.get(path).map(Arc::as_ref)
    }

    /// Returns the same as [`Self::get`], to be kept.
    #[must_use]
    pub fn share(&self, path: &RootPath) -> Option<Arc<Entry>> {
        self.entries.get(path).cloned()
    }

    /// Returns whether the path is a folder; the root is one.
    #[must_use]
    pub fn is_folder(&self, path: &RootPath) -> bool {
        path.is_root() || self.get(path).is_some_and(Entry::is_folder)
    }

    /// Returns all entries, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RootPath, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path, entry.as_ref()))
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the bytes of all paths together: of deep folders, far more than the names that made
    /// them.
    #[must_use]
    pub fn names(&self) -> u64 {
        self.names
    }

    /// Returns whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Everything below a folder, at any depth, sorted by path.
    pub fn below<'a>(&'a self, folder: &RootPath) -> impl Iterator<Item = (&'a RootPath, &'a Entry)> + use<'a> {
        self.entries.range(Self::range(folder)).map(|(path, entry)| (path, entry.as_ref()))
    }

    /// Returns the entries of a directory, sorted by path. Deeper entries are passed over.
    pub fn children<'a>(&'a self, folder: &RootPath) -> impl Iterator<Item = (&'a RootPath, &'a Entry)> + use<'a> {
        let own = folder.as_bytes().len() + usize::from(!folder.is_root());
        let (_, end) = Self::range(folder);
        let mut rest = self.entries.range(Self::range(folder));
        std::iter::from_fn(move || {
            loop {
                let (path, entry) = rest.next()?;
                let bytes = path.as_bytes();
                let Some(slash) = bytes[own..].iter().position(|&byte| byte == b'/') else {
                    return Some((path, entry.as_ref()));
                };
                let after = RootPath::from_normal([&bytes[..own + slash], &[b'/' + 1]].concat());
                rest = self.entries.range((Bound::Included(after), end.clone()));
            }
        })
    }

    /// Puts an entry at a path, whatever was there. What was below goes, unless a
    /// folder takes a folder's place. Missing parents become folders (0755, root),
    /// parents that are no folders are replaced.
    pub fn insert(&mut self, path: RootPath, entry: impl Into<Arc<Entry>>) {
        if path.is_root() {
            return;
        }
        let entry = entry.into();
        let mut parent = path.parent().filter(|parent| !parent.is_root());
        while let Some(missing) = parent.take_if(|parent| !self.is_folder(parent)) {
            parent = missing.parent().filter(|parent| !parent.is_root());
            self.set(missing, Entry::folder(0o755).into());
        }
        if !(entry.is_folder() && self.is_folder(&path)) {
            self.remove_below(&path);
        }
        self.set(path, entry);
    }

    fn set(&mut self, path: RootPath, entry: Arc<Entry>) {
        let length = path.as_bytes().len() as u64;
        if self.entries.insert(path, entry).is_none() {
            self.names += length;
        }
    }

    /// Removes an entry and everything below it.
    pub fn remove(&mut self, path: &RootPath) {
        self.remove_below(path);
        if self.entries.remove(path).is_some() {
            self.names -= path.as_bytes().len() as u64;
        }
    }

    /// Removes everything below a folder.
    pub fn remove_below(&mut self, folder: &RootPath) {
        let removed = self.entries.extract_if(Self::range(folder), |_, _| true);
        self.names -= removed.map(|(path, _)| path.as_bytes().len() as u64).sum::<u64>();
    }

    /// Returns the deepest entry on the way along `path`, a normal path's bytes, and how many of
    /// them name it.
    pub(super) fn deepest(&self, path: &[u8]) -> Option<(usize, &Entry)> {
        if let Some(entry) = self.entries.get(path) {
            return Some((path.len(), entry));
        }
        let slashes: Vec<_> = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).collect();
        // What is above an entry is there: a search by halves.
        let there = slashes.partition_point(|&end| self.entries.contains_key(&path[..end]));
        let end = *slashes.get(there.checked_sub(1)?)?;
        Some((end, self.entries.get(&path[..end])?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_those_below_that_are_not_deeper() {
        let names = ["a", "a-b", "a/b", "a/b-c/d", "a/b/c/d", "a/b0", "a/c/x", "a/c/y", "a0", "b/x", "c"];
        let path = |name: &str| RootPath::new(name).unwrap();
        let tree: Tree = names.iter().map(|name| (path(name), Entry::link("x"))).collect();
        for folder in ["", "a", "a/b", "a/b-c", "a/c", "a/c/x", "b", "nothing"].map(path) {
            let deeper = |path: &RootPath| path.parent().as_ref() != Some(&folder);
            let want: Vec<_> = tree.below(&folder).filter(|(path, _)| !deeper(path)).collect();
            assert_eq!(tree.children(&folder).collect::<Vec<_>>(), want, "{folder}");
        }
        assert_eq!(tree.children(&path("a")).count(), 4);
    }
}
