//! A platform's dependencies: what the lock file pins for it, fetched and read, or a
//! folder that has them ready.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use futures_util::future::join_all;

use super::error::BuildError;
use super::objects::Objects;
use super::problems::Problem;
use super::project;
use super::pull::Image;
use super::run::Run;
use crate::diagnostic::some_of;
use crate::elf::Loader as _;
use crate::glibc::symbol_version;
use crate::layer::budget::Budget;
use crate::layer::zip;
use crate::oci::{Architecture, Platform};
use crate::operation_error::{OperationError, OperationErrorKind};
use crate::plan::{Dependencies, LayerSplit, LockedDependencies, Plan};
use crate::progress::{LayerId, LayerKind, Part};
use crate::python::lock::{PackageOrigin, Pinned};
use crate::python::marker::Environment;
use crate::python::tags::Target;
use crate::python::wheel::{self, Archive, Installed, RawZipEntry, WheelName};
use crate::python::{Cpython, Interpreter, normalised};
use crate::rootfs::{ArchiveFile, Content, Entry, RootPath, Walk, private_keys};
use crate::source::WalkRules;
use crate::wheels::settings::ProjectSources;
use crate::wheels::{WheelError, WheelFile, Wheels};

/// How many files that several distributions have are named.
const LISTED: usize = 4;

/// Where C libraries have glibc, below an image's root; `TRIPLET` is the platform's.
const LIBC: [&str; 5] = ["usr/lib/TRIPLET", "lib/TRIPLET", "usr/lib64", "lib64", "usr/lib"];

/// What goes into site-packages.
pub enum Site {
    None,
    /// A folder as an installer left it.
    Ready(Walk),
    Installed(Vec<Installed>),
}

/// What of the images decides which wheels fit.
pub struct Facts {
    pub interpreter: Interpreter,
    pub target: Target,
    pub environment: Environment,
}

impl Facts {
    /// Asks the images of a platform; none without Python. The libc is the base's, where
    /// it has one.
    pub fn of(
        plan: &Plan,
        platform: &Platform,
        base: &Image,
        builder: Option<&Image>,
        objects: &Objects,
    ) -> Result<Option<Self>, BuildError> {
        let (Some(runtime), Some(builder)) = (&plan.runtime, builder) else { return Ok(None) };
        let architecture = Architecture::of(platform)
            .ok_or_else(|| BuildError::Internal(format!("no architecture is known for {platform}")))?;
        let found = Interpreter::find(&builder.tree, &builder.config.env(), runtime.version.as_deref());
        // What is wrong with the interpreter, taking it tells.
        let found = found.ok().filter(|found| runtime.version.as_ref().is_none_or(|wanted| *wanted == found.version));
        let Some((interpreter, python)) = found.and_then(|found| Some((found.clone(), Cpython::of(&found)?))) else {
            return Ok(None);
        };
        let glibc = match glibc(base, architecture.triplet, objects)? {
            None => glibc(builder, architecture.triplet, objects)?,
            known => known,
        };
        let environment = Environment::of(&interpreter, architecture.machine);
        Ok(Some(Self { target: Target { python, machine: architecture.wheel, glibc }, interpreter, environment }))
    }
}

/// The newest version that an image's libc defines.
fn glibc(image: &Image, triplet: &str, objects: &Objects) -> Result<Option<(u32, u32)>, BuildError> {
    let folders = LIBC.iter().map(|folder| folder.replace("TRIPLET", triplet));
    let paths = folders.filter_map(|folder| RootPath::new(format!("{folder}/libc.so.6")).ok());
    for (path, entry) in paths.filter_map(|path| image.tree.follow(&path)) {
        let Some(content) = entry.content() else { continue };
        let object = objects.object(&path, content)?;
        let versions = object.as_ref().and_then(|object| object.versions.as_ref());
        if let Some(newest) = versions.into_iter().flatten().filter_map(|version| symbol_version(version)).max() {
            return Ok(Some(newest));
        }
    }
    Ok(None)
}

/// Opens the places of a plan's wheels, when it needs any.
pub fn packages(run: &Run, plan: &Plan) -> Result<Option<Arc<Wheels>>, BuildError> {
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
    Ok(Some(run.io.indexes.open(&places)?))
}

