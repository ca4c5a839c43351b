//! The plan of one image.

use std::path::{Path, PathBuf};

use super::application::app;
use super::dependencies::{dependencies, looks_for_lock};
use super::extract::extracts;
use super::files::{copies, directories};
use super::image_settings::settings;
use super::images::{image_location, images};
use super::layers::{compression, split};
use super::no_lock_file::no_lock_file;
use super::outputs::Outputs;
use super::platforms::platforms;
use super::python_setting::PythonSetting;
use super::runtime::{ProjectPython, PythonRequest, check_unused, project_python, python, runtime};
use super::{
    AllowedMissing, App, Args, Copy, Dependencies, Directory, Extract, ImageSettings, LayerSplit, PlanError, Runtime,
};
use crate::config::{self, File};
use crate::diagnostic::Diagnostic;
use crate::oci::{CompressionLevel, Location, Platform};
use crate::python::project::GivenVersions;
use crate::rootfs::Limits;
use crate::rootfs::accounts::User;

/// The plan of one image for all its platforms.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The directory of the configuration, the base of its relative paths.
    pub folder: PathBuf,
    pub profile: Option<String>,
    pub outputs: Outputs,
    /// Files that the run writes besides the image.
    pub written: Vec<PathBuf>,
    pub platforms: Vec<Platform>,
    /// The base; `None` is `scratch`.
    pub base: Option<Location>,
    /// The name of the base as written, for messages and for the annotation `base.name`.
    pub base_name: String,
    pub builder: Option<Location>,
    pub builder_name: Option<String>,
    pub runtime: Option<Runtime>,
    pub project_python: ProjectPython,
    pub python_setting: PythonSetting,
    pub extracts: Vec<Extract>,
    pub dependencies: Dependencies,
    pub allow_missing: Vec<String>,
    /// Modules that may be missing although the program imports them.
    pub allow_missing_imports: Vec<String>,
    pub allow_mixed: bool,
    /// The distributions that may be missing although another one requires them.
    pub allow_missing_requirements: AllowedMissing,
    /// The application; `None` for an image without Python and without `[app]`.
    pub app: Option<App>,
    pub copies: Vec<Copy>,
    pub users: Vec<User>,
    pub directories: Vec<Directory>,
    pub image: ImageSettings,
    pub compression: CompressionLevel,
    pub split: LayerSplit,
    pub limits: Limits,
    pub timestamp: u64,
    /// Errors in the project's files. The build goes on to find more, and makes no image.
    pub errors: Vec<Diagnostic>,
    /// The versions that variables give to projects.
    pub versions: GivenVersions,
}

impl Plan {
    /// Makes the plan of one profile. `file` is the configuration with that profile applied.
    ///
    /// # Errors
    /// Returns the first invalid or contradictory setting.
    pub fn new(args: &Args, file: &File, profile: Option<&str>) -> Result<Self, PlanError> {
        looks_for_lock(args, file, false)?;
        let python = python(args, file)?;
        let has_python = matches!(python, PythonRequest::Version(_));
        let (base_name, builder_name) = images(args, file, &python)?;
        let has_builder = builder_name.as_deref().is_some_and(|name| name != "scratch");
        let (outputs, platforms) = Outputs::new(args, file, platforms(args, file)?)?;
        let dependencies = dependencies(args, file, &platforms, has_python)?;
        let unlocked = args.unlocked.as_ref().filter(|_| has_python && matches!(dependencies, Dependencies::None));
        let unlocked = unlocked.and_then(|unlocked| no_lock_file(unlocked, args, file));
        let dependencies = if unlocked.is_some() { Dependencies::Unknown } else { dependencies };
        if !has_python {
            check_unused(file)?;
        }
        let app = app(args, file, has_python, &dependencies)?;
        Ok(Self {
            folder: args.folder.clone(),
            profile: profile.map(str::to_owned),
            outputs,
            written: args.written.clone(),
            platforms,
            base: image_location("base", &base_name, args)?,
            base_name,
            builder: builder_name.as_deref().map(|name| image_location("builder", name, args)).transpose()?.flatten(),
            builder_name,
            runtime: runtime(python, file),
            project_python: project_python(args, file),
            python_setting: PythonSetting::of(args, file),
            extracts: extracts(args, file, has_builder)?,
            dependencies,
            allow_missing: file.runtime.allow_missing.clone().unwrap_or_default(),
            allow_missing_imports: file.app.allow_missing_imports.clone().unwrap_or_default(),
            allow_mixed: file.runtime.allow_mixed.unwrap_or(false),
            allow_missing_requirements: AllowedMissing::of(args, file),
            copies: copies(args, file)?,
            users: file.user.iter().flatten().map(user).collect(),
            directories: directories(file)?,
            image: settings(args, file, app.as_ref())?,
            app,
            compression: compression(args, file)?,
            split: split(file),
            limits: file.limits,
            timestamp: args.timestamp,
            errors: args.errors.iter().cloned().chain(unlocked).chain(stale_lock(args, file)).collect(),
            versions: args.versions.clone(),
        })
    }

    /// Returns the local files and directories that the run writes.
    #[must_use]
    pub fn output_paths(&self) -> Vec<PathBuf> {
        let targets = self.outputs.targets.iter().filter_map(|target| target.place.path());
        targets.map(Path::to_owned).chain(self.written.iter().cloned()).collect()
    }

    /// Returns the plan of the built-in profile `debug`: the same plan with the debug tag of the base.
    ///
    /// # Errors
    /// Returns an error for a base without a known debug variant. Only the tags of distroless images are known.
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
        self.outputs.add_suffix("-debug");
        Ok(self)
    }
}

/// Returns the error about a lock file that does not match its project, unless that is allowed.
fn stale_lock(args: &Args, file: &File) -> Option<Diagnostic> {
    let is_allowed = args.allow_stale_lock.or(file.dependencies.allow_stale_lock).unwrap_or(false);
    args.lock.as_ref().filter(|_| !is_allowed)?.lock.stale()
}

/// Returns an account of the configuration with its defaults.
fn user(user: &config::User) -> User {
    User {
        name: user.name.clone(),
        uid: user.uid,
        gid: user.gid.unwrap_or(user.uid),
        home: user.home.clone().unwrap_or_else(|| format!("/home/{}", user.name)),
    }
}
