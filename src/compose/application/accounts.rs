//! The accounts of the image, and the user that its process runs as.

use super::draft::{ApplicationDraft, invalid_account};
use crate::compose::contents::Result;
use crate::compose::contents::{root_path, unreadable};
use crate::compose::scratch::{self, NO_HOME};
use crate::diagnostic::Code;
use crate::rootfs::accounts::{Ids, User};
use crate::rootfs::{Entry, Kind, Meta, RootPath};

/// The ids of distroless's `nonroot` user.
const NONROOT: &str = "65532:65532";

/// Returns whether a user of an image's configuration is root, with any group.
fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("0" | "root"))
}

impl ApplicationDraft<'_, '_> {
    /// Adds the accounts of `[[user]]` tables, and the accounts that carboy adds, with their
    /// homes.
    pub(super) fn add_users(&mut self) -> Result<()> {
        let plan = &self.draft.cx.plan;
        for user in &plan.users {
            if let Err(error) = self.accounts.add(user) {
                self.draft.error(invalid_account("user.name", &error));
            }
        }
        let added: Vec<_> = self.missing_users().into_iter().filter(|user| self.accounts.add_missing(user)).collect();
        if plan.users.is_empty() && added.is_empty() {
            return Ok(());
        }
        for (name, text) in
            [("etc/passwd", self.accounts.passwd().to_owned()), ("etc/group", self.accounts.group().to_owned())]
        {
            let path = root_path(name);
            let old = self.draft.image.tree.follow(&path).filter(|(_, entry)| entry.content().is_some());
            let meta = old.map_or_else(|| Meta::root(0o644), |(_, entry)| entry.meta.clone());
            self.put(&path, Entry { meta, ..Entry::bytes(0o644, text.into_bytes()) })?;
        }
        for user in &plan.users {
            self.add_home(user)?;
        }
        for user in added.iter().filter(|user| user.home != NO_HOME) {
            // The configuration does not name these accounts: they must not stop a build.
            if RootPath::new(&user.home).is_ok_and(|home| self.has_room(&home)) {
                self.add_home(user)?;
            }
        }
        Ok(())
    }

    /// Returns the accounts that carboy adds if the image lacks them: its own user's, and on
    /// scratch the standard accounts.
    fn missing_users(&self) -> Vec<User> {
        let cx = self.draft.cx;
        if scratch::is_scratch(cx) {
            return scratch::accounts().into();
        }
        let is_chosen = cx.plan.image.user.is_none() && self.base_user().is_none();
        let needs_account = cx.interpreter.is_some() || self.draft.has("etc/passwd");
        (is_chosen && needs_account).then(scratch::nonroot).into_iter().collect()
    }

    fn add_home(&mut self, user: &User) -> Result<()> {
        let meta = Meta { uid: user.uid, gid: user.gid, ..Meta::root(0o700) };
        let home = RootPath::new(&user.home).map_err(|cause| unreadable(&user.home, cause))?;
        self.ensure(&home, &Entry { meta, kind: Kind::Folder })
    }

    /// Returns whether a path is a directory or can become one: all its parents are directories.
    fn has_room(&self, path: &RootPath) -> bool {
        let tree = &self.draft.image.tree;
        let Ok(real) = tree.resolve(path) else { return false };
        let exists = |path: &RootPath| path.is_root() || tree.get(path).is_some();
        std::iter::successors(Some(real), RootPath::parent).find(exists).is_some_and(|path| tree.is_folder(&path))
    }

    /// Returns the base's user, unless it is root.
    fn base_user(&self) -> Option<&str> {
        self.draft.cx.base_config.user().filter(|user| !is_root(user))
    }

    /// Returns the user that the process runs as.
    pub(super) fn user(&mut self) -> Ids {
        let plan = &self.draft.cx.plan;
        let user = plan.image.user.as_deref().or(self.base_user()).unwrap_or(NONROOT).to_owned();
        let ids = self.ids("image.user", &user);
        if self.draft.cx.interpreter.is_some() && plan.image.user.is_some() && !self.accounts.has(ids.uid) {
            let uid = ids.uid;
            let message = format!(
                "the image has no account for uid {uid}, so getpass.getuser() and the home directory are unknown"
            );
            self.draft.warn_with_hint(Code::InvalidAccount, message, format!("add a [[user]] with uid = {uid}"));
        }
        ids
    }
}
