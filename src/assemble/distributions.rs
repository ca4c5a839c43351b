//! The distributions of one platform: chosen by the lock file, fetched, and opened on demand; or
//! a ready-made directory of them.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use futures_util::future::join_all;

use super::error::BuildError;
use super::input_keys::{add_installed, add_walk, add_wheel};
use super::platform_build::PlatformBuild;
use super::python_facts::PythonFacts;
use super::{other_pythons, path_dependency};
use crate::compose::{KeyHasher, SitePackages, Unavailable, excluded_python, private_key_warning};
use crate::diagnostic::{Code, Diagnostic};
use crate::layer::budget::Budget;
use crate::layer::zip;
use crate::operation_error::OperationError;
use crate::plan::{Dependencies, LockedDependencies, Plan};
use crate::python::lock::{LockError, PackageOrigin, Pinned};
use crate::python::tags::Target;
use crate::python::wheel::{self, Archive, Installed, RawZipEntry, WheelName};
use crate::python::{Interpreter, normalised};
use crate::rootfs::{ArchiveFile, Walk, private_keys};
use crate::source::WalkRules;
use crate::wheels::settings::ProjectSources;
use crate::wheels::{WheelError, WheelFile, Wheels};

/// The content of site-packages, not opened yet.
pub enum ChosenPackages {
    None,
    /// A directory as an installer left it.
    Directory(Walk),
    Distributions(Vec<ChosenDistribution>),
}

/// A distribution of the lock file.
pub enum ChosenDistribution {
    Wheel(WheelFile),
    /// A project that is installed from its directory.
    Project(Box<Installed>),
}

impl ChosenPackages {
    /// Adds all inputs of site-packages to a key.
    pub fn add_to(&self, key: KeyHasher) -> KeyHasher {
        match self {
            Self::None => key.text("none"),
            Self::Directory(walk) => add_walk(key.text("directory"), walk),
            Self::Distributions(all) => key.text("distributions").each(all, |key, one| match one {
                ChosenDistribution::Wheel(file) => add_wheel(key, file),
                ChosenDistribution::Project(installed) => add_installed(key, installed),
            }),
        }
    }

    /// Returns the names of the distributions in a ready-made directory, by their `dist-info`.
    fn names(&self) -> Option<BTreeSet<String>> {
        let Self::Directory(walk) = self else { return None };
        let name = |path: &str| {
            let (folder, _) = path.split_once('/')?;
            Some(normalised(folder.strip_suffix(".dist-info")?.split_once('-')?.0))
        };
        Some(walk.file_names().filter_map(name).collect())
    }

    /// Opens the wheels.
    ///
    /// # Errors
    /// As [`install`].
    pub async fn open(&self, build: &PlatformBuild, python: Option<&PythonFacts>) -> Result<SitePackages, BuildError> {
        Ok(match (self, python) {
            (Self::Directory(walk), _) => SitePackages::Directory(walk.clone()),
            (Self::Distributions(all), Some(python)) => {
                let budget = Arc::new(Budget::new(&build.cx.limits, "distributions"));
                let open = all.iter().map(|one| one.open(build, &python.interpreter, &budget));
                let opened = BuildError::collect(join_all(open).await).map_err(|error| match error {
                    // All wheels together are too large, not the last one.
                    BuildError::Bounds { cause, .. } => {
                        BuildError::Bounds { image: format!("the image for {}", build.platform), cause }
                    }
                    other => other,
                });
                SitePackages::Distributions(opened?)
            }
            _ => SitePackages::None,
        })
    }

    /// Returns the distributions whose wheels were made from their sdists, sorted: `docopt 0.6.2`.
    pub fn built_from_sdists(&self) -> Vec<String> {
        let Self::Distributions(all) = self else { return Vec::new() };
        let made = all.iter().filter_map(|one| match one {
            ChosenDistribution::Wheel(file) if file.sdist.is_some() => WheelName::parse(&file.name),
            _ => None,
        });
        let mut names: Vec<_> =
            made.map(|wheel| format!("{} {}", normalised(&wheel.distribution), wheel.version)).collect();
        names.sort_unstable();
        names
    }

