//! Follows symbolic links inside a tree, as the kernel would in a container.
//!
//! Source: `path_resolution(7)`. Absolute targets start at the image's root, `..`
//! at the root stays there, so nothing leads out. A name that is not there is
//! taken as it is: destinations need not exist.

use super::{Entry, Kind, RootPath, Tree};

/// Linux follows at most 40 links for one path (`path_resolution(7)`, `ELOOP`).
const MAX_LINKS: usize = 40;

/// A path that cannot be followed to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` leads into a loop of symbolic links")]
pub struct LoopError {
    pub path: RootPath,
}

impl Tree {
    /// The real path of `path`, all links followed, the last one too.
    ///
    /// # Errors
    /// More than 40 links on the way.
    pub fn resolve(&self, path: &RootPath) -> Result<RootPath, LoopError> {
        let mut done: Vec<Vec<u8>> = Vec::new();
        let mut todo: Vec<Vec<u8>> = path.parts().rev().map(<[u8]>::to_vec).collect();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            let here = RootPath::from_normal(done.join(&b'/'));
            let Some(Entry { kind: Kind::Link(target), .. }) = self.get(&here) else { continue };
            links += 1;
            if links > MAX_LINKS {
                return Err(LoopError { path: path.clone() });
            }
            done.pop();
            if target.first() == Some(&b'/') {
                done.clear();
            }
            todo.extend(target.split(|&b| b == b'/').rev().map(<[u8]>::to_vec));
        }
        Ok(RootPath::from_normal(done.join(&b'/')))
    }

    /// The real path of the folder that `path` is in, and its name below it: where
    /// something written to `path` has to go. A link of that name is not followed.
    ///
    /// # Errors
    /// A loop on the way.
    pub fn resolve_parent(&self, path: &RootPath) -> Result<RootPath, LoopError> {
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(RootPath::root()) };
        Ok(self.resolve(&parent)?.child(name))
    }

    /// The entry that `path` leads to, and its real path.
    #[must_use]
    pub fn follow(&self, path: &RootPath) -> Option<(RootPath, &Entry)> {
        let real = self.resolve(path).ok()?;
        let entry = self.get(&real)?;
        Some((real, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    fn tree() -> Tree {
        [
            ("lib", Entry::link("usr/lib")),
            ("usr/lib/x", Entry::bytes(0o644, *b"x")),
            ("usr/lib/up", Entry::link("../../../../usr/lib/x")),
            ("abs", Entry::link("/lib")),
            ("a", Entry::link("b")),
            ("b", Entry::link("a")),
        ]
        .into_iter()
        .map(|(name, entry)| (path(name), entry))
        .collect()
    }

    #[test]
    fn links_are_followed_and_clamped() {
        let tree = tree();
        for (from, to) in [("lib/x", "usr/lib/x"), ("abs/up", "usr/lib/x"), ("lib/new/y", "usr/lib/new/y"), ("/", "/")]
        {
            assert_eq!(tree.resolve(&path(from)), Ok(path(to)), "{from}");
        }
        assert_eq!(tree.resolve_parent(&path("abs/up")), Ok(path("usr/lib/up")));
    }

    #[test]
    fn a_loop_is_an_error_only_where_it_is_passed() {
        let tree = tree();
        assert!(tree.resolve(&path("a/x")).is_err());
        assert_eq!(tree.resolve_parent(&path("a")), Ok(path("a")));
    }
}
