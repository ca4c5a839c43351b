//! The flags that describe a project and its image, for every verb over a project, and the plans
//! made from them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args as ClapArgs};

use super::credentials::NamedImages;
use super::error::CliError;
use super::project_folder::ProjectFolder;
use super::{lock, member, path_check, project_root, unlocked};
use crate::config::{ConfigError, File, PackageIndex, version};
use crate::diagnostic::Diagnostic;
use crate::oci::{Architecture, Platform};
use crate::plan::{self, Args, Author, Engine, LoadArgs, LockFile, PathBounds, Plan, PlanError};
use crate::progress::{Progress, Silent};
use crate::python::normalised;
use crate::python::project::GivenVersions;
use crate::rootfs::Limits;
use crate::source::resolve_version;

/// 1980-01-01T00:00:00Z, the earliest time in zip files.
const EPOCH: u64 = 315_532_800;

// No doc comment: clap would take it for the verb's description.
#[derive(ClapArgs)]
pub struct ProjectArgs {
    /// The project's directory [default: the working directory]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A target: registry/repository[:tag], oci:FOLDER[:NAME], oci-archive:FILE[:NAME] or
    /// docker-archive:FILE[:REPOSITORY:TAG]; repeatable
    #[arg(long, env = "CARBOY_TO", value_name = "TARGET", value_delimiter = ',')]
    to: Vec<String>,
    /// One more tag to move; repeatable
    #[arg(long = "tag", env = "CARBOY_TAGS", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// always: an index, also over one platform; never: the plain manifest of the only platform
    /// [default: always]
    #[arg(long, env = "CARBOY_IMAGE_INDEX", value_name = "WHEN")]
    image_index: Option<String>,
    /// Platforms, comma-separated or repeated [default: linux/amd64,linux/arm64]
    #[arg(long = "platform", env = "CARBOY_PLATFORMS", value_name = "OS/ARCH", value_delimiter = ',')]
    pub platforms: Vec<String>,
    /// Python's version, such as 3.13, which chooses base and builder; or false
    #[arg(long, env = "CARBOY_PYTHON", value_name = "VERSION")]
    python: Option<String>,
    /// The image to build on
    #[arg(long, env = "CARBOY_BASE", value_name = "IMAGE")]
    base: Option<String>,
    /// The image to take Python and libraries out of
    #[arg(long, env = "CARBOY_BUILDER", value_name = "IMAGE")]
    builder: Option<String>,
    /// The configuration [default: carboy.toml, or pyproject.toml's [tool.carboy]]
    #[arg(long, env = "CARBOY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A [profile.NAME] of the configuration, `debug` or `default`; repeatable
    #[arg(long = "profile", env = "CARBOY_PROFILES", value_name = "NAME", value_delimiter = ',')]
    profiles: Vec<String>,
    /// The lock file [default: the one in the project's directory, or of the uv workspace]
    #[arg(long, env = "CARBOY_LOCK", value_name = "FILE")]
    lock: Option<PathBuf>,
    /// An extra of the project to install; repeatable
    #[arg(long = "extra", env = "CARBOY_EXTRAS", value_name = "NAME", value_delimiter = ',')]
    extras: Vec<String>,
    /// A dependency group to install too; repeatable
    #[arg(long = "group", env = "CARBOY_GROUPS", value_name = "NAME", value_delimiter = ',')]
    groups: Vec<String>,
    /// The member of the uv workspace to build [default: the project in the directory]
    #[arg(long, env = "CARBOY_MEMBER", value_name = "NAME")]
    member: Option<String>,
    /// The version of the project [default: what its files and git tags state]
    #[arg(long, env = "CARBOY_APP_VERSION", value_name = "VERSION")]
    app_version: Option<String>,
    /// A directory of wheels, searched before the index; repeatable
    #[arg(long, env = "CARBOY_WHEELHOUSE", value_name = "FOLDER", value_delimiter = ',')]
    wheelhouse: Vec<PathBuf>,
    /// The package index, or false for none [default: pip's and uv's own settings, then the lock
    /// file's]
    #[arg(long, env = "CARBOY_INDEX", value_name = "URL", hide_env_values = true)]
    index: Option<String>,
    /// A distribution that may be missing although another one requires it, or `true` for all; repeatable
    #[arg(
        long = "allow-missing-requirement",
        env = "CARBOY_ALLOW_MISSING_REQUIREMENTS",
        value_name = "NAME",
        value_delimiter = ','
    )]
    allow_missing_requirements: Vec<String>,
    /// Install what is locked, although the project's dependencies have changed
    #[arg(long, env = "CARBOY_ALLOW_STALE_LOCK", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1,
          default_missing_value = "true", require_equals = true)]
    allow_stale_lock: Option<bool>,
    /// A file or directory outside of the project that its files may name; repeatable
    #[arg(long, env = "CARBOY_ALLOW_OUTSIDE", value_name = "PATH", value_delimiter = ',')]
    allow_outside: Vec<PathBuf>,
    /// zstd or gzip [default: zstd]
    #[arg(long, env = "CARBOY_COMPRESSION", value_name = "KIND")]
    compression: Option<String>,
    /// The command that the image starts, instead of the configuration's entrypoint
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// The flags of `build` that decide on the outputs.
#[derive(Default)]
pub struct OutputRequest {
    pub push: Option<bool>,
    /// `--load`, with the engine that it names.
    pub load: Option<Engine>,
    pub push_by_digest: bool,
    /// Files that the run writes besides the image.
    pub written: Vec<PathBuf>,
}

