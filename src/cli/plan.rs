//! `carboy plan`.

use std::sync::Arc;

use clap::Args as ClapArgs;

use super::error::CliError;
use super::project_args::{OutputRequest, ProjectArgs};
use super::session::{Completion, SessionArgs, stdout_width};
use crate::assemble;
use crate::ui::{self, Frontend};

#[derive(ClapArgs)]
pub struct Flags {
    #[command(flatten)]
    project: ProjectArgs,
    /// List the local files that go into the image and those that stay behind, with their rules
    #[arg(long)]
    files: bool,
    /// Print JSON for programs: an array with an object for each profile
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    session: SessionArgs,
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    flags.session.run(|front| plan(flags, front))
}

fn plan(flags: &Flags, front: &Arc<dyn Frontend>) -> Result<Completion<String>, CliError> {
    let plans = flags.project.plans(&OutputRequest::none(), front.as_ref())?;
    let (bounds, named) = (flags.project.bounds()?, flags.project.named_images());
    let access = (Some(&bounds), &named);
    if flags.files {
        let done = flags.session.work(front, access, |io| assemble::files(plans, io))?;
        return Ok(done.map(|lists| if flags.json { ui::files_json(&lists) } else { ui::files_text(&lists) }));
    }
    let done = flags.session.work(front, access, |io| assemble::preview(plans, io))?;
    Ok(done.map(
        |previews| {
            if flags.json { ui::plan_json(&previews) } else { ui::plan_text(&previews, stdout_width()) }
        },
    ))
}
