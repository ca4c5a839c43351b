//! The arguments of a plan: flags, environment variables and the files that `cli` has read.

use std::path::PathBuf;
use std::sync::Arc;

use super::{LoadArgs, PathBounds, Unlocked};
use crate::config::{PackageIndex, StatedPython};
use crate::diagnostic::Diagnostic;
use crate::python::dockerfile_build::DockerfileBuild;
use crate::python::lock::Lock;
use crate::python::project::{GivenVersions, ProjectMetadata};
use crate::python::releases;

/// The values of the command line and the environment, and the files of the project that `cli` has read.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// The directory of the configuration, the base of its relative paths.
    pub folder: PathBuf,
    pub to: Vec<String>,
    pub tags: Vec<String>,
    /// `always` or `never`.
    pub image_index: Option<String>,
    /// `--push`; without it, the targets are written to unless `--load` replaces them.
    pub push: Option<bool>,
    pub load: Option<LoadArgs>,
    /// No name of the image is written.
    pub push_by_digest: bool,
    /// Files that the run writes besides the image.
    pub written: Vec<PathBuf>,
    pub platforms: Vec<String>,
    pub python: Option<String>,
    pub base: Option<String>,
    pub builder: Option<String>,
    pub compression: Option<String>,
    /// The parsed lock file, if `dependencies.lock` names one or the project has one.
    pub lock: Option<LockFile>,
    /// `true` for a project with an unusable lock file; `errors` has the reason.
    pub invalid_lock: bool,
    /// Errors in the project's files that the build reports with its own.
    pub errors: Vec<Diagnostic>,
    /// Dependencies of a project without a lock file.
    pub unlocked: Option<Unlocked>,
    pub extras: Vec<String>,
    pub groups: Vec<String>,
    /// The member of the workspace to build.
    pub member: Option<WorkspaceMember>,
    /// Directories of wheels, relative to the working directory.
    pub wheelhouse: Vec<PathBuf>,
    /// The package index, or `false` for none.
    pub index: Option<PackageIndex>,
    /// Distributions that may be missing although another one requires them; `true` stands for all.
    pub allow_missing_requirements: Vec<String>,
    /// `allow-stale-lock`: permits a lock file that does not match its project.
    pub allow_stale_lock: Option<bool>,
    /// The path of the configuration, if it is a file of its own.
    pub config: Option<PathBuf>,
    /// The project as `pyproject.toml` describes it.
    pub project: Option<ProjectMetadata>,
    /// The versions that variables give to projects.
    pub versions: GivenVersions,
    /// The name and the text of the `Dockerfile` or `Containerfile`.
    pub dockerfile: Option<(String, String)>,
    /// The text of the `Procfile`.
    pub procfile: Option<String>,
    /// The arguments after `--`.
    pub entrypoint: Option<Vec<String>>,
    /// The text of `.python-version`.
    pub python_version: Option<String>,
    /// `requires-python` of `pyproject.toml`.
    pub requires_python: Option<String>,
    /// The text of Heroku's `runtime.txt`.
    pub runtime_txt: Option<String>,
    /// The modification time of every file in the image, in seconds since 1970.
    pub timestamp: u64,
}

impl Args {
    /// Returns the Python and the dependencies that the `Dockerfile` states.
    pub(super) fn dockerfile_build(&self) -> DockerfileBuild {
        self.dockerfile.as_ref().map(|(_, text)| DockerfileBuild::read(text)).unwrap_or_default()
    }

    /// Returns the version of Python that the project's files state.
    ///
    /// A version of the `Dockerfile` without images for it counts as none.
    pub(super) fn stated_python(&self) -> Option<String> {
        let dockerfile = self.dockerfile_build().python.filter(|version| releases::pair(version).is_ok());
        let stated = StatedPython {
            pin: self.python_version.as_deref(),
            dockerfile: dockerfile.as_deref(),
            runtime: self.runtime_txt.as_deref(),
            requires: self.requires_python.as_deref(),
        };
        stated.choose()
    }
}

/// A member of a uv workspace that is built from the root of the workspace.
#[derive(Clone, Debug)]
pub struct WorkspaceMember {
    /// Normalised.
    pub name: String,
    pub folder: PathBuf,
}

/// A parsed lock file with its location.
#[derive(Clone, Debug)]
pub struct LockFile {
    pub lock: Arc<Lock>,
    /// The directory of the file, the base of its relative paths.
    pub folder: PathBuf,
    /// The workspace member to build, if the file belongs to another project.
    pub member: Option<String>,
    /// The directories that paths in the lock file and in the project's files may lead to.
    pub bounds: Arc<PathBounds>,
}