impl OutputRequest {
    /// Asks for no output.
    pub fn none() -> Self {
        Self { push: Some(false), ..Self::default() }
    }
}

/// The lock file of a project, if it has one; the error of one that cannot be used.
type ReadLock = Result<Option<LockFile>, Box<Diagnostic>>;

impl ProjectArgs {
    /// Reads the directory and makes a plan for each profile. Only a plan to publish needs a target.
    ///
    /// # Errors
    /// A directory or configuration cannot be read; a plan is invalid.
    pub fn plans(&self, outputs: &OutputRequest, progress: &dyn Progress) -> Result<Vec<Plan>, CliError> {
        ProjectFolder::check_config(self.dir.as_deref(), self.config.as_deref())?;
        self.check_index()?;
        let folder = self.folder()?;
        let plans = self.of_profiles(&folder, outputs, progress)?;
        Ok(plans)
    }

    /// Returns the limits of the configuration, if it or its directory is named.
    ///
    /// # Errors
    /// A directory or configuration cannot be read.
    pub fn limits(&self) -> Result<Limits, CliError> {
        if self.dir.is_none() && self.config.is_none() {
            return Ok(Limits::default());
        }
        Ok(self.folder()?.file.limits)
    }

    /// Returns the images that flags and variables name.
    pub fn named_images(&self) -> NamedImages {
        let sources = self.base.iter().chain(&self.builder).cloned().collect();
        NamedImages { targets: self.to.clone(), sources, pushes: false }
    }

    /// Returns the bounds of the paths in the project's files.
    ///
    /// # Errors
    /// A path cannot be resolved.
    pub fn bounds(&self) -> Result<PathBounds, CliError> {
        let home = etcetera::home_dir().ok();
        project_root::bounds(self.dir.as_deref().unwrap_or(Path::new(".")), &self.allow_outside, home.as_deref())
    }

    /// Reads the directory. If it has no configuration, that of the member that a flag names counts,
    /// as if the member's directory were named.
    fn folder(&self) -> Result<ProjectFolder, CliError> {
        let root = ProjectFolder::read(self.dir.as_deref(), self.config.as_deref(), &self.allow_outside)?;
        let Some(name) = self.member.as_ref().filter(|_| !root.is_configured) else { return Ok(root) };
        let Ok(Some(lock)) = self.lock(&root, &root.file, &mut BTreeMap::new(), &Silent)? else { return Ok(root) };
        let member = member::find(&lock, name)?;
        let own = ProjectFolder::read(Some(&member.folder), None, &self.allow_outside)?;
        Ok(ProjectFolder { python_version: own.python_version.or(root.python_version), ..own })
    }

    /// Returns the lock file of a configuration: the one that is named, or else the one that is
    /// found. Profiles share it.
    fn lock(
        &self,
        folder: &ProjectFolder,
        file: &File,
        read: &mut BTreeMap<Option<PathBuf>, ReadLock>,
        progress: &dyn Progress,
    ) -> Result<ReadLock, CliError> {
        let configured = || file.dependencies.lock.as_ref().map(|name| plan::join(&folder.path, Path::new(name)));
        let named = self.lock.clone().or_else(configured);
        if let Some(lock) = read.get(&named) {
            return Ok(lock.clone());
        }
        let project = folder.project.as_ref();
        let found = match &named {
            Some(path) => Some(lock::at_path(path.clone(), &folder.path, project)?),
            None => lock::find(&folder.path, project, progress)?,
        };
        let by = if self.lock.is_some() { Author::User } else { Author::Project };
        let index = self.index.as_deref().map(PackageIndex::of_flag);
        let index = index.as_ref().and_then(PackageIndex::url);
        let lock = match found.map(|lock| lock.read(by, folder.bounds.clone(), index, progress)).transpose() {
            Err(CliError::Lock(error)) => Err(Box::new(error.diagnostic())),
            lock => Ok(lock?),
        };
        read.insert(named, lock.clone());
        Ok(lock)
    }

    /// Makes the member that is named the project of the plan.
    fn choose_member(&self, args: &mut Args, folder: &ProjectFolder, file: &File) -> Result<(), CliError> {
        let Some(name) = self.member.as_deref().or(file.dependencies.member.as_deref()) else { return Ok(()) };
        match &args.lock {
            Some(lock) if lock.member.as_deref() != Some(&normalised(name)) => {
                let member = member::find(lock, name)?;
                member::choose(args, folder, member)
            }
            Some(_) => Ok(()),
            None if args.invalid_lock => Ok(()),
            None => {
                Err(PlanError::NoLock(if self.member.is_some() { "--member" } else { "dependencies.member" }).into())
            }
        }
    }

