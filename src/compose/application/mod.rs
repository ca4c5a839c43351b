//! The application stage: the project's files, copies, accounts, directories, and the process
//! that the image starts.

mod accounts;
mod files;
mod process;
mod project;
mod volumes;

use std::sync::Arc;

use super::context::root_path;
use super::draft::Draft;
use super::reasons::Because;
use super::stage::Stage;
use super::{Context, Result, StageResult};
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint as _;
use crate::image::LayerKind;
use crate::oci::Digest;
use crate::python::entrypoint::{Entrypoint, EntrypointCandidates};
use crate::python::wheel::Installed;
use crate::rootfs::accounts::{AccountError, Accounts, Ids};
use crate::rootfs::{Entry, LocalFile, RootPath, Walk};

pub(super) use process::entrypoint_code;
pub use process::no_entrypoint;
pub use project::{install_project, left_out_of_project};

/// The application of one platform.
#[derive(Clone, Debug)]
pub enum Application {
    /// The files of its directory.
    Files {
        walk: Arc<Walk>,
        /// The command that starts it, when the plan has none.
        start: Option<Vec<String>>,
    },
    /// A wheel that was built of it.
    Wheel {
        installed: Arc<Installed>,
        /// The script that starts it, when the plan has none; else the ones to choose from.
        start: std::result::Result<Entrypoint, EntrypointCandidates>,
    },
}

impl Application {
    /// The command that starts it, when the plan has none.
    #[must_use]
    pub fn start(&self) -> Option<Vec<String>> {
        match self {
            Self::Files { start, .. } => start.clone(),
            Self::Wheel { start, .. } => start.as_ref().ok().map(|start| start.command("")),
        }
    }

    /// The commands that could start it.
    fn candidates(&self) -> EntrypointCandidates {
        match self {
            Self::Files { .. } => EntrypointCandidates::default(),
            Self::Wheel { start, .. } => start.as_ref().err().cloned().unwrap_or_default(),
        }
    }
}

/// The files of a `[[copy]]` table.
#[derive(Clone, Debug)]
pub enum CopiedFiles {
    File(LocalFile),
    Directory(Arc<Walk>),
}

/// Adds the application, copies, accounts and directories, and decides on the process.
///
/// # Errors
/// No entrypoint; files that cannot be read or put in place.
pub fn application(
    cx: &Context,
    below: &Stage,
    key: Digest,
    app: Option<&Application>,
    copies: &[CopiedFiles],
) -> StageResult {
    Draft::compose(cx, below, key, |draft| compose(draft, app, copies))
}

fn compose(draft: &mut Draft<'_>, app: Option<&Application>, copies: &[CopiedFiles]) -> Result<()> {
    let cx = draft.cx;
    let text = |name: &str| cx.text(&draft.image.tree, &root_path(name)).map(Option::unwrap_or_default);
    let accounts = Accounts::new(text("etc/passwd")?, text("etc/group")?);
    let mut stage = ApplicationDraft { draft, accounts, files: Vec::new() };
    stage.add_users()?;
    match (&cx.plan.app, app) {
        (Some(plan), Some(Application::Files { walk, .. })) => stage.add_project(plan, walk)?,
        (Some(_), Some(Application::Wheel { installed, .. })) => stage.add_installed(installed)?,
        _ => {}
    }
    stage.add_copies(copies)?;
    stage.add_directories()?;
    stage.ensure(&root_path(&cx.plan.image.workdir), &Entry::folder(0o755))?;
    let user = stage.user();
    stage.add_volumes(user)?;
    let files = stage.files;
    draft.take_needed_by_files(LayerKind::Application, &files)?;
    draft.decide_process(app, user)
}

/// The application stage in the making.
struct ApplicationDraft<'a, 'b> {
    draft: &'a mut Draft<'b>,
    accounts: Accounts,
    /// The files added so far, by real path.
    files: Vec<RootPath>,
}

impl ApplicationDraft<'_, '_> {
    fn put(&mut self, path: &RootPath, entry: impl Into<Arc<Entry>>) -> Result<()> {
        let real = self.draft.put(LayerKind::Application, path, entry, Because::Application)?;
        self.files.push(real);
        Ok(())
    }

    /// Adds a directory unless the image has it: an existing one keeps its mode and owner.
    fn ensure(&mut self, path: &RootPath, directory: &Entry) -> Result<()> {
        let real = self.draft.resolve(path)?;
        if !self.draft.image.tree.is_folder(&real) {
            self.put(path, directory.clone())?;
        }
        Ok(())
    }

    /// The numbers of a user by name, added users included. An unknown user is an error, and
    /// stands for root.
    fn ids(&mut self, key: &str, text: &str) -> Ids {
        self.accounts.ids(text).unwrap_or_else(|error| {
            self.draft.error(invalid_account(key, &error));
            Ids { uid: 0, gid: 0 }
        })
    }
}

fn invalid_account(key: &str, error: &AccountError) -> Diagnostic {
    Diagnostic::caused(Code::InvalidAccount, format!("invalid `{key}`"), error).hint(error.hint())
}
