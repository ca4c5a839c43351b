//! What is to be built: arguments and configuration made one, defaults filled in,
//! everything checked that needs no image and no file. Pure.

mod error;
mod images;
mod target;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{self, BUILDER, File, SitePackages};
use crate::oci::{Architecture, CompressionLevel, Location, Platform};
use crate::python::lock::{Lock, LockSelection};
use crate::python::normalised;
use crate::python::project::ProjectMetadata;
use crate::rootfs::accounts::User;
use crate::rootfs::{Limits, RootPath};

pub use error::PlanError;
pub use images::join;
use images::{PythonRequest, below, image_location, images, python, runtime};
use target::target;

/// What the command line and the environment say, and what `cli` found in the folder.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// The configuration's folder: its relative paths start here.
    pub folder: PathBuf,
    pub to: Option<String>,
    pub tags: Vec<String>,
    pub platforms: Vec<String>,
    pub python: Option<String>,
    pub base: Option<String>,
    pub builder: Option<String>,
    pub compression: Option<String>,
    /// The lock file, read, when `dependencies` has one or one was found.
    pub lock: Option<LockFile>,
    pub extras: Vec<String>,
    pub groups: Vec<String>,
    /// Folders of wheels, relative to the working directory.
    pub wheelhouse: Vec<PathBuf>,
    pub index: Option<String>,
    /// The configuration that was read, when it is a file of its own.
    pub config: Option<PathBuf>,
    /// What `pyproject.toml` says of the project.
    pub project: Option<ProjectMetadata>,
    /// What follows `--`.
    pub entrypoint: Option<Vec<String>>,
    pub push: bool,
    /// The text of `.python-version`.
    pub python_version: Option<String>,
    /// `requires-python` of `pyproject.toml`.
    pub requires_python: Option<String>,
    /// Seconds since 1970 that everything in the image carries.
    pub timestamp: u64,
}

/// A lock file, read.
#[derive(Clone, Debug)]
pub struct LockFile {
    pub lock: Arc<Lock>,
    /// Where it is: its relative paths start there.
    pub folder: PathBuf,
    /// The workspace's member that is built, where the file is another project's.
    pub member: Option<String>,
    /// Where paths in it and in the project's files may lead.
    pub bounds: Arc<PathBounds>,
}

/// Where the dependencies come from.
#[derive(Clone, Debug)]
pub enum Dependencies {
    None,
    /// Each platform's folder of ready-made site-packages.
    Ready(BTreeMap<Platform, PathBuf>),
    Locked(LockedDependencies),
}

/// Who names a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Author {
    /// Whoever runs carboy: flags, variables, the configuration of the machine.
    #[default]
    User,
    /// The project's own files, which whoever sends a change may write.
    Project,
}

/// The folders that paths in a project's own files may lead to, absolute and without links.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathBounds {
    /// The root of the project. Of a lock file elsewhere that a flag names, its folder too.
    pub roots: Vec<PathBuf>,
    /// What `--allow-outside` names: absolute paths may lead there too.
    pub allowed: Vec<PathBuf>,
}

impl Dependencies {
    /// The local files and folders that they come from.
    fn local(&self) -> Vec<PathBuf> {
        match self {
            Self::None => Vec::new(),
            Self::Ready(folders) => folders.values().cloned().collect(),
            Self::Locked(locked) => {
                let lock = PathBuf::from(locked.lock.file());
                locked.wheelhouses.iter().cloned().chain([lock]).collect()
            }
        }
    }
}

/// What of a lock file, and where its wheels are looked for.
#[derive(Clone, Debug)]
pub struct LockedDependencies {
    pub lock: Arc<Lock>,
    pub folder: PathBuf,
    /// The project's folder.
    pub project: PathBuf,
    pub choice: LockSelection,
    /// Folders of wheels, looked in first.
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: Author,
    /// The index that a flag or the configuration names.
    pub index: Option<(Author, String)>,
    /// Where paths of the project's files may lead.
    pub bounds: Arc<PathBounds>,
}

/// One image to build.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The configuration's folder, whose files name paths below it.
    pub folder: PathBuf,
    pub profile: Option<String>,
    /// None only when nothing is pushed.
    pub target: Option<Location>,
    pub tags: Vec<String>,
    pub push: bool,
    pub platforms: Vec<Platform>,
    /// None is `scratch`.
    pub base: Option<Location>,
    /// As written, for people and for `base.name`.
    pub base_name: String,
    pub builder: Option<Location>,
    pub builder_name: Option<String>,
    pub runtime: Option<Runtime>,
    pub extracts: Vec<Extract>,
    pub dependencies: Dependencies,
    pub allow_missing: Vec<String>,
    pub allow_mixed: bool,
    /// None without Python, unless configured.
    pub app: Option<App>,
    pub copies: Vec<Copy>,
    pub users: Vec<User>,
    pub directories: Vec<Directory>,
    pub image: ImageSettings,
    pub compression: CompressionLevel,
    pub split: LayerSplit,
    pub limits: Limits,
    pub timestamp: u64,
}

