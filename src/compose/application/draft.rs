//! The unfinished application stage.

use std::sync::Arc;

use crate::compose::contents::Result;
use crate::compose::draft::Draft;
use crate::compose::reasons::Because;
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint as _;
use crate::image::LayerKind;
use crate::rootfs::accounts::{AccountError, Accounts, Ids};
use crate::rootfs::{Entry, RootPath};

/// The unfinished application stage.
pub(super) struct ApplicationDraft<'a, 'b> {
    pub draft: &'a mut Draft<'b>,
    pub accounts: Accounts,
    /// The files added so far, by real path.
    pub files: Vec<RootPath>,
}

impl ApplicationDraft<'_, '_> {
    pub fn put(&mut self, path: &RootPath, entry: impl Into<Arc<Entry>>) -> Result<()> {
        let real = self.draft.put(LayerKind::Application, path, entry, Because::Application)?;
        self.files.push(real);
        Ok(())
    }

    /// Adds a directory unless the image has it. An existing one keeps its mode and owner.
    pub fn ensure(&mut self, path: &RootPath, directory: &Entry) -> Result<()> {
        let real = self.draft.resolve(path)?;
        if !self.draft.image.tree.is_folder(&real) {
            self.put(path, directory.clone())?;
        }
        Ok(())
    }

    /// Returns the uid and gid of a user, added users included. Reports an unknown user as an error
    /// and returns root's.
    pub fn ids(&mut self, key: &str, text: &str) -> Ids {
        self.accounts.ids(text).unwrap_or_else(|error| {
            self.draft.error(invalid_account(key, &error));
            Ids { uid: 0, gid: 0 }
        })
    }
}

pub(super) fn invalid_account(key: &str, error: &AccountError) -> Diagnostic {
    Diagnostic::caused(Code::InvalidAccount, format!("invalid `{key}`"), error).hint(error.hint())
}
