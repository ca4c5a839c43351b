//! The base image and the builder image.

use super::paths::below;
use super::runtime::PythonRequest;
use super::{Args, PlanError};
use crate::config::File;
use crate::oci::Location;
use crate::python::releases;

/// Returns the names of the base and the builder.
pub(super) fn images(args: &Args, file: &File, python: &PythonRequest) -> Result<(String, Option<String>), PlanError> {
    let base = args.base.clone().or_else(|| file.base.clone());
    let builder = args.builder.clone().or_else(|| file.builder.clone());
    let PythonRequest::Version(asked) = python else {
        let base = base.unwrap_or(releases::pair(releases::DEFAULT)?.base);
        return Ok((base, builder));
    };
    if builder.as_deref() == Some("scratch") {
        return Err(PlanError::ScratchBuilder);
    }
    if let (Some(base), Some(builder)) = (&base, &builder) {
        return Ok((base.clone(), Some(builder.clone())));
    }
    let version = asked.clone().or_else(|| args.stated_python()).unwrap_or_else(|| releases::DEFAULT.to_owned());
    let pair = releases::pair(&version)?;
    // If one of the two is set, the other follows the Debian release in its name.
    let release = base.as_deref().or(builder.as_deref()).and_then(releases::release_named);
    let pair = release.map_or(pair, |release| releases::pair_of(&version, release));
    Ok((base.unwrap_or(pair.base), Some(builder.unwrap_or(pair.builder))))
}

/// Parses the name of an image; `scratch` has no location.
pub(super) fn image_location(what: &str, name: &str, args: &Args) -> Result<Option<Location>, PlanError> {
    if name == "scratch" {
        return Ok(None);
    }
    let location = name.parse().map_err(|cause| PlanError::Location { what: what.to_owned(), cause })?;
    let from_flag = [&args.base, &args.builder].into_iter().flatten().any(|flag| flag == name);
    Ok(Some(if from_flag { location } else { below(&args.folder, location) }))
}