/// The Python runtime to take.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// `3.13`, when the user asked for one; the builder's must be it.
    pub version: Option<String>,
    pub exclude: Vec<String>,
    pub terminfo: bool,
    pub dlopen: Vec<String>,
    /// Whether `.pyc` files are compiled into the image.
    pub bytecode: bool,
}

/// More to take out of an image.
#[derive(Clone, Debug)]
pub struct Extract {
    /// None is the builder.
    pub from: Option<Location>,
    pub from_name: String,
    pub paths: Vec<String>,
    pub to: Option<RootPath>,
    pub libraries: bool,
}

/// Which distributions have layers of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayerSplit {
    /// From this size on, unpacked, in bytes.
    pub size: u64,
    /// So many at most, the largest.
    pub max: usize,
}

impl Default for LayerSplit {
    /// Every layer costs a request or two for whoever pulls; a megabyte is worth that.
    fn default() -> Self {
        Self { size: 1 << 20, max: 24 }
    }
}

/// The application's files.
#[derive(Clone, Debug)]
pub struct App {
    pub source: PathBuf,
    /// A path or glob of wheels to install instead, below `source`.
    pub wheel: Option<String>,
    /// What `pyproject.toml` says of it.
    pub project: Option<ProjectMetadata>,
    pub to: RootPath,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// Configuration, lock file, wheelhouses and site-packages, which are no part of it wherever they
    /// are: another version of a dependency changes that dependency's layer alone.
    pub inputs: Vec<PathBuf>,
}

/// A local file or folder for a place of its own.
#[derive(Clone, Debug)]
pub struct Copy {
    pub from: PathBuf,
    pub to: RootPath,
    /// Globs of what to copy although it never belongs into an image.
    pub include: Vec<String>,
    pub mode: Option<u32>,
    pub owner: String,
}

/// A folder to make.
#[derive(Clone, Debug)]
pub struct Directory {
    pub path: RootPath,
    pub mode: u32,
    pub owner: String,
}

/// The image's own configuration.
#[derive(Clone, Debug, Default)]
pub struct ImageSettings {
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    /// Over the defaults and the base's.
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    pub workdir: String,
    pub ports: Vec<String>,
    pub volumes: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub stop_signal: Option<String>,
}

impl Plan {
    /// Makes the plan for one profile: `file` has that profile laid over it already.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn new(args: &Args, file: &File, profile: Option<&str>) -> Result<Self, PlanError> {
        looks_for_lock(args, file, false)?;
        let python = python(args, file)?;
        let has_python = matches!(python, PythonRequest::Version(_));
        let (base_name, builder_name) = images(args, file, &python)?;
        let has_builder = builder_name.as_deref().is_some_and(|name| name != "scratch");
        let platforms = platforms(args, file)?;
        let dependencies = dependencies(args, file, &platforms, has_python)?;
        if !has_python {
            let runtime = &file.runtime;
            let set = [
                ("runtime.dlopen", runtime.dlopen.is_some()),
                ("runtime.exclude", runtime.exclude.is_some()),
                ("runtime.terminfo", runtime.terminfo == Some(true)),
            ];
            if let Some((key, _)) = set.into_iter().find(|(_, set)| *set) {
                return Err(PlanError::NoPython(key));
            }
        }
        let (target, tags) = target(args, file)?;
        let app = app(args, file, has_python, &dependencies)?;
        Ok(Self {
            folder: args.folder.clone(),
            profile: profile.map(str::to_owned),
            target,
            tags,
            push: args.push,
            platforms,
            base: image_location("base", &base_name, args)?,
            base_name,
            builder: builder_name.as_deref().map(|name| image_location("builder", name, args)).transpose()?.flatten(),
            builder_name,
            runtime: runtime(python, file),
            extracts: extracts(args, file, has_builder)?,
            dependencies,
            allow_missing: file.runtime.allow_missing.clone().unwrap_or_default(),
            allow_mixed: file.runtime.allow_mixed.unwrap_or(false),
            copies: copies(args, file)?,
            users: file.user.iter().flatten().map(user).collect(),
            directories: directories(file)?,
            image: settings(args, file, app.as_ref())?,
            app,
            compression: compression(args, file)?,
            split: split(file),
            limits: file.limits,
            timestamp: args.timestamp,
        })
    }

    /// The local folders that the image is written to.
    #[must_use]
    pub fn outputs(&self) -> Vec<PathBuf> {
        match &self.target {
            Some(Location::Layout { folder, .. }) => vec![folder.clone()],
            Some(Location::Registry(_)) | None => Vec::new(),
        }
    }

    /// The plan of the built-in profile `debug`: the same over the base's debug tag.
    ///
    /// # Errors
    /// A base whose debug variant is not known: only distroless's tags are.
    pub fn debug(mut self) -> Result<Self, PlanError> {
        let unknown = || PlanError::DebugBase(self.base_name.clone());
        let (repository, tag) = self
            .base_name
            .rsplit_once(':')
            .filter(|(_, tag)| !tag.contains('/'))
            .unwrap_or((&self.base_name, "latest"));
        let debug = match tag {
            "latest" => "debug",
            "nonroot" => "debug-nonroot",
            _ => return Err(unknown()),
        };
        if !repository.contains("distroless") {
            return Err(unknown());
        }
        let name = format!("{repository}:{debug}");
        self.base = self.base.map(|base| base.with_tag(debug));
        self.base_name = name;
        self.profile = Some("debug".to_owned());
        for tag in &mut self.tags {
            tag.push_str("-debug");
        }
        Ok(self)
    }
}

