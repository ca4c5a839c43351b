//! The application of the image.

use std::path::{Component, Path, PathBuf};

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
    /// A path or glob below `wheel_folder` of the wheels to install instead of the files.
    pub wheel: Option<String>,
    /// The directory that `wheel` is relative to.
    pub wheel_folder: PathBuf,
    /// The project as `pyproject.toml` describes it.
    pub project: Option<ProjectMetadata>,
    /// The name and the text of the `Dockerfile` or `Containerfile`.
    pub dockerfile: Option<(String, String)>,
    /// The text of the `Procfile`.
    pub procfile: Option<String>,
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
    let source = match (&file.app.source, &args.member) {
        (None, Some(member)) => member.folder.clone(),
        (source, _) => join(&args.folder, Path::new(source.as_deref().unwrap_or("."))),
    };
    let folder = args.member.as_ref().map_or_else(|| join(&args.folder, Path::new(".")), |one| one.folder.clone());
    Ok(Some(App {
        wheel: file.app.wheel.clone(),
        // The wheels of a workspace are built into the directory of its root.
        wheel_folder: if args.member.is_some() { join(&args.folder, Path::new(".")) } else { source.clone() },
        project: args.project.clone().map(|project| below(project, &folder, &source)),
        source,
        dockerfile: args.dockerfile.clone(),
        procfile: args.procfile.clone(),
        to: root_path("app.to", file.app.to.as_deref().unwrap_or("/app"))?,
        include: file.app.include.clone().unwrap_or_default(),
        exclude: file.app.exclude.clone().unwrap_or_default(),
        inputs: dependencies.local().into_iter().chain(args.config.clone()).collect(),
    }))
}

/// Keeps the version files of a project that are below the directory of the application, and makes
/// their paths relative to it.
fn below(mut project: ProjectMetadata, folder: &Path, source: &Path) -> ProjectMetadata {
    let clean = |path: &Path| path.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
    let Ok(inside) = clean(source).strip_prefix(clean(folder)).map(Path::to_owned) else { return project };
    project.resolved.files.retain_mut(|file| match Path::new(&file.path).strip_prefix(&inside) {
        Ok(path) => {
            file.path = path.to_string_lossy().into_owned();
            true
        }
        Err(_) => false,
    });
    project
}
