//! What is to be built: arguments and configuration made one, defaults filled in,
//! everything checked that needs no image and no file. Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{self, BUILDER, BadValue, Bytecode, File, PythonChoice, SitePackages, choose_python};
use crate::hint::Hint;
use crate::oci::location::{Location, LocationError};
use crate::oci::platform::PlatformError;
use crate::oci::{Compression, Platform};
use crate::python::releases::{self, PairError};
use crate::rootfs::RootPath;
use crate::rootfs::accounts::User;
use crate::rootfs::path::PathError;

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

/// One image to build.
#[derive(Clone, Debug)]
pub struct Plan {
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
    /// Each platform's folder of ready-made site-packages.
    pub site_packages: BTreeMap<Platform, PathBuf>,
    pub allow_missing: Vec<String>,
    pub allow_mixed: bool,
    /// None without Python, unless configured.
    pub app: Option<App>,
    pub copies: Vec<Copy>,
    pub users: Vec<User>,
    pub directories: Vec<Directory>,
    pub image: Settings,
    pub compression: Compression,
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

/// The application's files.
#[derive(Clone, Debug)]
pub struct App {
    pub source: PathBuf,
    pub to: RootPath,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

/// A local file or folder for a place of its own.
#[derive(Clone, Debug)]
pub struct Copy {
    pub from: PathBuf,
    pub to: RootPath,
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
pub struct Settings {
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

/// Why nothing can be built from what was given.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("no target: where should the image go?")]
    NoTarget,
    #[error("{what}: {cause}")]
    Location { what: String, cause: LocationError },
    #[error("a tag cannot be pushed to a digest: `{0}`")]
    TargetDigest(String),
    #[error("`{0}` is not a tag")]
    Tag(String),
    #[error("{what}: {cause}")]
    Platform { what: String, cause: PlatformError },
    #[error("`--platform` names {0} twice")]
    PlatformTwice(Platform),
    #[error("carboy cannot build for {0}: it knows the libraries of linux/amd64 and linux/arm64")]
    PlatformUnknown(Platform),
    #[error("`{flag}` {cause}")]
    Flag { flag: &'static str, cause: BadValue },
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error("`{key}` is not supported yet")]
    NotYet { key: &'static str, hint: &'static str },
    #[error("`dependencies.site-packages` has no folder for {0}")]
    NoSitePackages(Platform),
    #[error("`python = false` and `{0}` contradict each other")]
    NoPython(&'static str),
    #[error("`[[extract]]` takes from the builder, and there is none")]
    NoBuilder,
    #[error("there is nothing to take a runtime from: the builder is `scratch`")]
    ScratchBuilder,
    #[error("`{key}`: {cause}")]
    Path { key: &'static str, cause: PathError },
    #[error("`image.stop-signal`: `{0}` is not a signal")]
    Signal(String),
    #[error("the built-in profile `debug` knows no debug variant of the base `{0}`")]
    DebugBase(String),
}

impl Hint for PlanError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoTarget => "pass --to registry/repository:tag (or oci:FOLDER), or set `to` in carboy.toml",
            Self::Location { cause, .. } => return cause.hint(),
            Self::TargetDigest(_) => "leave the digest out of `to`",
            Self::Tag(_) => "letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`",
            Self::Platform { .. } | Self::PlatformTwice(_) | Self::PlatformUnknown(_) => return None,
            Self::Flag { cause, .. } => return cause.hint(),
            Self::Pair(cause) => return cause.hint(),
            Self::NotYet { hint, .. } => hint,
            Self::NoSitePackages(platform) => {
                return Some(format!(
                    "add \"{platform}\" = \"FOLDER\" (uv pip install --target FOLDER --python-platform …), or leave it out of `platforms`"
                ));
            }
            Self::NoPython(_) => "leave one of them out",
            Self::NoBuilder => "name a `builder`, or an image in `from`",
            Self::ScratchBuilder => "name an image such as python:3.13-slim-trixie, or set python = false",
            Self::Path { .. } => "write an absolute path without `..`",
            Self::Signal(_) => "write a name such as SIGTERM, or a number",
            Self::DebugBase(_) => "describe it in a [profile.debug] table: base = \"…\"",
        };
        Some(text.to_owned())
    }
}

impl Plan {
    /// Makes the plan for one profile: `file` has that profile laid over it already.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn new(args: &Args, file: &File, profile: Option<&str>) -> Result<Self, PlanError> {
        refuse_what_is_not_there_yet(file)?;
        let python = python(args, file)?;
        let has_python = matches!(python, Wanted::Version(_));
        let (base_name, builder_name) = images(args, file, &python)?;
        let has_builder = builder_name.as_deref().is_some_and(|name| name != "scratch");
        let platforms = platforms(args, file)?;
        let site_packages = site_packages(args, file, &platforms)?;
        if !has_python && !site_packages.is_empty() {
            return Err(PlanError::NoPython("dependencies.site-packages"));
        }
        let (target, tags) = target(args, file)?;
        let app = app(args, file, has_python, &site_packages, target.as_ref())?;
        Ok(Self {
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
            site_packages,
            allow_missing: file.runtime.allow_missing.clone().unwrap_or_default(),
            allow_mixed: file.runtime.allow_mixed.unwrap_or(false),
            copies: copies(args, file)?,
            users: file.user.iter().flatten().map(user).collect(),
            directories: directories(file)?,
            image: settings(args, file, app.as_ref())?,
            app,
            compression: compression(args, file)?,
            timestamp: args.timestamp,
        })
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

fn refuse_what_is_not_there_yet(file: &File) -> Result<(), PlanError> {
    let dependencies = &file.dependencies;
    let hint = "install the packages into a folder for each platform (uv pip install --target), and name them in `site-packages`";
    let not_yet = |key| Err(PlanError::NotYet { key, hint });
    if dependencies.lock.is_some() {
        return not_yet("dependencies.lock");
    }
    if dependencies.wheelhouse.is_some() || dependencies.index.is_some() {
        return not_yet("dependencies.wheelhouse and index");
    }
    if dependencies.extras.is_some() || dependencies.groups.is_some() {
        return not_yet("dependencies.extras and groups");
    }
    if matches!(file.runtime.bytecode, Some(Bytecode::UncheckedHash)) {
        return Err(PlanError::NotYet { key: "runtime.bytecode", hint: "leave it out" });
    }
    Ok(())
}

/// The version asked for, or none for whatever fits; or no Python at all.
enum Wanted {
    Version(Option<String>),
    Off,
}

fn python(args: &Args, file: &File) -> Result<Wanted, PlanError> {
    let flag = args.python.as_deref().map(str::parse::<PythonChoice>).transpose();
    let asked = flag.map_err(|cause| PlanError::Flag { flag: "--python", cause })?.or_else(|| file.python.clone());
    Ok(match asked {
        Some(PythonChoice::Off) => Wanted::Off,
        Some(PythonChoice::Version(version)) => Wanted::Version(Some(version)),
        None => Wanted::Version(None),
    })
}

fn runtime(python: Wanted, file: &File) -> Option<Runtime> {
    let Wanted::Version(version) = python else { return None };
    Some(Runtime {
        version,
        exclude: file.runtime.exclude.clone().unwrap_or_default(),
        terminfo: file.runtime.terminfo.unwrap_or(false),
        dlopen: file.runtime.dlopen.clone().unwrap_or_default(),
    })
}

/// The names of base and builder.
fn images(args: &Args, file: &File, python: &Wanted) -> Result<(String, Option<String>), PlanError> {
    let base = args.base.clone().or_else(|| file.base.clone());
    let builder = args.builder.clone().or_else(|| file.builder.clone());
    let Wanted::Version(asked) = python else {
        let base = base.unwrap_or(releases::pair(releases::DEFAULT)?.base);
        return Ok((base, builder));
    };
    if builder.as_deref() == Some("scratch") {
        return Err(PlanError::ScratchBuilder);
    }
    if let (Some(base), Some(builder)) = (&base, &builder) {
        return Ok((base.clone(), Some(builder.clone())));
    }
    let version = asked
        .clone()
        .or_else(|| choose_python(args.python_version.as_deref(), args.requires_python.as_deref()))
        .unwrap_or_else(|| releases::DEFAULT.to_owned());
    let pair = releases::pair(&version)?;
    // One of the two given: the other follows its Debian release where its name tells.
    let release = base.as_deref().or(builder.as_deref()).and_then(releases::release_named);
    let pair = release.map_or(pair, |release| releases::pair_of(&version, release));
    Ok((base.unwrap_or(pair.base), Some(builder.unwrap_or(pair.builder))))
}

fn image_location(what: &str, name: &str, args: &Args) -> Result<Option<Location>, PlanError> {
    if name == "scratch" {
        return Ok(None);
    }
    let location = name.parse().map_err(|cause| PlanError::Location { what: what.to_owned(), cause })?;
    let from_flag = [&args.base, &args.builder].into_iter().flatten().any(|flag| flag == name);
    Ok(Some(if from_flag { location } else { below(&args.folder, location) }))
}

/// A layout's relative folder starts at the configuration's.
fn below(folder: &Path, location: Location) -> Location {
    match location {
        Location::Layout { folder: layout, name } => Location::Layout { folder: join(folder, &layout), name },
        registry @ Location::Registry(_) => registry,
    }
}

fn join(folder: &Path, path: &Path) -> PathBuf {
    if folder == Path::new(".") || folder.as_os_str().is_empty() { path.to_owned() } else { folder.join(path) }
}

fn target(args: &Args, file: &File) -> Result<(Option<Location>, Vec<String>), PlanError> {
    let parse =
        |text: &String| text.parse::<Location>().map_err(|cause| PlanError::Location { what: "to".to_owned(), cause });
    let target = match (&args.to, &file.to) {
        (Some(flag), _) => Some(parse(flag)?),
        (None, Some(text)) => Some(below(&args.folder, parse(text)?)),
        (None, None) if args.push => return Err(PlanError::NoTarget),
        (None, None) => None,
    };
    if let Some(Location::Registry(name)) = &target
        && name.digest.is_some()
    {
        return Err(PlanError::TargetDigest(name.to_string()));
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

/// distribution-spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128 && tag.bytes().next().is_some_and(word) && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn platforms(args: &Args, file: &File) -> Result<Vec<Platform>, PlanError> {
    let default = || vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    let (what, texts) = if args.platforms.is_empty() {
        ("platforms", file.platforms.clone().unwrap_or_else(default))
    } else {
        let flags = args.platforms.iter().flat_map(|flag| flag.split(','));
        ("--platform", flags.map(str::to_owned).collect())
    };
    let mut out: Vec<Platform> = Vec::new();
    for text in texts {
        let platform: Platform = text.parse().map_err(|cause| PlanError::Platform { what: what.to_owned(), cause })?;
        if platform.os != "linux" || platform.triplet().is_none() {
            return Err(PlanError::PlatformUnknown(platform));
        }
        if out.iter().any(|other| other.matches(&platform)) {
            return Err(PlanError::PlatformTwice(platform));
        }
        out.push(platform);
    }
    Ok(out)
}

fn site_packages(args: &Args, file: &File, platforms: &[Platform]) -> Result<BTreeMap<Platform, PathBuf>, PlanError> {
    let Some(folders) = &file.dependencies.site_packages else { return Ok(BTreeMap::new()) };
    let folder = |platform: &Platform| match folders {
        SitePackages::Shared(folder) => Some(folder.as_str()),
        SitePackages::PerPlatform(_) => folders.folder(platform),
    };
    let one = |platform: &Platform| {
        let folder = folder(platform).ok_or_else(|| PlanError::NoSitePackages(platform.clone()))?;
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

/// Site-packages and an output layout that lie below the application are no part of it.
fn app(
    args: &Args,
    file: &File,
    has_python: bool,
    site_packages: &BTreeMap<Platform, PathBuf>,
    target: Option<&Location>,
) -> Result<Option<App>, PlanError> {
    if !has_python && file.app == config::App::default() {
        return Ok(None);
    }
    let source = join(&args.folder, Path::new(file.app.source.as_deref().unwrap_or(".")));
    let layout = match target {
        Some(Location::Layout { folder, .. }) => Some(folder.clone()),
        _ => None,
    };
    let mut exclude = file.app.exclude.clone().unwrap_or_default();
    for folder in site_packages.values().chain(&layout) {
        let clean =
            |path: &Path| path.components().filter(|part| *part != std::path::Component::CurDir).collect::<PathBuf>();
        if let Ok(inside) = clean(folder).strip_prefix(clean(&source))
            && !inside.as_os_str().is_empty()
        {
            exclude.push(format!("{}/**", globset::escape(&inside.to_string_lossy())));
        }
    }
    Ok(Some(App {
        source,
        to: root_path("app.to", file.app.to.as_deref().unwrap_or("/app"))?,
        include: file.app.include.clone().unwrap_or_default(),
        exclude,
    }))
}

fn copies(args: &Args, file: &File) -> Result<Vec<Copy>, PlanError> {
    let one = |copy: &config::Copy| {
        Ok(Copy {
            from: join(&args.folder, Path::new(&copy.from)),
            to: root_path("copy.to", &copy.to)?,
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

fn settings(args: &Args, file: &File, app: Option<&App>) -> Result<Settings, PlanError> {
    let image = &file.image;
    if let Some(signal) = &image.stop_signal {
        let name = signal.strip_prefix("SIG").is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"+-".contains(&b))
        });
        if !name && !signal.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number)) {
            return Err(PlanError::Signal(signal.clone()));
        }
    }
    Ok(Settings {
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

fn compression(args: &Args, file: &File) -> Result<Compression, PlanError> {
    let bad = |cause| PlanError::Flag { flag: "--compression", cause };
    let flag: Option<config::Compression> = args.compression.as_deref().map(str::parse).transpose().map_err(bad)?;
    let kind = flag.or(file.layers.compression).unwrap_or_default();
    // A level belongs to the compression that the file names.
    let level =
        file.layers.level.filter(|_| flag.is_none() || flag == Some(file.layers.compression.unwrap_or_default()));
    let level = level.map(|level| kind.check_level(level)).transpose().map_err(bad)?;
    Ok(match kind {
        config::Compression::Zstd => level.map_or_else(Compression::default, |level| Compression::Zstd { level }),
        config::Compression::Gzip => Compression::gzip(level.and_then(|level| u32::try_from(level).ok())),
    })
}

fn root_path(key: &'static str, text: &str) -> Result<RootPath, PlanError> {
    RootPath::new(text).map_err(|cause| PlanError::Path { key, cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        Args { to: Some("ghcr.io/acme/shop:1".to_owned()), push: true, ..Args::default() }
    }

    fn plan(args: &Args, toml: &str) -> Result<Plan, PlanError> {
        Plan::new(args, &File::parse(toml, "carboy.toml").unwrap(), None)
    }

    fn error(args: &Args, toml: &str) -> String {
        plan(args, toml).unwrap_err().to_string()
    }

    #[test]
    fn a_plain_project_needs_only_a_target() {
        let plan = plan(&args(), "").unwrap();
        assert_eq!(plan.base_name, "gcr.io/distroless/cc-debian13:nonroot");
        assert_eq!(plan.builder_name.as_deref(), Some("python:3.13-slim-trixie"));
        assert_eq!(plan.tags, ["1"]);
        assert_eq!(plan.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
        assert_eq!((plan.image.workdir.as_str(), plan.compression), ("/app", Compression::Zstd { level: 3 }));
    }

    #[test]
    fn flags_win_over_the_file() {
        let toml = "to = 'r.io/x'\ntags = ['2']\npython = '3.11'\n[layers]\ncompression = 'gzip'\nlevel = 9\n[image]\nentrypoint = ['a']\ncmd = ['b']";
        let flags = Args {
            tags: vec!["3".to_owned()],
            platforms: vec!["linux/arm64,linux/x86_64".to_owned()],
            python: Some("3.12".to_owned()),
            compression: Some("zstd".to_owned()),
            entrypoint: Some(vec!["c".to_owned()]),
            ..args()
        };
        let plan = plan(&flags, toml).unwrap();
        assert_eq!(plan.target.unwrap().to_string(), "ghcr.io/acme/shop:1");
        assert_eq!(plan.tags, ["1", "3"]);
        assert_eq!(plan.platforms.len(), 2);
        assert_eq!(plan.builder_name.as_deref(), Some("python:3.12-slim-trixie"));
        assert_eq!(plan.compression, Compression::default());
        assert_eq!((plan.image.entrypoint, plan.image.cmd), (Some(vec!["c".to_owned()]), None));
    }

    #[test]
    fn python_is_found_out_when_it_is_not_said() {
        for (file, requires, builder) in [
            (Some("3.12.4\n"), Some(">=3.10"), "python:3.12-slim-trixie"),
            (None, Some(">=3.10"), "python:3.10-slim-trixie"),
        ] {
            let args = Args {
                python_version: file.map(str::to_owned),
                requires_python: requires.map(str::to_owned),
                ..args()
            };
            assert_eq!(plan(&args, "").unwrap().builder_name.as_deref(), Some(builder));
        }
    }

    #[test]
    fn one_of_base_and_builder_draws_the_other() {
        let base = plan(&args(), "base = 'gcr.io/distroless/cc-debian12'").unwrap();
        assert_eq!(base.builder_name.as_deref(), Some("python:3.13-slim-bookworm"));
        let builder = plan(&args(), "builder = 'python:3.11-slim-bookworm'\npython = '3.11'").unwrap();
        assert_eq!(builder.base_name, "gcr.io/distroless/cc-debian12:nonroot");
    }

    #[test]
    fn relative_paths_start_at_the_configuration() {
        let toml = "to = 'oci:out'\n[dependencies]\nsite-packages = 'build/site'\n[app]\nsource = 'src'";
        let args = Args { to: None, folder: PathBuf::from("proj"), ..args() };
        let plan = plan(&args, toml).unwrap();
        assert_eq!(plan.target.unwrap().to_string(), "oci:proj/out");
        assert_eq!(plan.app.unwrap().source, Path::new("proj/src"));
        assert_eq!(plan.site_packages.values().next().unwrap(), Path::new("proj/build/site"));
    }

    #[test]
    fn what_lies_in_the_application_and_is_no_part_of_it_stays_out() {
        let toml = "[dependencies]\nsite-packages = 'build/si[te'";
        let args = Args { to: Some("oci:./out".to_owned()), ..args() };
        let mut exclude = plan(&args, toml).unwrap().app.unwrap().exclude;
        exclude.dedup();
        assert_eq!(exclude, ["build/si[[]te/**", "out/**"]);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let none = Args { to: None, ..args() };
        assert!(error(&none, "").starts_with("no target"));
        assert!(plan(&Args { push: false, ..none }, "").unwrap().target.is_none());
        assert!(
            error(&args(), "[dependencies]\nlock = 'uv.lock'").contains("`dependencies.lock` is not supported yet")
        );
        let one = "[dependencies]\nsite-packages = { 'linux/amd64' = 'x' }";
        assert!(error(&args(), one).contains("no folder for linux/arm64"));
        assert!(error(&args(), "tags = ['a b']").contains("not a tag"));
        assert!(error(&args(), "platforms = ['linux/s390x']").contains("linux/s390x"));
        assert!(error(&args(), "python = false\n[[extract]]\npaths = ['/x']").contains("there is none"));
        assert!(error(&args(), "[image]\nstop-signal = 'TERM'").contains("not a signal"));
    }

    #[test]
    fn the_debug_profile_changes_the_base_alone() {
        let debug = plan(&args(), "").unwrap().debug().unwrap();
        assert_eq!(debug.base_name, "gcr.io/distroless/cc-debian13:debug-nonroot");
        assert_eq!(debug.base.unwrap().to_string(), debug.base_name);
        assert_eq!(debug.tags, ["1-debug"]);
        assert!(plan(&args(), "base = 'debian:12'").unwrap().debug().is_err());
    }
}