    /// Loads the ELF files of the wheels from the cache without opening the wheels.
    ///
    /// # Errors
    /// A cache that cannot be read.
    pub fn recall_elf(&self, build: &PlatformBuild) -> Result<(), BuildError> {
        let Self::Distributions(all) = self else { return Ok(()) };
        for one in all {
            if let ChosenDistribution::Wheel(file) = one {
                build.cx.wheel_elf.recall(&file.digest)?;
            }
        }
        Ok(())
    }
}

impl ChosenDistribution {
    async fn open(
        &self,
        build: &PlatformBuild,
        interpreter: &Interpreter,
        budget: &Arc<Budget>,
    ) -> Result<Installed, BuildError> {
        match self {
            Self::Wheel(file) => install(build, interpreter, file.clone(), budget.clone()).await,
            Self::Project(installed) => Ok(Installed::clone(installed)),
        }
    }
}

/// Opens the indexes and directories of a plan's wheels; none if the plan has no lock file.
///
/// # Errors
/// Invalid settings of wheel indexes.
pub fn wheel_places(build: &super::context::Context, plan: &Plan) -> Result<Option<Arc<Wheels>>, BuildError> {
    let Dependencies::Locked(locked) = &plan.dependencies else { return Ok(None) };
    let places = ProjectSources {
        wheelhouses: locked.wheelhouses.clone(),
        wheelhouses_by: locked.wheelhouses_by,
        index: locked.index.clone(),
        sources: locked.lock.sources().clone(),
        folder: locked.folder.clone(),
        project: locked.project.clone(),
        bounds: locked.bounds.clone(),
    };
    Ok(Some(build.io.indexes.open(&places)?))
}

/// The distributions of one platform.
pub struct Chosen {
    pub packages: ChosenPackages,
    pub unavailable: Unavailable,
    /// The names of the distributions that the image should have, if they are known.
    pub names: Option<BTreeSet<String>>,
}

impl Chosen {
    fn unknown(unavailable: Unavailable) -> Self {
        Self { packages: ChosenPackages::None, unavailable, names: None }
    }
}

/// Chooses the distributions of one platform and fetches their wheels. Adds an error to the build
/// for each distribution that is not available, and for a lock file that cannot be used.
///
/// # Errors
/// A ready-made directory that cannot be read; an exceeded limit.
pub async fn choose(
    build: &PlatformBuild,
    python: Option<&PythonFacts>,
    wheels: Option<&Arc<Wheels>>,
) -> Result<Chosen, BuildError> {
    match (&build.plan.dependencies, python, wheels) {
        (Dependencies::Ready(_), ..) => {
            let packages = ready(build).await?;
            let names = packages.names();
            Ok(Chosen { packages, unavailable: Unavailable::Nothing, names })
        }
        (Dependencies::Locked(locked), Some(python), Some(wheels)) => match pinned(build, locked, python) {
            Ok(pinned) => fetch(build, locked, &pinned, python, wheels).await,
            Err(error) => {
                build.errors.add(unusable(build, python, error));
                Ok(Chosen::unknown(Unavailable::Unknown))
            }
        },
        (Dependencies::Unknown, ..) => Ok(Chosen::unknown(Unavailable::Unknown)),
        _ => Ok(Chosen::unknown(Unavailable::Nothing)),
    }
}

/// Returns the error about an unusable lock file. If the project itself excludes the Python, that
/// error replaces the lock file's.
fn unusable(build: &PlatformBuild, python: &PythonFacts, error: LockError) -> Diagnostic {
    let Some(requires) = error.required_python() else { return error.diagnostic() };
    if let Some(told) = excluded_python(&build.plan, &python.interpreter) {
        return told;
    }
    match build.plan.python_setting.allowed_by(requires) {
        Some(setting) => error.choosing(&format!("choose another Python: {setting}")).diagnostic(),
        None => error.diagnostic(),
    }
}

