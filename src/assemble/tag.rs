//! `carboy tag`: moves tags to an image that is in a repository or a layout already.

use super::context::Io;
use super::error::BuildError;
use super::outputs::OutputKind;
use super::publish::reference;
use crate::oci::Location;
use crate::repository::NamedManifest;

/// Moves tags to an image, and returns a line for stdout for each.
///
/// # Errors
/// No such image; a tag that the registry does not move.
pub async fn tag(location: &Location, tags: &[String], io: Io) -> Result<Vec<String>, BuildError> {
    let (source, selector) = io.repositories.source(location)?;
    let manifest = source.manifest(&selector).await?;
    let (place, digest) = (location.place(), manifest.digest());
    let sink = io.repositories.sink(&place)?;
    let images = [NamedManifest { manifest, names: tags.to_vec() }];
    sink.prepare(&images).await?;
    sink.publish(&images).await?;
    let kind = OutputKind::of(&place);
    let line = |tag: &String| match kind {
        OutputKind::Layout => format!("{place}:{tag}@{digest}"),
        _ => reference(&place.to_string(), kind, std::slice::from_ref(tag), digest),
    };
    Ok(tags.iter().map(line).collect())
}
