//! `carboy tag`.

use std::sync::Arc;

use clap::Args as ClapArgs;

use super::credentials::NamedImages;
use super::error::CliError;
use super::session::{Completion, SessionArgs};
use crate::assemble;
use crate::oci::Location;
use crate::plan::{PlanError, is_tag};
use crate::ui::Frontend;

#[derive(ClapArgs)]
pub struct Flags {
    /// The image: registry/repository@DIGEST or :TAG, or oci:FOLDER with :NAME or @DIGEST
    #[arg(value_name = "REF")]
    image: String,
    /// The tags to move to the image
    #[arg(value_name = "TAG", required = true)]
    tags: Vec<String>,
    #[command(flatten)]
    session: SessionArgs,
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    flags.session.run(|front| tag(flags, front))
}

fn tag(flags: &Flags, front: &Arc<dyn Frontend>) -> Result<Completion<String>, CliError> {
    let location = image("REF", &flags.image)?;
    if matches!(location, Location::OciArchive { .. } | Location::DockerArchive { .. }) {
        return Err(PlanError::ArchiveTag(location.place().to_string()).into());
    }
    if let Some(tag) = flags.tags.iter().find(|tag| !is_tag(tag)) {
        return Err(PlanError::Tag(tag.clone()).into());
    }
    let images = vec![flags.image.clone()];
    let named = NamedImages { targets: images.clone(), sources: images, pushes: true };
    let done = flags.session.work(front, (None, &named), |io| assemble::tag(&location, &flags.tags, io))?;
    Ok(done.map(|lines| lines.into_iter().map(|line| line + "\n").collect()))
}

/// Parses the name of an image that exists. In a registry it has to have a tag or a digest.
pub fn image(what: &str, text: &str) -> Result<Location, CliError> {
    let location: Location = text.parse().map_err(|cause| PlanError::Location { what: what.to_owned(), cause })?;
    match &location {
        Location::Registry(name) if name.tag.is_none() && name.digest.is_none() => {
            Err(PlanError::NoImageTag(name.bare()).into())
        }
        _ => Ok(location),
    }
}