/// Returns the distributions that the lock file has for a platform, and warns of doubts.
fn pinned(build: &PlatformBuild, locked: &LockedDependencies, python: &PythonFacts) -> Result<Vec<Pinned>, LockError> {
    let pinned = locked.lock.pinned(&python.environment, &locked.choice)?;
    for doubt in locked.lock.doubts(&python.environment, &locked.choice)? {
        build.cx.warn(Diagnostic::warning(Code::LockFileDoubt, doubt));
    }
    Ok(pinned)
}

/// Fetches the wheels of distributions.
async fn fetch(
    build: &PlatformBuild,
    locked: &LockedDependencies,
    pinned: &[Pinned],
    python: &PythonFacts,
    wheels: &Arc<Wheels>,
) -> Result<Chosen, BuildError> {
    let outcomes = join_all(pinned.iter().map(|pinned| one(build, locked, pinned, python, wheels))).await;
    let (mut all, mut names, mut found) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (pinned, outcome) in pinned.iter().zip(outcomes) {
        match outcome {
            Ok(chosen) => all.push(chosen),
            Err(error @ (BuildError::Internal(_) | BuildError::Bounds { .. })) => return Err(error),
            Err(error) => {
                found.extend(error.diagnostics());
                names.insert(pinned.name.clone());
            }
        }
    }
    other_pythons::restrict(&mut found, build, locked, python);
    build.errors.extend(found);
    let unavailable = if names.is_empty() { Unavailable::Nothing } else { Unavailable::Named(names) };
    let names = Some(pinned.iter().map(|pinned| pinned.name.clone()).collect());
    Ok(Chosen { packages: ChosenPackages::Distributions(all), unavailable, names })
}

/// Lists the ready-made directory of a platform.
async fn ready(build: &PlatformBuild) -> Result<ChosenPackages, BuildError> {
    let Dependencies::Ready(folders) = &build.plan.dependencies else { return Ok(ChosenPackages::None) };
    let Some(folder) = folders.get(&build.platform).cloned() else { return Ok(ChosenPackages::None) };
    let key = "`dependencies.site-packages`";
    let folders = build.cx.io.folders.clone();
    let walk = build.cx.blocking(move || folders.walk(&folder, &WalkRules::default())).await?;
    let walk = walk.map_err(|cause| BuildError::Local { what: format!("{key} for {}", build.platform), cause })?;
    let keys: Vec<_> = walk.private_keys.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    if let Some(warning) = private_key_warning(key, &keys) {
        build.cx.warn(warning);
    }
    Ok(ChosenPackages::Directory(walk))
}

async fn one(
    build: &PlatformBuild,
    locked: &LockedDependencies,
    pinned: &Pinned,
    python: &PythonFacts,
    wheels: &Arc<Wheels>,
) -> Result<ChosenDistribution, BuildError> {
    let PackageOrigin::Folder { path } = &pinned.origin else {
        let file = wheels.wheel(pinned, &python.target).await.map_err(|cause| no_wheel(pinned, python, cause))?;
        return Ok(ChosenDistribution::Wheel(file));
    };
    let own: Vec<_> = build.member_wheels.iter().filter(|file| is_of(file, &pinned.name)).cloned().collect();
    if !own.is_empty() {
        return own_wheel(&own, &python.target).map(ChosenDistribution::Wheel);
    }
    let place = (locked.folder.join(path), locked.bounds.clone());
    let from_files = path_dependency::install(build, &python.interpreter, pinned, place).await;
    // The wheelhouse may have a wheel of a project that needs a build.
    let Err(BuildError::Project { .. }) = &from_files else {
        return from_files.map(Box::new).map(ChosenDistribution::Project);
    };
    match wheels.wheel(pinned, &python.target).await {
        Ok(file) => Ok(ChosenDistribution::Wheel(file)),
        Err(_) => from_files.map(Box::new).map(ChosenDistribution::Project),
    }
}

