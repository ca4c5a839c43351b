//! What a project is and what its image should be: the flags that every verb over a
//! project has, and the plans that come of them.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::error::CliError;
use super::folder::Folder;
use super::lock;
use crate::config::{ConfigError, Dependencies, File};
use crate::plan::{Args, LockFile, Plan, PlanError};
use crate::progress::Progress;
use crate::rootfs::Limits;

/// 1980-01-01T00:00:00Z, the earliest time that zip files can say.
const EPOCH: u64 = 315_532_800;

// No doc comment: clap would take it for the verb's description.
#[derive(ClapArgs)]
pub struct Project {
    /// The project's folder
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the image goes: registry/repository[:tag] or oci:FOLDER[:NAME]
    #[arg(long, env = "CARBOY_TO", value_name = "TARGET")]
    to: Option<String>,
    /// One more tag to move; repeatable
    #[arg(long = "tag", env = "CARBOY_TAGS", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
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
    /// The lock file [default: the one beside the configuration, or of the uv workspace]
    #[arg(long, env = "CARBOY_LOCK", value_name = "FILE")]
    lock: Option<PathBuf>,
    /// An extra of the project to install; repeatable
    #[arg(long = "extra", env = "CARBOY_EXTRAS", value_name = "NAME", value_delimiter = ',')]
    extras: Vec<String>,
    /// A dependency group to install too; repeatable
    #[arg(long = "group", env = "CARBOY_GROUPS", value_name = "NAME", value_delimiter = ',')]
    groups: Vec<String>,
    /// A folder of wheels, looked in first; repeatable
    #[arg(long, env = "CARBOY_WHEELHOUSE", value_name = "FOLDER", value_delimiter = ',')]
    wheelhouse: Vec<PathBuf>,
    /// The package index [default: pip's and uv's own settings, then the lock file's]
    #[arg(long, env = "CARBOY_INDEX", value_name = "URL", hide_env_values = true)]
    index: Option<String>,
    /// zstd or gzip [default: zstd]
    #[arg(long, env = "CARBOY_COMPRESSION", value_name = "KIND")]
    compression: Option<String>,
    /// What the image starts, instead of the configuration's entrypoint
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

impl Project {
    /// Reads the folder and makes a plan for each profile. Only a plan to `push` has
    /// to have a target.
    ///
    /// # Errors
    /// A folder or configuration that cannot be read; what cannot be planned.
    pub fn plans(&self, push: bool, progress: &dyn Progress) -> Result<Vec<Plan>, CliError> {
        let folder = Folder::read(self.dir.as_deref(), self.config.as_deref())?;
        self.of_profiles(&folder, push, progress)
    }

    /// What images may be, as the configuration says, if it or its folder is named.
    ///
    /// # Errors
    /// A folder or configuration that cannot be read.
    pub fn limits(&self) -> Result<Limits, CliError> {
        if self.dir.is_none() && self.config.is_none() {
            return Ok(Limits::default());
        }
        Ok(Folder::read(self.dir.as_deref(), self.config.as_deref())?.file.limits)
    }

    /// The lock file of a configuration: the one named, else the one found.
    fn lock(
        &self,
        folder: &Folder,
        file: &File,
        found: &mut Option<Option<LockFile>>,
        progress: &dyn Progress,
    ) -> Result<Option<LockFile>, CliError> {
        if let Some(path) = &self.lock {
            return lock::named(path.clone())?.read(progress).map(Some);
        }
        match &file.dependencies {
            Dependencies { lock: Some(_), site_packages: Some(_), .. } => Err(PlanError::TwoDependencies.into()),
            Dependencies { site_packages: Some(_), .. } => Ok(None),
            Dependencies { lock: Some(name), .. } => lock::named(folder.path.join(name))?.read(progress).map(Some),
            _ => {
                // Profiles share what is found.
                if found.is_none() {
                    let lock = lock::find(&folder.path, folder.project.as_ref(), progress)?;
                    *found = Some(lock.map(|lock| lock.read(progress)).transpose()?);
                }
                Ok(found.clone().flatten())
            }
        }
    }

    fn of_profiles(&self, folder: &Folder, push: bool, progress: &dyn Progress) -> Result<Vec<Plan>, CliError> {
        let args = Args {
            folder: folder.path.clone(),
            to: self.to.clone(),
            tags: self.tags.clone(),
            platforms: self.platforms.clone(),
            python: self.python.clone(),
            base: self.base.clone(),
            builder: self.builder.clone(),
            compression: self.compression.clone(),
            lock: None,
            extras: self.extras.clone(),
            groups: self.groups.clone(),
            wheelhouse: self.wheelhouse.clone(),
            index: self.index.clone(),
            project: folder.project.clone(),
            entrypoint: (!self.command.is_empty()).then(|| self.command.clone()),
            push,
            python_version: folder.python_version.clone(),
            requires_python: folder.requires_python.clone(),
            timestamp: timestamp()?,
        };
        let mut found = None;
        let mut plan = |file: &File, profile: Option<&str>| -> Result<Plan, CliError> {
            let lock = self.lock(folder, file, &mut found, progress)?;
            Ok(Plan::new(&Args { lock, ..args.clone() }, file, profile)?)
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

fn timestamp() -> Result<u64, CliError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) if !text.is_empty() => text.parse().map_err(|_| CliError::Epoch(text)),
        _ => Ok(EPOCH),
    }
}
