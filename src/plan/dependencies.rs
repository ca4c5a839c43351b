//! The sources of the dependencies: a lock file with wheels, or ready-made directories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Args, LockFile};
use super::paths::join;
use super::runtime::{PythonRequest, python};
use super::{Author, PathBounds, PlanError};
use crate::config::{File, PackageIndex, SitePackages};
use crate::oci::Platform;
use crate::python::lock::{Lock, LockSelection};
use crate::python::normalised;

/// The groups that an image gets only if the configuration names them.
const DEVELOPMENT: [&str; 2] = ["dev", "develop"];

/// The source of the dependencies.
#[derive(Clone, Debug)]
pub enum Dependencies {
    None,
    /// A ready-made site-packages directory for each platform.
    Ready(BTreeMap<Platform, PathBuf>),
    Locked(LockedDependencies),
    /// A lock file that is missing or cannot be used: the plan's errors have the reason.
    Unknown,
}

/// A selection of a lock file, and the sources of its wheels.
#[derive(Clone, Debug)]
pub struct LockedDependencies {
    pub lock: Arc<Lock>,
    /// The directory of the lock file, the base of its relative paths.
    pub folder: PathBuf,
    /// The directory of the project.
    pub project: PathBuf,
    pub choice: LockSelection,
    /// Directories of wheels. They take precedence over the index.
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: Author,
    /// The index, if a flag or the configuration names one or turns it off.
    pub index: Option<(Author, PackageIndex)>,
    /// The directories that paths in the project's files may lead to.
    pub bounds: Arc<PathBounds>,
}

impl Dependencies {
    /// Returns the local files and directories that hold the dependencies.
    pub(super) fn local(&self) -> Vec<PathBuf> {
        match self {
            Self::None | Self::Unknown => Vec::new(),
            Self::Ready(folders) => folders.values().cloned().collect(),
            Self::Locked(locked) => {
                let lock = PathBuf::from(locked.lock.file());
                locked.wheelhouses.iter().cloned().chain([lock]).collect()
            }
        }
    }
}

/// Returns whether the build reads a lock file: not without Python, and not with ready-made site-packages.
///
/// `named` is whether a flag names a lock file.
///
/// # Errors
/// Returns an error if two sources contradict each other, or if a source contradicts `python = false`.
pub fn looks_for_lock(args: &Args, file: &File, named: bool) -> Result<bool, PlanError> {
    let section = &file.dependencies;
    let has_python = matches!(python(args, file)?, PythonRequest::Version(_));
    let set = [
        ("--lock", named),
        ("dependencies.lock", section.lock.is_some()),
        ("dependencies.site-packages", section.site_packages.is_some()),
        ("app.wheel", file.app.wheel.is_some()),
    ];
    if let Some((key, _)) = set.into_iter().find(|(_, set)| *set && !has_python) {
        return Err(PlanError::NoPython(key));
    }
    if section.lock.is_some() && section.site_packages.is_some() {
        return Err(PlanError::TwoDependencies);
    }
    Ok(has_python && (named || section.site_packages.is_none()))
}

pub(super) fn dependencies(
    args: &Args,
    file: &File,
    platforms: &[Platform],
    has_python: bool,
) -> Result<Dependencies, PlanError> {
    let section = &file.dependencies;
    if args.invalid_lock && has_python {
        return Ok(Dependencies::Unknown);
    }
    let Some(LockFile { lock, folder, member, bounds }) = args.lock.clone().filter(|_| has_python) else {
        return ready(args, file, platforms, has_python);
    };
    let member = args.member.as_ref().map(|member| member.name.clone()).or(member);
    let choice = selection(args, file, &lock, member);
    let (wheelhouses_by, wheelhouses) = if args.wheelhouse.is_empty() {
        let folders = section.wheelhouse.iter().flatten();
        (Author::Project, folders.map(|name| join(&args.folder, Path::new(name))).collect())
    } else {
        (Author::User, args.wheelhouse.clone())
    };
    Ok(Dependencies::Locked(LockedDependencies {
        lock,
        folder,
        project: args.folder.clone(),
        choice,
        wheelhouses,
        wheelhouses_by,
        bounds,
        index: args
            .index
            .clone()
            .map(|index| (Author::User, index))
            .or_else(|| Some((Author::Project, section.index.clone()?))),
    }))
}

/// Returns the selection of the flags and the configuration, or else the one that the `Dockerfile`
/// states, as far as the lock file has it.
fn selection(args: &Args, file: &File, lock: &Lock, member: Option<String>) -> LockSelection {
    let section = &file.dependencies;
    let exclude = section.exclude.iter().flatten().map(|name| normalised(name)).collect();
    let bare = LockSelection { member, exclude, ..LockSelection::default() };
    let offer = lock.offer(&bare);
    let build = args.dockerfile_build();
    let mut groups = build.groups.among(&offer.groups);
    groups.retain(|group| !DEVELOPMENT.contains(&group.as_str()));
    let names = |flag: &[String], key: Option<&[String]>, stated: Vec<String>| match key {
        _ if !flag.is_empty() => flag.iter().map(|name| normalised(name)).collect(),
        Some(names) => names.iter().map(|name| normalised(name)).collect(),
        None => stated,
    };
    LockSelection {
        extras: names(&args.extras, section.extras.as_deref(), build.extras.among(&offer.extras)),
        groups: names(&args.groups, section.groups.as_deref(), groups),
        ..bare
    }
}

/// Returns the dependencies of a build without a lock file.
fn ready(args: &Args, file: &File, platforms: &[Platform], has_python: bool) -> Result<Dependencies, PlanError> {
    let section = &file.dependencies;
    if let Some(folders) = &section.site_packages {
        return site_packages(args, folders, platforms).map(Dependencies::Ready);
    }
    let set = [
        ("--extra", !args.extras.is_empty()),
        ("--group", !args.groups.is_empty()),
        ("--member", args.member.is_some() && section.member.is_none()),
        ("dependencies.extras", section.extras.is_some()),
        ("dependencies.groups", section.groups.is_some()),
        ("dependencies.member", section.member.is_some()),
        ("dependencies.exclude", section.exclude.is_some()),
    ];
    match set.into_iter().find(|(_, set)| *set && has_python) {
        Some((key, _)) => Err(PlanError::NoLock(key)),
        None => Ok(Dependencies::None),
    }
}

fn site_packages(
    args: &Args,
    folders: &SitePackages,
    platforms: &[Platform],
) -> Result<BTreeMap<Platform, PathBuf>, PlanError> {
    let one = |platform: &Platform| {
        let folder = folders.folder(platform).ok_or_else(|| PlanError::NoSitePackages(platform.clone()))?;
        Ok((platform.clone(), join(&args.folder, Path::new(folder))))
    };
    platforms.iter().map(one).collect()
}
