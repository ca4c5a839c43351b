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
    /// Returns the real path of `path`, all links followed, the last one too.
    ///
    /// # Errors
    /// More than 40 links on the way.
    pub fn resolve(&self, path: &RootPath) -> Result<RootPath, LoopError> {
        self.walk(path, &mut 0)
    }

    /// `resolve` that counts its steps, each of which looks up one path.
    pub(super) fn walk(&self, path: &RootPath, steps: &mut u64) -> Result<RootPath, LoopError> {
        let looping = || LoopError { path: path.clone() };
        self.walk_from(Vec::new(), path.as_bytes().to_vec(), steps).ok_or_else(looping)
    }

    /// Follows what is `todo`, which may have `..`, from the real path `done` on. None
    /// in a loop.
    fn walk_from(&self, mut done: Vec<u8>, mut todo: Vec<u8>, steps: &mut u64) -> Option<RootPath> {
        let mut links = 0;
        loop {
            *steps += 1;
            // `..` means the parent of where the names before it lead.
            let (names, rest) = until_up(&todo);
            let mut here = std::mem::take(&mut done);
            for name in names.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")) {
                push(&mut here, name);
            }
            let Some((end, Entry { kind: Kind::Link(target), .. })) = self.deepest(&here) else {
                let Some(rest) = rest else { return Some(RootPath::from_normal(here)) };
                pop(&mut here);
                (done, todo) = (here, rest.to_vec());
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            let up: &[u8] = if rest.is_some() { b"/../" } else { b"" };
            todo = [target, &here[end..], up, rest.unwrap_or_default()].concat();
            here.truncate(end);
            pop(&mut here);
            done = if target.first() == Some(&b'/') { Vec::new() } else { here };
        }
    }

    /// Returns the real path of the folder that `path` is in, and its name below it: where
    /// something written to `path` has to go. A link of that name is not followed.
    ///
    /// # Errors
    /// A loop on the way.
    pub fn resolve_parent(&self, path: &RootPath) -> Result<RootPath, LoopError> {
        self.walk_parent(path, &mut 0)
    }

    pub(super) fn walk_parent(&self, path: &RootPath, steps: &mut u64) -> Result<RootPath, LoopError> {
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(RootPath::root()) };
        let real = self.walk(&parent, steps)?;
        Ok(if real == parent { path.clone() } else { real.child(name) })
    }

    /// Returns the target of a link, one step: a link at the target is not followed, and the target
    /// need not exist. `link` is a real path. None for other entries, for links to the root, and
    /// for targets behind a loop of links.
    #[must_use]
    pub fn link_target(&self, link: &RootPath) -> Option<RootPath> {
        let Kind::Link(target) = &self.get(link)?.kind else { return None };
        let folder = if target.first() == Some(&b'/') { RootPath::root() } else { link.parent()? };
        let end = target.iter().rposition(|&byte| byte != b'/')? + 1;
        let name = target[..end].iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let (way, name) = match &target[name..end] {
            b"." | b".." => (target.as_slice(), None),
            last => (&target[..name], Some(last)),
        };
        let found = self.walk_from(folder.as_bytes().to_vec(), way.to_vec(), &mut 0)?;
        let found = name.map_or(found.clone(), |name| found.child(name));
        (!found.is_root()).then_some(found)
    }

    /// Returns the entry that `path` leads to, and its real path.
    #[must_use]
    pub fn follow(&self, path: &RootPath) -> Option<(RootPath, &Entry)> {
        let real = self.resolve(path).ok()?;
        let entry = self.get(&real)?;
        Some((real, entry))
    }
}

/// Returns the names before the first `..`, and what follows it.
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
    fn a_link_leads_one_step() {
        let tree: Tree = [
            ("bin", "usr/bin"),
            ("usr/bin/sh", "dash"),
            ("usr/bin/awk", "/etc/alternatives/awk"),
            ("usr/bin/up", "../../../bin/sh"),
            ("usr/share/folder", "../lib/./folder//"),
            ("usr/share/parent", "../lib/.."),
            ("opt/way", "nowhere/../x"),
            ("opt/root", "/"),
            ("opt/loop", "loop/x"),
        ]
        .into_iter()
        .map(|(name, target)| (path(name), Entry::link(target)))
        .collect();
        for (from, to) in [
            ("usr/bin/sh", Some("usr/bin/dash")),
            ("usr/bin/awk", Some("etc/alternatives/awk")),
            ("usr/bin/up", Some("usr/bin/sh")),
            ("usr/share/folder", Some("usr/lib/folder")),
            ("usr/share/parent", Some("usr")),
            ("opt/way", Some("opt/x")),
            ("opt/root", None),
            ("opt/loop", None),
            ("usr", None),
        ] {
            assert_eq!(tree.link_target(&path(from)), to.map(path), "{from}");
        }
    }

    #[test]
    fn a_loop_is_an_error_only_where_it_is_passed() {
        let tree = tree();
        assert!(tree.resolve(&path("a/x")).is_err());
        assert_eq!(tree.resolve_parent(&path("a")), Ok(path("a")));
    }
}
