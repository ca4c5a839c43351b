//! Follows symbolic links inside a tree, as the kernel would in a container.
//!
//! Source: `path_resolution(7)`. Absolute targets start at the image's root, `..`
//! at the root stays there, so nothing leads out. A name that is not there is
//! taken as it is: destinations need not exist.

use super::path::push;
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
        self.walk(path, &mut 0)
    }

    /// `resolve` that counts its steps, each of which looks up one path.
    pub(super) fn walk(&self, path: &RootPath, steps: &mut u64) -> Result<RootPath, LoopError> {
        let (mut done, mut todo, mut links) = (Vec::new(), path.as_bytes().to_vec(), 0);
        loop {
            *steps += 1;
            // `..` means the parent of where the names before it lead.
            let (names, rest) = until_up(&todo);
            let mut here = std::mem::take(&mut done);
            for name in names.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")) {
                push(&mut here, name);
            }
            let Some((end, Entry { kind: Kind::Link(target), .. })) = self.deepest(&here) else {
                let Some(rest) = rest else { return Ok(RootPath::from_normal(here)) };
                pop(&mut here);
                (done, todo) = (here, rest.to_vec());
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(LoopError { path: path.clone() });
            }
            let up: &[u8] = if rest.is_some() { b"/../" } else { b"" };
            todo = [target, &here[end..], up, rest.unwrap_or_default()].concat();
            here.truncate(end);
            pop(&mut here);
            done = if target.first() == Some(&b'/') { Vec::new() } else { here };
        }
    }

    /// The real path of the folder that `path` is in, and its name below it: where
    /// something written to `path` has to go. A link of that name is not followed.
    ///
    /// # Errors
    /// A loop on the way.
    pub fn resolve_parent(&self, path: &RootPath) -> Result<RootPath, LoopError> {
        self.walk_parent(path, &mut 0)
    }

    pub(super) fn walk_parent(&self, path: &RootPath, steps: &mut u64) -> Result<RootPath, LoopError> {
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(RootPath::root()) };
        Ok(self.walk(&parent, steps)?.child(name))
    }

    /// The entry that `path` leads to, and its real path.
    #[must_use]
    pub fn follow(&self, path: &RootPath) -> Option<(RootPath, &Entry)> {
        let real = self.resolve(path).ok()?;
        let entry = self.get(&real)?;
        Some((real, entry))
    }
}

/// The names before the first `..`, and what follows it.
fn until_up(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut at = 0;
    for part in path.split(|&byte| byte == b'/') {
        let end = at + part.len();
        if part == b".." {
            return (&path[..at], Some(path.get(end + 1..).unwrap_or_default()));
        }
        at = end + 1;
    }
    (path, None)
}

/// The path of the folder that it is in.
fn pop(path: &mut Vec<u8>) {
    path.truncate(path.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
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
