//! Paths inside an image: bytes, absolute, without `.` and `..`.
//!
//! Linux names are bytes; what is not UTF-8 is kept and only shown lossily.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path from an image's root. The root itself is the empty path. A copy takes no
/// memory: many trees and lists have the same paths.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RootPath(Arc<[u8]>);

/// A name that climbs out with `..`, or holds a NUL byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path inside an image")]
pub struct PathError(pub String);

impl Serialize for RootPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RootPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<u8>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl RootPath {
    /// Returns the root folder.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Normalises a name from a tar entry, a configuration or a link: leading,
    /// doubled and trailing slashes and `.` go.
    ///
    /// # Errors
    /// Names with `..` or a NUL byte.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let name = name.as_ref();
        let mut out = Vec::with_capacity(name.len());
        for part in name.split(|&b| b == b'/').filter(|part| !part.is_empty() && *part != b".") {
            if part == b".." || part.contains(&0) {
                return Err(PathError(String::from_utf8_lossy(name).into_owned()));
            }
            push(&mut out, part);
        }
        Ok(Self(out.into()))
    }

    /// Bytes already in normal form; for this module and its neighbours only.
    pub(super) fn from_normal(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes, without a leading slash, as a tar entry has them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether this is the root folder.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names from the root down.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|part| !part.is_empty())
    }

    /// Returns the last name; none for the root.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        self.parts().next_back()
    }

    /// Returns the folder it is in; none for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(Self(self.0[..end].into()))
    }

    /// Returns every folder above, the root left out, the outermost first.
    #[must_use]
    pub fn ancestors(&self) -> Vec<Self> {
        let slashes = self.0.iter().enumerate().filter(|(_, b)| **b == b'/');
        slashes.map(|(at, _)| Self(self.0[..at].into())).collect()
    }

    /// Returns the path one name below. `name` is one checked component.
    #[must_use]
    pub fn child(&self, name: &[u8]) -> Self {
        if self.is_root() { Self(name.into()) } else { Self([&self.0, &b"/"[..], name].concat().into()) }
    }

    /// Returns the path `below` this one.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        if below.is_root() { self.clone() } else { self.child(&below.0) }
    }

    /// Returns the rest of the path below `folder`; none if the path is not below it.
    #[must_use]
    pub fn strip(&self, folder: &Self) -> Option<Self> {
        if folder.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(folder.as_bytes())?;
        match rest.first() {
            None => Some(Self::root()),
            Some(b'/') => Some(Self(rest[1..].into())),
            Some(_) => None,
        }
    }
}

/// Sorts paths, and finds two that are the same, or one below another that is no folder.
pub fn nested<'a>(paths: &mut [&'a [u8]], is_folder: impl Fn(&[u8]) -> bool) -> Option<(&'a [u8], &'a [u8])> {
    paths.sort_unstable();
    let twice = paths.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| (pair[0], pair[1]));
    let below = |above: &&'a [u8]| {
        let folder = [above, &b"/"[..]].concat();
        let next = paths.partition_point(|path| *path < folder.as_slice());
        let below = *paths.get(next).filter(|path| path.starts_with(&folder))?;
        Some((*above, below))
    };
    twice.or_else(|| paths.iter().filter(|path| !is_folder(path)).find_map(below))
}

/// For looking paths up by a part of their bytes: both compare and hash alike.
impl Borrow<[u8]> for RootPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

pub(super) fn push(out: &mut Vec<u8>, part: &[u8]) {
    if !out.is_empty() {
        out.push(b'/');
    }
    out.extend_from_slice(part);
}

impl fmt::Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    #[test]
    fn names_are_normalised_and_kept_inside() {
        assert_eq!(path("./usr//lib/."), path("/usr/lib"));
        assert_eq!(path("./").to_string(), "/");
        assert_eq!(RootPath::new(b"a/\xff").unwrap().as_bytes(), b"a/\xff");
        for bad in ["..", "a/../b", "/..", "a/\0"] {
            assert!(RootPath::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn files_below_files_are_found() {
        let find = |names: &[&'static str]| {
            let mut paths: Vec<_> = names.iter().map(|name| name.as_bytes()).collect();
            nested(&mut paths, |path| path == b"folder").map(|(a, b)| (a.to_vec(), b.to_vec()))
        };
        let pair = |a: &str, b: &str| Some((a.into(), b.into()));
        assert_eq!(find(&["a/b", "a-b", "a"]), pair("a", "a/b"));
        assert_eq!(find(&["a", "ab", "a"]), pair("a", "a"));
        assert_eq!(find(&["folder", "folder/a", "folder/ab", "ab/c"]), None);
        assert_eq!(find(&["folder", "folder"]), pair("folder", "folder"));
    }

    #[test]
    fn relations() {
        assert_eq!(path("a/b/c").parent(), Some(path("a/b")));
        assert_eq!(path("a").parent(), Some(RootPath::root()));
        assert_eq!(RootPath::root().parent(), None);
        assert_eq!(path("a/b/c").ancestors(), [path("a"), path("a/b")]);
        assert_eq!(path("a/b").strip(&path("a")), Some(path("b")));
        assert_eq!(path("ab").strip(&path("a")), None);
    }
}
