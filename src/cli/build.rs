//! `carboy build`.

use std::sync::Arc;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args as ClapArgs};

use super::credentials::NamedImages;
use super::error::CliError;
use super::output_files::{OutputFiles, Stdout};
use super::project_args::{OutputRequest, ProjectArgs};
use super::session::{Completion, SessionArgs};
use crate::assemble;
use crate::assemble::report::Report;
use crate::plan::Engine;
use crate::ui::Frontend;

#[derive(ClapArgs)]
pub struct Flags {
    #[command(flatten)]
    project: ProjectArgs,
    /// Publish the image; false builds everything and publishes nothing [default: true, without
    /// --load]
    #[arg(long, env = "CARBOY_PUSH", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1,
          default_missing_value = "true", require_equals = true)]
    push: Option<bool>,
    /// Load the image into docker or podman, instead of pushing it to the configuration's targets
    #[arg(long, env = "CARBOY_LOAD", value_name = "ENGINE", action = ArgAction::Set, num_args = 0..=1,
          default_missing_value = "auto", require_equals = true, value_parser = engine)]
    load: Option<Loading>,
    /// Push without moving a tag, and print the image's digest: `carboy tag` moves tags to it
    #[arg(long, env = "CARBOY_PUSH_BY_DIGEST", value_parser = FalseyValueParser::new())]
    push_by_digest: bool,
    #[command(flatten)]
    files: OutputFiles,
    #[command(flatten)]
    session: SessionArgs,
}

/// The value of `--load`.
#[derive(Clone, Copy)]
enum Loading {
    Off,
    Into(Engine),
}

fn engine(text: &str) -> Result<Loading, String> {
    match text {
        "" | "false" | "0" => Ok(Loading::Off),
        "auto" | "true" | "1" => Ok(Loading::Into(Engine::Found)),
        "docker" => Ok(Loading::Into(Engine::Docker)),
        "podman" => Ok(Loading::Into(Engine::Podman)),
        _ => Err("write auto, docker or podman".to_owned()),
    }
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    flags.session.run(|front| build(flags, front))
}

/// Returns a line for each image and output, unless a file goes to stdout.
fn build(flags: &Flags, front: &Arc<dyn Frontend>) -> Result<Completion<String>, CliError> {
    let stdout = flags.files.check()?;
    let request = OutputRequest {
        push: flags.push,
        load: match flags.load {
            None | Some(Loading::Off) => None,
            Some(Loading::Into(engine)) => Some(engine),
        },
        push_by_digest: flags.push_by_digest,
        written: flags.files.paths(),
    };
    let plans = flags.project.plans(&request, front.as_ref())?;
    let bounds = flags.project.bounds()?;
    let named = NamedImages { pushes: flags.push.unwrap_or(true), ..flags.project.named_images() };
    let done = flags.session.work(front, (Some(&bounds), &named), |io| assemble::build(plans, io))?;
    let reports = match done {
        Completion::All(reports) => reports,
        Completion::Stopped(signal) => return Ok(Completion::Stopped(signal)),
    };
    for report in &reports {
        front.summary(report);
    }
    flags.files.write(&reports)?;
    Ok(Completion::All(match stdout {
        Stdout::Lines => reports.iter().flat_map(Report::lines).map(|line| line + "\n").collect(),
        // A digest alone has no newline at its end.
        Stdout::File(text) => text(&reports).trim_end().to_owned() + "\n",
    }))
}
