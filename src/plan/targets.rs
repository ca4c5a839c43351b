//! The targets of the image, and its names in them.

use std::fmt;

use super::paths::below;
use super::{Args, PlanError};
use crate::config::File;
use crate::oci::Location;
use crate::oci::location::RegistryName;

/// A repository, a layout or an archive to write the image to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The location without a name.
    pub place: Location,
    /// The names of the image there: tags, or whole references in a docker archive.
    pub names: Vec<String>,
}

impl fmt::Display for Target {
    /// Writes the place with the image's first name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)?;
        self.names.first().map_or(Ok(()), |name| write!(f, ":{name}"))
    }
}

impl Target {
    /// Returns whether the target holds a single image, and no index.
    #[must_use]
    pub fn is_docker_archive(&self) -> bool {
        matches!(self.place, Location::DockerArchive { .. })
    }
}

/// Returns the targets of flags, or else of the configuration. Targets of the same place are one.
pub(super) fn targets(args: &Args, file: &File) -> Result<Vec<Target>, PlanError> {
    let parse =
        |text: &String| text.parse::<Location>().map_err(|cause| PlanError::Location { what: "to".to_owned(), cause });
    let locations: Vec<_> = if args.to.is_empty() {
        let own = file.to.iter().flatten().map(|text| Ok(below(&args.folder, parse(text)?)));
        own.collect::<Result<_, PlanError>>()?
    } else {
        args.to.iter().map(parse).collect::<Result<_, _>>()?
    };
    let shared = shared_tags(args, file);
    let mut targets: Vec<Target> = Vec::new();
    for location in locations {
        if location.digest().is_some() {
            return Err(PlanError::TargetDigest(location.to_string()));
        }
        let names = names(&location, shared, file)?;
        let place = location.place();
        match targets.iter_mut().find(|target| target.place == place) {
            Some(target) => {
                let new: Vec<_> = names.into_iter().filter(|name| !target.names.contains(name)).collect();
                target.names.extend(new);
            }
            None => targets.push(Target { place, names }),
        }
    }
    if args.push_by_digest {
        for target in &mut targets {
            target.names.clear();
        }
    }
    Ok(targets)
}

/// Returns targets that flags name, with the tags of other flags.
///
/// # Errors
/// A location or a tag that is none.
pub fn named_targets(to: &[String], tags: &[String]) -> Result<Vec<Target>, PlanError> {
    let args = Args { to: to.to_vec(), tags: tags.to_vec(), ..Args::default() };
    targets(&args, &File::default())
}

/// Returns the tags of the flags, or else of the configuration, without the suffix of a profile.
pub(super) fn shared_tags<'a>(args: &'a Args, file: &'a File) -> &'a [String] {
    if args.tags.is_empty() { file.tags.as_deref().unwrap_or_default() } else { &args.tags }
}

/// Returns tags with the suffix of a profile, each once.
pub(super) fn suffixed<'a>(tags: impl Iterator<Item = &'a str>, file: &File) -> Result<Vec<String>, PlanError> {
    let mut out: Vec<String> = Vec::new();
    for tag in tags {
        let tag = format!("{tag}{}", file.tag_suffix.as_deref().unwrap_or_default());
        if !is_tag(&tag) {
            return Err(PlanError::Tag(tag));
        }
        if !out.contains(&tag) {
            out.push(tag);
        }
    }
    Ok(out)
}

fn names(location: &Location, shared: &[String], file: &File) -> Result<Vec<String>, PlanError> {
    let tags = suffixed(location.tag().into_iter().chain(shared.iter().map(String::as_str)), file)?;
    match location {
        Location::DockerArchive { name: None, .. } => Ok(Vec::new()),
        Location::DockerArchive { name: Some(name), .. } => references(name, tags, file),
        _ => Ok(tags),
    }
}

/// Returns whole references. Docker knows no name without a tag, and takes it for `latest`.
pub(super) fn references(name: &RegistryName, tags: Vec<String>, file: &File) -> Result<Vec<String>, PlanError> {
    let tags = if tags.is_empty() { suffixed(["latest"].into_iter(), file)? } else { tags };
    Ok(tags.into_iter().map(|tag| format!("{}:{tag}", name.bare())).collect())
}

/// Returns whether a text is a valid tag.
///
/// Source: distribution-spec, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[must_use]
pub fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128 && tag.bytes().next().is_some_and(word) && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}