/// One platform's dependencies.
///
/// # Errors
/// Everything that cannot be had, at once.
pub async fn gather(
    run: &Arc<Run>,
    plan: &Plan,
    platform: &Platform,
    facts: Option<&Arc<Facts>>,
    packages: Option<&Arc<Wheels>>,
) -> Result<Site, BuildError> {
    match (&plan.dependencies, facts, packages) {
        (Dependencies::Ready(folders), ..) => {
            let Some(folder) = folders.get(platform).cloned() else { return Ok(Site::None) };
            let what = format!("`dependencies.site-packages` for {platform}");
            let folders = run.io.folders.clone();
            let walk = run.blocking(move || folders.walk(&folder, &WalkRules::default())).await?;
            let walk = walk.map_err(|cause| BuildError::Local { what, cause })?;
            let keys: Vec<_> =
                walk.private_keys.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
            if let Some(text) = of_keys("`dependencies.site-packages`", &keys) {
                run.warn_once(text);
            }
            Ok(Site::Ready(walk))
        }
        (Dependencies::Locked(locked), Some(facts), Some(packages)) => {
            let pinned = locked.lock.pinned(&facts.environment, &locked.choice).map_err(BuildError::Lock)?;
            let doubts = locked.lock.doubts(&facts.environment, &locked.choice).map_err(BuildError::Lock)?;
            for text in doubts {
                run.warn_once(text);
            }
            let budget = Arc::new(Budget::new(&run.limits, "distributions"));
            let all = pinned.iter().map(|pinned| one(run, plan, locked, pinned, facts, packages, &budget));
            let installed = whole(platform, join_all(all).await)?;
            warn_of_oddities(run, &installed);
            warn_of_duplicates(run, &installed, plan.split);
            Ok(Site::Installed(installed))
        }
        _ => Ok(Site::None),
    }
}

/// All of them, or everything that is wrong.
fn whole(platform: &Platform, outcomes: Vec<Result<Installed, BuildError>>) -> Result<Vec<Installed>, BuildError> {
    let (mut done, mut problems) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(installed) => done.push(installed),
            Err(cause @ BuildError::Internal(_)) => return Err(cause),
            Err(BuildError::Bounds { cause, .. }) => {
                return Err(BuildError::Bounds { image: format!("the image for {platform}"), cause });
            }
            Err(cause) => problems.extend(Problem::of(&cause)),
        }
    }
    if problems.is_empty() { Ok(done) } else { Err(BuildError::wrong(platform, &problems)) }
}

async fn one(
    run: &Arc<Run>,
    plan: &Plan,
    locked: &LockedDependencies,
    pinned: &Pinned,
    facts: &Arc<Facts>,
    packages: &Arc<Wheels>,
    budget: &Arc<Budget>,
) -> Result<Installed, BuildError> {
    let PackageOrigin::Folder { path } = &pinned.origin else {
        let file = packages.wheel(pinned, &facts.target).await.map_err(|cause| no_wheel(pinned, facts, cause))?;
        return install(run, facts, file, budget.clone()).await;
    };
    let from_files = project::install(run, facts, pinned, locked.folder.join(path), plan).await;
    // One that has to be built may have been: into a wheelhouse.
    let Err(BuildError::Project { .. }) = &from_files else { return from_files };
    match packages.wheel(pinned, &facts.target).await {
        Ok(file) => install(run, facts, file, budget.clone()).await,
        Err(_) => from_files,
    }
}

fn no_wheel(pinned: &Pinned, facts: &Facts, cause: WheelError) -> BuildError {
    if let WheelError { kind: kind @ OperationErrorKind::Corrupt, message, hint, .. } = cause {
        return OperationError { kind, message, hint }.into();
    }
    let version = pinned.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    BuildError::WheelError { distribution: format!("{}{version}", pinned.name), target: facts.target.clone(), cause }
}

/// What an installer makes of a wheel, whose ELF files are looked at in passing.
///
/// # Errors
/// A wheel that is not one, or was not made for this name, or lies about its content, or has
/// more than is left of the budget.
pub async fn install(
    run: &Arc<Run>,
    facts: &Arc<Facts>,
    file: WheelFile,
    budget: Arc<Budget>,
) -> Result<Installed, BuildError> {
    let (facts, members) = (facts.clone(), run.members.clone());
    let wheel = ArchiveFile { name: file.name, path: file.path.to_path_buf(), digest: file.digest };
    let work = move || {
        let archive = zip::list(wheel).map_err(|cause| BuildError::Zip(Box::new(cause)))?;
        let size = archive.members.iter().fold(0_u64, |sum, member| sum.saturating_add(member.size));
        let taken = budget.take_entries(archive.members.len() as u64).and_then(|()| budget.take_bytes(size));
        taken.map_err(|cause| BuildError::Bounds { image: archive.file.name.clone(), cause })?;
        let open = &mut |member: &_| Ok(Box::new(zip::open(&archive, member)?) as Box<dyn Read>);
        let installed = wheel::install(&archive, &facts.interpreter, open);
        let mut installed = installed.map_err(|cause| BuildError::Wheel(Box::new(cause)))?;
        members.look(&archive)?;
        installed.warnings.extend(of_keys(&installed.to_string(), &private_keys(&archive)));
        Ok(installed)
    };
    run.blocking(work).await?
}

