//! Files to extract from images.

use super::paths::{below, root_path};
use super::{Args, PlanError};
use crate::config::{self, BUILDER, File};
use crate::oci::Location;
use crate::rootfs::RootPath;

/// Files to extract from an image.
#[derive(Clone, Debug)]
pub struct Extract {
    /// The image; `None` is the builder.
    pub from: Option<Location>,
    pub from_name: String,
    pub paths: Vec<String>,
    pub to: Option<RootPath>,
    pub libraries: bool,
}

/// Returns the extractions of the configuration.
pub(super) fn extracts(args: &Args, file: &File, has_builder: bool) -> Result<Vec<Extract>, PlanError> {
    let one = |extract: &config::Extract| {
        let from = match extract.from.as_str() {
            BUILDER if has_builder => None,
            BUILDER => return Err(PlanError::NoBuilder),
            name => {
                let location =
                    name.parse().map_err(|cause| PlanError::Location { what: "extract.from".to_owned(), cause })?;
                Some(below(&args.folder, location))
            }
        };
        let to = extract.to.as_deref().map(|to| root_path("extract.to", to)).transpose()?;
        Ok(Extract {
            from,
            from_name: extract.from.clone(),
            paths: extract.paths.clone(),
            to,
            libraries: extract.libraries,
        })
    };
    file.extract.iter().flatten().map(one).collect()
}
