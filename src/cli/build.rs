//! `carboy build`.

use std::sync::Arc;

use clap::{ArgAction, Args as ClapArgs};

use super::credentials::NamedImages;
use super::error::CliError;
use super::project_args::ProjectArgs;
use super::session::{Completion, SessionArgs};
use crate::assemble;
use crate::ui::Frontend;

#[derive(ClapArgs)]
pub struct Flags {
    #[command(flatten)]
    project: ProjectArgs,
    /// Push the image; false builds everything and publishes nothing
    #[arg(long, env = "CARBOY_PUSH", value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    push: bool,
    #[command(flatten)]
    session: SessionArgs,
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    flags.session.run(|front| build(flags, front))
}

/// Returns a line for each image.
fn build(flags: &Flags, front: &Arc<dyn Frontend>) -> Result<Completion<String>, CliError> {
    let plans = flags.project.plans(flags.push, front.as_ref())?;
    let bounds = flags.project.bounds()?;
    let named = NamedImages { pushes: flags.push, ..flags.project.named_images() };
    let done = flags.session.work(front, (Some(&bounds), &named), |io| assemble::build(plans, io))?;
    Ok(done.map(|reports| {
        for report in &reports {
            front.summary(report);
        }
        reports.into_iter().map(|report| report.reference + "\n").collect()
    }))
}
