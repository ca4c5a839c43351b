//! The outputs of an image: its targets, the container engine that loads it, and its form.

use super::targets::{self, Target};
use super::{Args, Engine, LoadArgs, PlanError};
use crate::config::{File, IndexMode};
use crate::oci::{Location, Platform};

/// The outputs of an image.
#[derive(Clone, Debug)]
pub struct Outputs {
    pub targets: Vec<Target>,
    /// The image is written to the targets.
    pub publish: bool,
    pub load: Option<Load>,
    pub index: IndexMode,
}

/// The image of one platform, to be loaded into a container engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Load {
    pub engine: Engine,
    pub platform: Platform,
    /// Whole references.
    pub names: Vec<String>,
}

impl Outputs {
    /// Returns the outputs of an image for `platforms`, and the platforms to build.
    pub(super) fn new(args: &Args, file: &File, platforms: Vec<Platform>) -> Result<(Self, Vec<Platform>), PlanError> {
        let targets = targets::targets(args, file)?;
        // `--load` replaces targets that no flag names.
        let publish = args.push.unwrap_or(args.load.is_none() || !args.to.is_empty());
        if publish && targets.is_empty() {
            return Err(PlanError::NoTarget);
        }
        let load = args.load.as_ref().map(|flags| load(flags, (args, file), &platforms, &targets)).transpose()?;
        let platforms = match &load {
            Some(load) if !publish && args.platforms.is_empty() => vec![load.platform.clone()],
            _ => platforms,
        };
        let flag = args.image_index.as_deref().map(str::parse).transpose();
        let flag = flag.map_err(|cause| PlanError::Flag { flag: "--image-index", cause })?;
        let index = flag.or(file.image_index).unwrap_or_default();
        if index == IndexMode::Never && platforms.len() > 1 {
            return Err(PlanError::ManifestPlatforms(platforms));
        }
        match targets.iter().find(|target| publish && target.is_docker_archive() && platforms.len() > 1) {
            Some(target) => Err(PlanError::ArchivePlatforms { place: target.place.to_string(), platforms }),
            None => Ok((Self { targets, publish, load, index }, platforms)),
        }
    }

    /// Appends a suffix to the tags.
    pub(super) fn add_suffix(&mut self, suffix: &str) {
        let loaded = self.load.iter_mut().flat_map(|load| &mut load.names);
        for name in self.targets.iter_mut().flat_map(|target| &mut target.names).chain(loaded) {
            name.push_str(suffix);
        }
    }
}

/// Returns the image to load, and its names.
fn load(
    flags: &LoadArgs,
    (args, file): (&Args, &File),
    platforms: &[Platform],
    targets: &[Target],
) -> Result<Load, PlanError> {
    let fitting = platforms.iter().find(|platform| platform.matches(&flags.host));
    let platform = match (fitting, platforms) {
        (Some(platform), _) | (None, [platform]) => platform.clone(),
        (None, _) => {
            return Err(PlanError::LoadPlatform { host: flags.host.clone(), platforms: platforms.to_vec() });
        }
    };
    let mut names = Vec::new();
    for target in targets {
        match &target.place {
            // Without their tags, if the image is pushed by digest.
            Location::Registry(name) => names.extend(targets::references(name, target.names.clone(), file)?),
            Location::DockerArchive { .. } => names.extend(target.names.iter().cloned()),
            Location::Layout { .. } | Location::OciArchive { .. } => {}
        }
    }
    if names.is_empty() {
        let project = args.project.as_ref().and_then(|project| project.name.as_deref());
        let repository = repository(project.or(flags.directory.as_deref()).unwrap_or_default());
        let shared = targets::shared_tags(args, file);
        let tags = targets::suffixed(shared.iter().map(String::as_str), file)?;
        names = targets::references(&repository, tags, file)?;
    }
    names.dedup();
    Ok(Load { engine: flags.engine, platform, names })
}

/// Returns the repository of a project that names none: `localhost/` tells engines that no registry
/// has it.
fn repository(project: &str) -> crate::oci::location::RegistryName {
    let words = project.to_ascii_lowercase();
    let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    crate::oci::location::RegistryName {
        registry: "localhost".to_owned(),
        repository: if name.is_empty() { "app".to_owned() } else { name },
        tag: None,
        digest: None,
    }
}
