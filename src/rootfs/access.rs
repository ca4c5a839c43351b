//! Checks access: a user reaches and opens a file of a tree.
//!
//! Source: `path_resolution(7)`, "Permissions" and step 2 (search permission on every
//! directory, those that symbolic links lead through included); `capabilities(7)`,
//! `CAP_DAC_OVERRIDE`, which container runtimes leave to uid 0. Only the image's own
//! gid counts: runtimes add the groups of `/etc/group` for a user given by name, and
//! carboy writes numbers. A tree does not have its root's mode: every user may pass it.

use super::accounts::Ids;
use super::{Entry, Kind, RootPath, Tree};

/// Linux follows at most 40 links for one path (`path_resolution(7)`, `ELOOP`).
const MAX_LINKS: usize = 40;
/// An access control list, which may grant what the mode does not.
const ACL: &[u8] = b"system.posix_acl_access";

/// Something to do with a file or directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    Read,
    Write,
    /// Start a program, or look a name up in a directory.
    Execute,
}

impl Permission {
    /// Returns the bit of a mode's last digit.
    fn bit(self) -> u32 {
        match self {
            Self::Read => 4,
            Self::Write => 2,
            Self::Execute => 1,
        }
    }
}

/// An obstacle on the way along a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// Nothing is there, or something that is not a directory stands on the way.
    Missing,
    /// A loop of symbolic links.
    Loop,
    /// The real path of a directory that the user cannot search.
    Closed(RootPath),
}

impl Entry {
    /// Returns whether the mode lets a user do something with this file or directory.
    #[must_use]
    pub fn permits(&self, ids: Ids, permission: Permission) -> bool {
        let mode = self.meta.mode;
        if ids.uid == 0 {
            return permission != Permission::Execute || self.is_folder() || mode & 0o111 != 0;
        }
        let shift = if ids.uid == self.meta.uid {
            6
        } else if ids.gid == self.meta.gid {
            3
        } else {
            0
        };
        (mode >> shift) & permission.bit() != 0 || self.meta.xattrs.contains_key(ACL)
    }
}

impl Tree {
    /// Returns whether a user may do something with what is at a real path. The root directory can
    /// be read and searched.
    #[must_use]
    pub fn permits(&self, real: &RootPath, ids: Ids, permission: Permission) -> bool {
        match self.get(real) {
            Some(entry) => entry.permits(ids, permission),
            None => real.is_root() && (permission != Permission::Write || ids.uid == 0),
        }
    }

    /// Follows a path as a process of a user does whose working directory is `from`, a
    /// real path. `..` is allowed. Returns the real path of what is there.
    ///
    /// # Errors
    /// Returns the obstacle on the way.
    pub fn reach(&self, path: &[u8], from: &RootPath, ids: Ids) -> Result<RootPath, Obstacle> {
        let parts = |path: &[u8]| -> Vec<Vec<u8>> {
            path.split(|&byte| byte == b'/')
                .filter(|part| !matches!(*part, b"" | b"."))
                .rev()
                .map(<[u8]>::to_vec)
                .collect()
        };
        let mut here = if path.starts_with(b"/") { RootPath::root() } else { from.clone() };
        let mut todo = parts(path);
        let mut links = 0;
        while let Some(name) = todo.pop() {
            if !self.is_folder(&here) {
                return Err(Obstacle::Missing);
            }
            if !self.permits(&here, ids, Permission::Execute) {
                return Err(Obstacle::Closed(here));
            }
            if name == b".." {
                here = here.parent().unwrap_or_default();
                continue;
            }
            let next = here.child(&name);
            match self.get(&next).map(|entry| &entry.kind) {
                None => return Err(Obstacle::Missing),
                Some(Kind::Link(target)) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Obstacle::Loop);
                    }
                    todo.extend(parts(target));
                    if target.starts_with(b"/") {
                        here = RootPath::root();
                    }
                }
                Some(_) => here = next,
            }
        }
        Ok(here)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Meta;
    use super::*;

    const ROOT: Ids = Ids { uid: 0, gid: 0 };
    const NONROOT: Ids = Ids { uid: 65532, gid: 65532 };

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    fn owned(uid: u32, gid: u32, mode: u32) -> Entry {
        Entry { meta: Meta { uid, gid, ..Meta::root(mode) }, ..Entry::bytes(0, *b"x") }
    }

    #[test]
    fn the_first_class_that_fits_a_user_decides() {
        for (uid, gid, mode, can) in [
            (0, 0, 0o755, "rx"),
            (0, 0, 0o700, ""),
            (65532, 0, 0o700, "rwx"),
            (65532, 65532, 0o077, ""),
            (0, 65532, 0o740, "r"),
            (0, 65532, 0o705, ""),
        ] {
            let entry = owned(uid, gid, mode);
            let all = [("r", Permission::Read), ("w", Permission::Write), ("x", Permission::Execute)];
            let allowed = |ids| {
                all.into_iter().filter(|(_, one)| entry.permits(ids, *one)).map(|(name, _)| name).collect::<String>()
            };
            assert_eq!(allowed(NONROOT), can, "{uid}:{gid} {mode:o}");
            assert_eq!(allowed(ROOT), if mode & 0o111 == 0 { "rw" } else { "rwx" }, "{mode:o}");
        }
        let mut listed = owned(0, 0, 0o700);
        listed.meta.xattrs.insert(ACL.to_vec(), vec![2]);
        assert!(listed.permits(NONROOT, Permission::Read), "its list may say so");
    }

    #[test]
    fn every_directory_on_the_way_must_be_searchable() {
        let tree: Tree = [
            ("root", Entry::folder(0o700)),
            ("root/uv/bin/python3.13", Entry::bytes(0o755, *b"")),
            ("usr/bin/python", Entry::link("/root/uv/bin/python3.13")),
            ("usr/bin/loop", Entry::link("loop")),
            ("usr/bin/up", Entry::link("../bin/tool")),
            ("usr/bin/tool", Entry::bytes(0o755, *b"")),
            ("srv", Entry::folder(0o711)),
        ]
        .into_iter()
        .map(|(name, entry)| (path(name), entry))
        .collect();
        let reach = |name: &str, ids| tree.reach(name.as_bytes(), &path("usr/bin"), ids);
        let python = path("root/uv/bin/python3.13");
        assert_eq!(reach("/usr/bin/python", NONROOT), Err(Obstacle::Closed(path("root"))));
        assert_eq!(reach("/usr/bin/python", ROOT), Ok(python));
        assert_eq!(reach("/root", NONROOT), Ok(path("root")), "what is in it is closed, not its name");
        assert_eq!(reach("./up", NONROOT), Ok(path("usr/bin/tool")));
        assert_eq!(reach("../../../usr/./bin/tool", NONROOT), Ok(path("usr/bin/tool")));
        assert_eq!(reach("/usr/bin/loop", NONROOT), Err(Obstacle::Loop));
        for missing in ["/usr/bin/none", "/usr/bin/tool/x", "/none/.."] {
            assert_eq!(reach(missing, NONROOT), Err(Obstacle::Missing), "{missing}");
        }
        assert_eq!(reach("/", NONROOT), Ok(RootPath::root()));
    }
}
