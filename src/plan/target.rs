//! The target of the image, and its tags.

use super::paths::below;
use super::{Args, PlanError};
use crate::config::File;
use crate::oci::Location;
use crate::oci::location::RegistryName;

/// Returns the target and the tags of the image.
pub(super) fn target(args: &Args, file: &File) -> Result<(Option<Location>, Vec<String>), PlanError> {
    let parse =
        |text: &String| text.parse::<Location>().map_err(|cause| PlanError::Location { what: "to".to_owned(), cause });
    let target = match (&args.to, &file.to) {
        (Some(flag), _) => Some(parse(flag)?),
        (None, Some(text)) => Some(below(&args.folder, parse(text)?)),
        (None, None) if args.push => return Err(PlanError::NoTarget),
        (None, None) => None,
    };
    if let Some(Location::Registry(RegistryName { digest: Some(_), .. }) | Location::Layout { digest: Some(_), .. }) =
        &target
    {
        return Err(PlanError::TargetDigest(target.iter().map(ToString::to_string).collect()));
    }
    let listed = if args.tags.is_empty() { file.tags.clone().unwrap_or_default() } else { args.tags.clone() };
    let mut tags: Vec<String> = Vec::new();
    for tag in target.iter().filter_map(Location::tag).map(str::to_owned).chain(listed) {
        let tag = format!("{tag}{}", file.tag_suffix.as_deref().unwrap_or_default());
        if !is_tag(&tag) {
            return Err(PlanError::Tag(tag));
        }
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok((target, tags))
}

/// Returns whether a text is a valid tag.
///
/// Source: distribution-spec, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128 && tag.bytes().next().is_some_and(word) && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}
