//! `carboy why`.

use std::sync::Arc;

use clap::Args as ClapArgs;

use super::credentials::NamedImages;
use super::error::CliError;
use super::project_args::{OutputRequest, ProjectArgs};
use super::session::{Completion, SessionArgs, chain_width};
use crate::assemble::{self, NamedImage};
use crate::oci::{Location, Platform};
use crate::plan::{DEFAULT_PLATFORMS, PlanError};
use crate::ui::{self, Frontend};

#[derive(ClapArgs)]
pub struct Flags {
    /// A file's path in the image, or its end, such as libz.so.1
    #[arg(value_name = "PATH")]
    file: String,
    /// Explain this image, which carboy built, instead of the image that it would build:
    /// registry/repository[:tag] or oci:FOLDER[:NAME]
    #[arg(long, value_name = "REF")]
    image: Option<String>,
    /// Print JSON for programs: an array with an object for each profile
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    session: SessionArgs,
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    flags.session.run(|front| why(flags, front))
}

fn why(flags: &Flags, front: &Arc<dyn Frontend>) -> Result<Completion<String>, CliError> {
    let told = match &flags.image {
        None => {
            let plans = flags.project.plans(&OutputRequest::none(), front.as_ref())?;
            let (bounds, named) = (flags.project.bounds()?, flags.project.named_images());
            flags.session.work(front, (Some(&bounds), &named), |io| assemble::why(plans, io, &flags.file))?
        }
        Some(image) => {
            let location: Location =
                image.parse().map_err(|cause| PlanError::Location { what: "--image".to_owned(), cause })?;
            let platforms = platforms(&flags.project.platforms)?;
            let limits = flags.project.limits()?;
            let named = NamedImage { name: image, location: &location, platforms: &platforms };
            let sources = NamedImages { sources: vec![image.clone()], ..NamedImages::default() };
            let work = |io| assemble::why_image(named, limits, io, &flags.file);
            flags.session.work(front, (None, &sources), work)?.map(|told| vec![told])
        }
    };
    Ok(told.map(|told| if flags.json { ui::why_json(&told) } else { ui::why_text(&told, &flags.file, chain_width()) }))
}

/// Returns the platforms to explain: the named ones, or all that carboy builds.
fn platforms(named: &[String]) -> Result<Vec<Platform>, CliError> {
    let default = DEFAULT_PLATFORMS.map(str::to_owned);
    let named = if named.is_empty() { &default } else { named };
    let one = |text: &String| {
        text.parse().map_err(|cause| PlanError::Platform { what: "--platform".to_owned(), cause }.into())
    };
    named.iter().map(one).collect()
}