/// What is built when nobody says.
pub const DEFAULT_PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

fn platforms(args: &Args, file: &File) -> Result<Vec<Platform>, PlanError> {
    let default = || DEFAULT_PLATFORMS.map(str::to_owned).to_vec();
    let (what, texts) = if args.platforms.is_empty() {
        ("platforms", file.platforms.clone().unwrap_or_else(default))
    } else {
        ("--platform", args.platforms.clone())
    };
    let mut out: Vec<Platform> = Vec::new();
    for text in texts {
        let platform: Platform = text.parse().map_err(|cause| PlanError::Platform { what: what.to_owned(), cause })?;
        if Architecture::of(&platform).is_none() {
            return Err(PlanError::PlatformUnknown(platform));
        }
        if out.iter().any(|other| other.matches(&platform)) {
            return Err(PlanError::PlatformTwice(platform));
        }
        out.push(platform);
    }
    Ok(out)
}

/// Where the dependencies of a configuration come from: no lock file is looked for where
/// there would be no Python, or where a folder has them ready.
///
/// # Errors
/// Sources that contradict each other or `python = false`.
pub fn looks_for_lock(args: &Args, file: &File, named: bool) -> Result<bool, PlanError> {
    let wanted = &file.dependencies;
    let has_python = matches!(python(args, file)?, PythonRequest::Version(_));
    let set = [
        ("--lock", named),
        ("dependencies.lock", wanted.lock.is_some()),
        ("dependencies.site-packages", wanted.site_packages.is_some()),
        ("app.wheel", file.app.wheel.is_some()),
    ];
    if let Some((key, _)) = set.into_iter().find(|(_, set)| *set && !has_python) {
        return Err(PlanError::NoPython(key));
    }
    if wanted.lock.is_some() && wanted.site_packages.is_some() {
        return Err(PlanError::TwoDependencies);
    }
    Ok(has_python && (named || wanted.site_packages.is_none()))
}

fn dependencies(args: &Args, file: &File, platforms: &[Platform], has_python: bool) -> Result<Dependencies, PlanError> {
    let wanted = &file.dependencies;
    let Some(LockFile { lock, folder, member, bounds }) = args.lock.clone().filter(|_| has_python) else {
        return ready(args, file, platforms, has_python);
    };
    let names = |flag: &[String], key: &Option<Vec<String>>| {
        let names = if flag.is_empty() { key.as_deref().unwrap_or_default() } else { flag };
        names.iter().map(|name| normalised(name)).collect()
    };
    let (wheelhouses_by, wheelhouses) = if args.wheelhouse.is_empty() {
        let folders = wanted.wheelhouse.iter().flatten();
        (Author::Project, folders.map(|name| join(&args.folder, Path::new(name))).collect())
    } else {
        (Author::User, args.wheelhouse.clone())
    };
    Ok(Dependencies::Locked(LockedDependencies {
        lock,
        folder,
        project: args.folder.clone(),
        choice: LockSelection {
            extras: names(&args.extras, &wanted.extras),
            groups: names(&args.groups, &wanted.groups),
            member: wanted.member.as_deref().map(normalised).or(member),
        },
        wheelhouses,
        wheelhouses_by,
        bounds,
        index: args
            .index
            .clone()
            .map(|url| (Author::User, url))
            .or_else(|| Some((Author::Project, wanted.index.clone()?))),
    }))
}