/// Returns whether a wheel is of a distribution with this normalised name.
pub fn is_of(file: &WheelFile, name: &str) -> bool {
    WheelName::parse(&file.name).is_some_and(|wheel| normalised(&wheel.distribution) == name)
}

fn no_wheel(pinned: &Pinned, python: &PythonFacts, cause: WheelError) -> BuildError {
    if let WheelError { code: code @ Code::CorruptContent, message, hint, .. } = cause {
        return OperationError { hint, ..OperationError::new(code, message) }.into();
    }
    let version = pinned.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    BuildError::WheelError { distribution: format!("{}{version}", pinned.name), target: python.target.clone(), cause }
}

/// Installs a wheel as an installer would, and reads its ELF files.
///
/// # Errors
/// A file that is not a wheel, a wheel of another name, content that differs from its record, or
/// more content than the budget has left.
pub async fn install(
    build: &PlatformBuild,
    interpreter: &Interpreter,
    file: WheelFile,
    budget: Arc<Budget>,
) -> Result<Installed, BuildError> {
    let (interpreter, cx) = (interpreter.clone(), build.cx.clone());
    let wheel = ArchiveFile { name: file.name, path: file.path.to_path_buf(), digest: file.digest };
    let work = move || {
        let archive = zip::list(wheel).map_err(|cause| BuildError::Zip(Box::new(cause)))?;
        let size = archive.members.iter().fold(0_u64, |sum, member| sum.saturating_add(member.size));
        let taken = budget.take_entries(archive.members.len() as u64).and_then(|()| budget.take_bytes(size));
        taken.map_err(|cause| BuildError::Bounds { image: archive.file.name.clone(), cause })?;
        let open = &mut |member: &_| Ok(Box::new(zip::open(&archive, member)?) as Box<dyn Read>);
        let installed = wheel::install(&archive, &interpreter, open);
        let mut installed = installed.map_err(|cause| BuildError::Wheel(Box::new(cause)))?;
        cx.wheel_elf.read(&archive)?;
        installed.private_keys = private_keys(&archive);
        Ok(installed)
    };
    build.cx.blocking(work).await?
}

/// Returns the members of a wheel that are private keys. Reads only small members with names
/// typical of keys.
fn private_keys(archive: &Archive) -> Vec<String> {
    let is_key = |member: &&RawZipEntry| {
        let name = member.name.rsplit('/').next().unwrap_or_default().as_bytes();
        let mut text = Vec::new();
        private_keys::is_key_name(name)
            || private_keys::may_be_key(name)
                && member.size <= private_keys::LONGEST as u64
                && zip::open(archive, member).is_ok_and(|mut content| content.read_to_end(&mut text).is_ok())
                && private_keys::begins_key(&text)
    };
    archive.members.iter().filter(is_key).map(|member| member.name.clone()).collect()
}

/// Returns the wheel of the project itself that fits a platform best.
///
/// # Errors
/// Wheels of several projects or versions; no wheel that fits.
pub fn own_wheel(found: &[WheelFile], target: &Target) -> Result<WheelFile, BuildError> {
    let named: Vec<_> = found.iter().filter_map(|file| Some((WheelName::parse(&file.name)?, file))).collect();
    let list = || found.iter().map(|file| file.name.clone()).collect::<Vec<_>>().join(", ");
    let same = |(one, _): &(WheelName, &WheelFile)| (normalised(&one.distribution), one.version.clone());
    if named.windows(2).any(|pair| same(&pair[0]) != same(&pair[1])) {
        let hint = "name one of them, or clear the directory and build it again: uv build --wheel --clear";
        return Err(BuildError::AppWheel {
            text: format!("it matches wheels of several projects or versions: {}", list()),
            hint,
        });
    }
    wheel::best(named, target).cloned().ok_or_else(|| BuildError::AppWheel {
        text: format!("none of these is for {target}: {}", list()),
        hint: "build one for each platform, or leave out the platforms that have none",
    })
}