/// Members of a wheel that are private keys. Only those are read whose names tell that
/// they may be, and which are small, as keys are.
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

/// A warning of keys that everyone has who has the image.
fn of_keys(whose: &str, keys: &[String]) -> Option<String> {
    let what = if keys.len() == 1 { "a private key" } else { "private keys" };
    (!keys.is_empty()).then(|| format!("{whose} brings {what} into the image: {}", some_of(keys, LISTED)))
}

/// The layers of distributions, each with what goes into it, in the image's order: the
/// large ones by name, then the rest.
pub fn layers(all: &[Installed], split: LayerSplit) -> Vec<(LayerId, &Installed)> {
    let mut large: Vec<_> = all.iter().filter(|installed| installed.size >= split.size).collect();
    large.sort_by_key(|installed| (std::cmp::Reverse(installed.size), &installed.name));
    large.truncate(split.max);
    let layer = |installed: &Installed| {
        let alone = large.iter().any(|other| other.name == installed.name);
        let part = if alone { Part::Distribution(installed.to_string()) } else { Part::Rest };
        LayerId { kind: LayerKind::Dependencies, part }
    };
    let mut out: Vec<_> = all.iter().map(|installed| (layer(installed), installed)).collect();
    out.sort_by(|one, other| (&one.0, &one.1.name).cmp(&(&other.0, &other.1.name)));
    out
}

/// The wheel of the project itself that fits a platform best.
///
/// # Errors
/// Wheels of several projects or versions; none that fits.
pub fn own_wheel(found: &[WheelFile], target: &Target) -> Result<WheelFile, BuildError> {
    let named: Vec<_> = found.iter().filter_map(|file| Some((WheelName::parse(&file.name)?, file))).collect();
    let list = || found.iter().map(|file| file.name.clone()).collect::<Vec<_>>().join(", ");
    let same = |(one, _): &(WheelName, &WheelFile)| (normalised(&one.distribution), one.version.clone());
    if named.windows(2).any(|pair| same(&pair[0]) != same(&pair[1])) {
        let hint = "name one of them, or clear the folder and build it again: uv build --wheel --clear";
        return Err(BuildError::AppWheel { text: format!("it names several: {}", list()), hint });
    }
    wheel::best(named, target).cloned().ok_or_else(|| BuildError::AppWheel {
        text: format!("none of these is for {target}: {}", list()),
        hint: "build one for each platform, or leave out the platforms that have none",
    })
}

/// What is odd about wheels, once for all platforms.
pub fn warn_of_oddities<'a>(run: &Run, all: impl IntoIterator<Item = &'a Installed>) {
    for text in all.into_iter().flat_map(|installed| &installed.warnings) {
        run.warn_once(text.as_str());
    }
}

/// Files that several distributions have: the last in the image's order wins.
fn warn_of_duplicates<'a>(run: &Run, all: &'a [Installed], split: LayerSplit) {
    let layers = layers(all, split);
    let of = |installed: &'a Installed| installed.entries.iter().map(move |(path, entry)| (path, installed, entry));
    let mut files: Vec<_> = layers.into_iter().flat_map(|(_, installed)| of(installed)).collect();
    files.sort_by_key(|(path, ..)| *path); // the winner of a path stays last
    // Who has files of whom.
    let mut found: BTreeMap<(Vec<String>, bool), Vec<String>> = BTreeMap::new();
    for owners in files.chunk_by(|one, other| one.0 == other.0).filter(|owners| owners.len() > 1) {
        let alike = owners.iter().all(|(.., entry)| same_content(entry, owners[0].2));
        let names = owners.iter().map(|(_, installed, _)| installed.to_string()).collect();
        found.entry((names, alike)).or_default().push(owners[0].0.to_string());
    }
    for ((names, alike), paths) in found {
        let (count, paths) = (paths.len(), some_of(&paths, LISTED));
        let files = if count == 1 { "file" } else { "files" };
        let end = match names.last() {
            Some(last) if !alike => format!("{last}'s are taken"),
            _ => "they are alike".to_owned(),
        };
        run.warn_once(format!("{} have {count} {files} in common, {end}: {paths}", names.join(" and ")));
    }
}

fn same_content(one: &Entry, other: &Entry) -> bool {
    let digest = |entry: &Entry| entry.content().and_then(Content::digest);
    digest(one).is_some() && digest(one) == digest(other)
}
