//! The volumes of the image: mount points that its user should be able to write to.

use super::draft::ApplicationDraft;
use super::files::owned;
use crate::compose::contents::Result;
use crate::compose::contents::root_path;
use crate::diagnostic::{Code, Diagnostic};
use crate::rootfs::accounts::Ids;
use crate::rootfs::{Entry, Kind, Permission, RootPath};

/// The most volumes of the base that are checked.
const BASE_VOLUMES: usize = 16;

impl ApplicationDraft<'_, '_> {
    /// Adds the directories of volumes. Existing ones keep their mode and owner. A container runtime
    /// gives a new volume the content, mode and owner of the image's directory.
    pub(super) fn add_volumes(&mut self, user: Ids) -> Result<()> {
        for volume in self.draft.cx.plan.image.volumes.iter().map(|volume| root_path(volume)) {
            let real = self.draft.resolve(&volume)?;
            let tree = &self.draft.image.tree;
            if tree.get(&real).is_some() && !tree.is_folder(&real) {
                let message = format!("the volume `{volume}` is a file in the image, not a directory");
                let hint = "name its directory under `volumes`".to_owned();
                self.draft.error(Diagnostic::error(Code::InvalidVolume, message).hint(hint));
                continue;
            }
            self.ensure(&volume, &owned(user, 0o755, Kind::Folder))?;
            if let Some(reason) = self.unwritable(&real, user) {
                let Ids { uid, gid } = user;
                let message = format!("the image's user {uid}:{gid} cannot write to the volume `{volume}` ({reason})");
                let hint = format!("add a [[directory]] with path = \"{volume}\" and owner = \"{uid}:{gid}\"");
                self.draft.warn_with_hint(Code::UnwritableVolume, message, hint);
            }
        }
        self.check_base_volumes(user);
        Ok(())
    }

    /// Warns about volumes of the base that the image's user cannot write to, if the base has
    /// another user. A container runtime creates a missing directory of a volume for root.
    fn check_base_volumes(&mut self, user: Ids) {
        let cx = self.draft.cx;
        let of_base = cx.base_config.user().and_then(|user| self.accounts.ids(user).ok());
        if of_base.is_some_and(|of_base| of_base.uid == user.uid) {
            return;
        }
        let is_own = |volume: &RootPath| cx.plan.image.volumes.iter().any(|own| root_path(own) == *volume);
        let others = cx.base_config.volumes().map(root_path).filter(|volume| !volume.is_root() && !is_own(volume));
        for volume in others.take(BASE_VOLUMES) {
            let Ok(real) = self.draft.image.tree.resolve(&volume) else { continue };
            if let Some(reason) = self.unwritable(&real, user) {
                let Ids { uid, gid } = user;
                let message =
                    format!("the image's user {uid}:{gid} cannot write to the base's volume `{volume}` ({reason})");
                let hint = format!("add a [[directory]] with path = \"{volume}\" and owner = \"{uid}:{gid}\"");
                self.draft.warn_with_hint(Code::UnwritableVolume, message, hint);
            }
        }
    }

    /// Returns the reason that a user cannot create files in a directory, a real path; none if the
    /// user can.
    fn unwritable(&self, real: &RootPath, user: Ids) -> Option<String> {
        let tree = &self.draft.image.tree;
        let can = |permission| real.is_root() || tree.permits(real, user, permission);
        if can(Permission::Write) && can(Permission::Execute) {
            return None;
        }
        let Some(Entry { meta, .. }) = tree.get(real) else {
            return Some("not in the image, so the container runtime creates it for root".to_owned());
        };
        Some(format!("mode {:04o}, owner {}:{}", meta.mode, meta.uid, meta.gid))
    }
}
