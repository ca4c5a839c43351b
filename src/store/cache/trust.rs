//! The users who could have written a cache.
//!
//! A record is a result for given inputs; only its writer vouches for it. Records are used where
//! only this user, root, or a group of this user's can write: Kubernetes provides volumes as
//! group-writable directories (`fsGroup`).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::{Gid, getegid, geteuid, getgroups};

use super::kind::CacheKind;

/// The records of a cache that are used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Trust {
    /// All records.
    Everyone,
    /// Records that belong to this user, to root or to a group of this user's.
    Friends(User),
    /// No records, with the reason: `belongs to user 1001`.
    Nobody(String),
}

/// The user of this process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct User {
    uid: u32,
    groups: Vec<u32>,
}

impl Trust {
    /// Derives the trust from owner and mode of the cache's directories.
    pub(super) fn of(home: &Path) -> Self {
        let user = User::current();
        let kinds = CacheKind::ALL.into_iter().filter(|kind| !kind.is_content());
        let folders = std::iter::once(home.to_owned()).chain(kinds.map(|kind| home.join(kind.folder_name())));
        for folder in folders {
            // A missing directory will be created by this user.
            let Ok(metadata) = std::fs::metadata(&folder) else { continue };
            if let Some(why) = user.doubts(metadata.uid(), metadata.gid(), metadata.mode()) {
                return Self::Nobody(why);
            }
        }
        Self::Friends(user)
    }

    /// Returns whether a record is used.
    pub(super) fn holds_for(&self, record: &Metadata) -> bool {
        match self {
            Self::Everyone => true,
            Self::Friends(user) => user.doubts(record.uid(), record.gid(), record.mode()).is_none(),
            Self::Nobody(_) => false,
        }
    }
}

impl User {
    fn current() -> Self {
        let mut groups: Vec<_> = getgroups().unwrap_or_default().into_iter().map(Gid::as_raw).collect();
        groups.push(getegid().as_raw());
        Self { uid: geteuid().as_raw(), groups }
    }

    /// Returns the reason not to use a file with this owner, group and mode, if there is one.
    fn doubts(&self, owner: u32, group: u32, mode: u32) -> Option<String> {
        if mode & 0o002 != 0 {
            return Some("may be written by every user".to_owned());
        }
        let ours = self.groups.contains(&group) && mode & 0o020 != 0;
        (owner != self.uid && owner != 0 && !ours).then(|| format!("belongs to user {owner}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_groups_and_modes_count() {
        let user = User { uid: 1000, groups: vec![1000, 2000] };
        for (owner, group, mode, believed) in [
            (1000, 1000, 0o40700, true),
            (1000, 1000, 0o40755, true),
            (1000, 3000, 0o40775, true),
            (0, 0, 0o40755, true),
            (0, 2000, 0o42775, true),
            (1001, 2000, 0o42775, true),
            (1001, 2000, 0o42755, false),
            (1001, 3000, 0o40775, false),
            (1001, 1001, 0o40700, false),
            (1000, 1000, 0o40777, false),
            (0, 0, 0o41777, false),
            (0, 2000, 0o42777, false),
        ] {
            assert_eq!(user.doubts(owner, group, mode).is_none(), believed, "{owner}:{group} {mode:o}");
        }
    }
}
