//! The function that composes the application stage.

use super::draft::ApplicationDraft;
use super::inputs::{Application, CopiedFiles};
use crate::compose::compose_stage::compose_stage;
use crate::compose::contents::{Result, root_path};
use crate::compose::context::Context;
use crate::compose::draft::Draft;
use crate::compose::stage::{Stage, StageResult};
use crate::image::LayerKind;
use crate::oci::Digest;
use crate::rootfs::Entry;
use crate::rootfs::accounts::Accounts;

/// Adds the application, copies, accounts and directories, and decides on the process.
///
/// # Errors
/// Files that cannot be read or put in place.
pub fn application(
    cx: &Context,
    below: &Stage,
    key: Digest,
    app: Option<&Application>,
    copies: &[CopiedFiles],
) -> StageResult {
    compose_stage(cx, below, key, |draft| compose(draft, app, copies))
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
    let workdir = stage.draft.workdir(app);
    stage.ensure(&root_path(&workdir), &Entry::folder(0o755))?;
    let user = stage.user();
    stage.add_volumes(user)?;
    let files = stage.files;
    draft.take_needed_by_files(LayerKind::Application, &files)?;
    draft.decide_process(app, user);
    Ok(())
}
