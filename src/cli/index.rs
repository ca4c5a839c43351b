//! `carboy index`.

use std::sync::Arc;

use clap::Args as ClapArgs;

use super::credentials::NamedImages;
use super::error::CliError;
use super::session::{Completion, SessionArgs};
use super::tag::image;
use crate::assemble::{self, JoinRequest};
use crate::plan;
use crate::ui::Frontend;

#[derive(ClapArgs)]
pub struct Flags {
    /// Images to join, each for other platforms: manifests or indexes in registries, layouts or OCI
    /// archives
    #[arg(value_name = "REF", required = true)]
    images: Vec<String>,
    /// A target: registry/repository[:tag], oci:FOLDER[:NAME] or oci-archive:FILE[:NAME]; repeatable
    #[arg(long, env = "CARBOY_TO", value_name = "TARGET", value_delimiter = ',', required = true)]
    to: Vec<String>,
    /// One more tag to move; repeatable
    #[arg(long = "tag", env = "CARBOY_TAGS", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// Let a later image replace an earlier one of the same platform
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    session: SessionArgs,
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    flags.session.run(|front| index(flags, front))
}

fn index(flags: &Flags, front: &Arc<dyn Frontend>) -> Result<Completion<String>, CliError> {
    let named = |text: &String| Ok((text.clone(), image("REF", text)?));
    let request = JoinRequest {
        images: flags.images.iter().map(named).collect::<Result<_, CliError>>()?,
        targets: plan::named_targets(&flags.to, &flags.tags)?,
        replace: flags.replace,
    };
    let named = NamedImages { targets: flags.to.clone(), sources: flags.images.clone(), pushes: true };
    let done = flags.session.work(front, (None, &named), |io| assemble::join(&request, io))?;
    Ok(done.map(|lines| lines.into_iter().map(|line| line + "\n").collect()))
}
