//! Installs path dependencies of a lock file from their directories.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::BuildError;
use super::platform_build::PlatformBuild;
use crate::compose::{Contents as _, install_project, left_out_of_project};
use crate::plan::PathBounds;
use crate::python::lock::Pinned;
use crate::python::project::ProjectError;
use crate::python::wheel::Installed;
use crate::python::{Interpreter, normalised};
use crate::rootfs::{Content, LeftOut};
use crate::source::{WalkRules, read_project, resolve_version};

/// The most bytes of a `pyproject.toml`.
const LIMIT: u64 = 16 << 20;

/// Installs a project of pure Python from its directory.
///
/// # Errors
/// `Project` for a project that needs a build; a directory that cannot be read.
pub async fn install(
    build: &PlatformBuild,
    interpreter: &Interpreter,
    pinned: &Pinned,
    (folder, bounds): (PathBuf, Arc<PathBounds>),
) -> Result<Installed, BuildError> {
    let (cx, plan) = (&build.cx, &build.plan);
    let app = plan.app.as_ref();
    let rules = WalkRules {
        ignore_files: true,
        defaults: true,
        include: app.map(|app| app.include.clone()).unwrap_or_default(),
        outputs: plan.output_paths(),
        ..WalkRules::default()
    };
    let (root, shared) = (app.map(|app| app.source.clone()), cx.clone());
    let versions = plan.versions.clone();
    let (folders, interpreter, name) = (cx.io.folders.clone(), interpreter.clone(), pinned.name.clone());
    let work = move || {
        let walk = folders.walk(&folder, &rules);
        let walk = walk.map_err(|cause| BuildError::Local { what: name.clone(), cause })?;
        let error = |cause| BuildError::Project { name: name.clone(), folder: folder.clone(), cause };
        let path = folder.join("pyproject.toml");
        let text = match folders.file(&path) {
            Ok(local) => {
                let text = shared.tars.read(&Content::Local(Arc::new(local)), LIMIT);
                let text = text.map_err(|cause| BuildError::read(path.display(), cause))?;
                Some(String::from_utf8_lossy(&text).into_owned())
            }
            Err(_) => None,
        };
        let mut project = read_project(&folder, &bounds, text.as_deref()).map_err(error)?;
        resolve_version(&mut project, (&folder, &bounds), None, &versions);
        match &project.name {
            Some(other) if normalised(other) != name => Err(error(ProjectError::OtherName(other.clone()))),
            _ => {
                let installed = install_project(&project, &walk, &interpreter).map_err(error)?;
                let mut left_out = left_out_of_project(&project, &walk).map_err(error)?;
                // The application's walk counts the files below the application's directory.
                if root.is_some_and(|root| folders.is_within(&folder, &root)) {
                    left_out = LeftOut { tracked: left_out.tracked, ..LeftOut::default() };
                }
                shared.leaves_out(folder.clone(), left_out);
                Ok(installed)
            }
        }
    };
    cx.blocking(work).await?
}