/// Dependencies without a lock file.
fn ready(args: &Args, file: &File, platforms: &[Platform], has_python: bool) -> Result<Dependencies, PlanError> {
    let wanted = &file.dependencies;
    if let Some(folders) = &wanted.site_packages {
        return site_packages(args, folders, platforms).map(Dependencies::Ready);
    }
    let set = [
        ("--extra", !args.extras.is_empty()),
        ("--group", !args.groups.is_empty()),
        ("dependencies.extras", wanted.extras.is_some()),
        ("dependencies.groups", wanted.groups.is_some()),
        ("dependencies.member", wanted.member.is_some()),
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

fn extracts(args: &Args, file: &File, has_builder: bool) -> Result<Vec<Extract>, PlanError> {
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

fn app(args: &Args, file: &File, has_python: bool, dependencies: &Dependencies) -> Result<Option<App>, PlanError> {
    if !has_python && file.app == config::App::default() {
        return Ok(None);
    }
    Ok(Some(App {
        source: join(&args.folder, Path::new(file.app.source.as_deref().unwrap_or("."))),
        wheel: file.app.wheel.clone(),
        project: args.project.clone(),
        to: root_path("app.to", file.app.to.as_deref().unwrap_or("/app"))?,
        include: file.app.include.clone().unwrap_or_default(),
        exclude: file.app.exclude.clone().unwrap_or_default(),
        inputs: dependencies.local().into_iter().chain(args.config.clone()).collect(),
    }))
}

fn copies(args: &Args, file: &File) -> Result<Vec<Copy>, PlanError> {
    let one = |copy: &config::Copy| {
        Ok(Copy {
            from: join(&args.folder, Path::new(&copy.from)),
            to: root_path("copy.to", &copy.to)?,
            include: copy.include.clone().unwrap_or_default(),
            mode: copy.mode,
            owner: copy.owner.clone().unwrap_or_else(|| "0:0".to_owned()),
        })
    };
    file.copy.iter().flatten().map(one).collect()
}

fn user(user: &config::User) -> User {
    User {
        name: user.name.clone(),
        uid: user.uid,
        gid: user.gid.unwrap_or(user.uid),
        home: user.home.clone().unwrap_or_else(|| format!("/home/{}", user.name)),
    }
}

fn directories(file: &File) -> Result<Vec<Directory>, PlanError> {
    let one = |directory: &config::Directory| {
        Ok(Directory {
            path: root_path("directory.path", &directory.path)?,
            mode: directory.mode.unwrap_or(0o755),
            owner: directory.owner.clone().unwrap_or_else(|| "0:0".to_owned()),
        })
    };
    file.directory.iter().flatten().map(one).collect()
}

fn settings(args: &Args, file: &File, app: Option<&App>) -> Result<ImageSettings, PlanError> {
    let image = &file.image;
    if let Some(signal) = &image.stop_signal {
        let name = signal.strip_prefix("SIG").is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"+-".contains(&b))
        });
        if !name && !signal.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number)) {
            return Err(PlanError::Signal(signal.clone()));
        }
    }
    Ok(ImageSettings {
        entrypoint: args.entrypoint.clone().or_else(|| image.entrypoint.clone()),
        // A command from the line replaces the whole: the file's cmd is not its argument.
        cmd: if args.entrypoint.is_some() { None } else { image.cmd.clone() },
        env: image.env.clone(),
        user: image.user.clone(),
        workdir: image.workdir.clone().unwrap_or_else(|| app.map_or("/".to_owned(), |app| app.to.to_string())),
        ports: image.ports.clone().unwrap_or_default(),
        volumes: image.volumes.clone().unwrap_or_default(),
        labels: image.labels.clone(),
        annotations: image.annotations.clone(),
        stop_signal: image.stop_signal.clone(),
    })
}

fn compression(args: &Args, file: &File) -> Result<CompressionLevel, PlanError> {
    let bad = |cause| PlanError::Flag { flag: "--compression", cause };
    let flag: Option<config::Compression> = args.compression.as_deref().map(str::parse).transpose().map_err(bad)?;
    let kind = flag.or(file.layers.compression).unwrap_or_default();
    // A level belongs to the compression that the file names.
    let level =
        file.layers.level.filter(|_| flag.is_none() || flag == Some(file.layers.compression.unwrap_or_default()));
    let level = level.map(|level| kind.check_level(level)).transpose().map_err(bad)?;
    Ok(match kind {
        config::Compression::Zstd => {
            level.map_or_else(CompressionLevel::default, |level| CompressionLevel::Zstd { level })
        }
        config::Compression::Gzip => CompressionLevel::gzip(level.and_then(|level| u32::try_from(level).ok())),
    })
}

fn split(file: &File) -> LayerSplit {
    let default = LayerSplit::default();
    LayerSplit {
        size: file.layers.split_size.unwrap_or(default.size),
        max: file.layers.split_max.unwrap_or(default.max),
    }
}

fn root_path(key: &'static str, text: &str) -> Result<RootPath, PlanError> {
    RootPath::new(text).map_err(|cause| PlanError::Path { key, cause })
}

#[cfg(test)]
mod tests;
