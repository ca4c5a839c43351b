//! The application of the image.

use std::path::{Path, PathBuf};

use super::dependencies::Dependencies;
use super::paths::{join, root_path};
use super::{Args, PlanError};
use crate::config::{self, File};
use crate::python::project::ProjectMetadata;
use crate::rootfs::RootPath;

/// The application's files.
#[derive(Clone, Debug)]
pub struct App {
    pub source: PathBuf,
    /// A path or glob below `source` of the wheels to install instead of the files.
    pub wheel: Option<String>,
    /// The project as `pyproject.toml` describes it.
    pub project: Option<ProjectMetadata>,
    pub to: RootPath,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// The configuration, the lock file, wheelhouses and site-packages. They are not part of the
    /// application even if they are below `source`: another version of a dependency changes only
    /// the layer of that dependency.
    pub inputs: Vec<PathBuf>,
}

/// Returns the application, if the image has one.
pub(super) fn app(
    args: &Args,
    file: &File,
    has_python: bool,
    dependencies: &Dependencies,
) -> Result<Option<App>, PlanError> {
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