    /// Finds the version of the project.
    fn resolve_version(&self, args: &mut Args, folder: &ProjectFolder, file: &File) -> Result<(), CliError> {
        let flag = self.app_version.as_deref().map(version).transpose();
        let flag = flag.map_err(|cause| PlanError::Flag { flag: "--app-version", cause })?;
        let place = args.member.as_ref().map_or_else(|| folder.path.clone(), |member| member.folder.clone());
        if let Some(project) = &mut args.project {
            let given = flag.as_deref().or(file.app.version.as_deref());
            resolve_version(project, (&place, &folder.bounds), given, &args.versions);
        }
        Ok(())
    }

    /// Refuses a package index that is meant for `--image-index`.
    fn check_index(&self) -> Result<(), CliError> {
        match self.index.as_deref() {
            Some(word @ ("always" | "never")) => Err(PlanError::PackageIndex(word.to_owned()).into()),
            _ => Ok(()),
        }
    }

    fn of_profiles(
        &self,
        folder: &ProjectFolder,
        outputs: &OutputRequest,
        progress: &dyn Progress,
    ) -> Result<Vec<Plan>, CliError> {
        let args = Args {
            folder: folder.path.clone(),
            to: self.to.clone(),
            tags: self.tags.clone(),
            image_index: self.image_index.clone(),
            push: outputs.push,
            load: outputs.load.as_ref().map(|engine| load(*engine, &folder.path)),
            push_by_digest: outputs.push_by_digest,
            written: outputs.written.clone(),
            platforms: self.platforms.clone(),
            python: self.python.clone(),
            base: self.base.clone(),
            builder: self.builder.clone(),
            compression: self.compression.clone(),
            lock: None,
            invalid_lock: false,
            errors: Vec::new(),
            unlocked: None,
            extras: self.extras.clone(),
            groups: self.groups.clone(),
            member: None,
            versions: GivenVersions::of(variables()),
            wheelhouse: self.wheelhouse.clone(),
            index: self.index.as_deref().map(PackageIndex::of_flag),
            allow_missing_requirements: self.allow_missing_requirements.clone(),
            allow_stale_lock: self.allow_stale_lock,
            config: folder.own_file.clone(),
            project: folder.project.clone(),
            dockerfile: folder.dockerfile.clone(),
            procfile: folder.procfile.clone(),
            entrypoint: (!self.command.is_empty()).then(|| self.command.clone()),
            python_version: folder.python_version.clone(),
            requires_python: folder.requires_python.clone(),
            runtime_txt: folder.runtime_txt.clone(),
            timestamp: timestamp()?,
        };
        let overridden = [
            ("to", !self.to.is_empty()),
            ("base", self.base.is_some()),
            ("builder", self.builder.is_some()),
            ("dependencies.lock", self.lock.is_some()),
            ("dependencies.wheelhouse", !self.wheelhouse.is_empty()),
        ];
        let mut read = BTreeMap::new();
        let mut plan = |file: &File, profile: Option<&str>| -> Result<Plan, CliError> {
            path_check::check(folder, file, &overridden)?;
            let wanted = plan::looks_for_lock(&args, file, self.lock.is_some())?;
            let lock = if wanted { self.lock(folder, file, &mut read, progress)? } else { Ok(None) };
            let mut args = match lock {
                Ok(None) => Args { unlocked: unlocked::find(folder)?, ..args.clone() },
                Ok(lock) => Args { lock, ..args.clone() },
                Err(error) => Args { invalid_lock: true, errors: vec![*error], ..args.clone() },
            };
            self.choose_member(&mut args, folder, file)?;
            self.resolve_version(&mut args, folder, file)?;
            Ok(Plan::new(&args, file, profile)?)
        };
        if self.profiles.is_empty() {
            return Ok(vec![plan(&folder.file, None)?]);
        }
        let one = |name: &String| {
            let named = Some(name.as_str()).filter(|name| *name != "default");
            match folder.file.with_profile(name) {
                Ok(file) => plan(&file, named),
                Err(ConfigError::NoProfile { .. }) if name == "debug" => Ok(plan(&folder.file, None)?.debug()?),
                Err(error) => Err(error.into()),
            }
        };
        self.profiles.iter().map(one).collect()
    }
}

/// Describes this machine and the project's directory to a plan that loads an image.
fn load(engine: Engine, folder: &Path) -> LoadArgs {
    let directory = folder.canonicalize().ok();
    let directory = directory.as_deref().and_then(Path::file_name);
    LoadArgs {
        engine,
        // Engines on other systems run Linux in a virtual machine of the same architecture.
        host: Architecture::known_as(std::env::consts::ARCH)
            .map_or_else(|| Platform::new("linux", std::env::consts::ARCH), Architecture::platform),
        directory: directory.map(|name| name.to_string_lossy().into_owned()),
    }
}

/// Returns the variables of the environment that are text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn timestamp() -> Result<u64, CliError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) if !text.is_empty() => text.parse().map_err(|_| CliError::Epoch(text)),
        _ => Ok(EPOCH),
    }
}
