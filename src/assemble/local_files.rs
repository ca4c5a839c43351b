//! The local files of a plan: application, copies, wheels. All platforms share them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::build_outputs;
use super::context::Context;
use super::distributions;
use super::error::BuildError;
use super::input_keys::{add_local_file, add_walk, add_wheel};
use super::own_project;
use super::platform_build::PlatformBuild;
use super::python_facts::PythonFacts;
use super::start;
use crate::compose::{Application, CopiedFiles, KeyHasher, no_entrypoint};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::layer::budget::Budget;
use crate::plan::{App, Copy, Dependencies, Plan, join};
use crate::python::entrypoint::{EntrypointCandidates, Found};
use crate::python::normalised;
use crate::rootfs::{LeftOut, LocalKind, Walk};
use crate::source::{Folders, WalkRules};
use crate::wheels::{WheelFile, Wheels};

/// The local files of a plan.
pub struct LocalFiles {
    app: Option<LocalApplication>,
    pub copies: Arc<Vec<CopiedFiles>>,
    /// Wheels that `app.wheel` matches, of other projects of the workspace.
    pub member_wheels: Arc<Vec<WheelFile>>,
    /// The indexes and directories of wheels, if the plan needs any.
    pub wheels: Option<Arc<Wheels>>,
}

/// The application on this machine.
enum LocalApplication {
    /// Its files: the same for all platforms.
    Files(Arc<Walk>),
    /// Its wheels: one may fit each platform.
    Wheels(Vec<WheelFile>),
    /// Its wheels cannot be used: the build's errors have the reason.
    Unavailable,
}

/// The application of one platform, not opened yet.
pub enum ChosenApplication {
    Files(Application),
    Wheel(WheelFile),
    /// None of its wheels can be used: the build's errors have the reason.
    Unavailable,
}

impl LocalFiles {
    /// Lists the local files of a plan. Adds to `errors` if the application has no wheel, no
    /// entrypoint, or too many to choose from.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub async fn list(cx: &Arc<Context>, plan: &Arc<Plan>, errors: &Diagnostics) -> Result<Self, BuildError> {
        let mut member_wheels = Vec::new();
        let app = match application(cx, plan, errors, &mut member_wheels).await {
            Err(error @ BuildError::AppWheel { .. }) => {
                errors.extend(error.diagnostics());
                Some(LocalApplication::Unavailable)
            }
            app => app?,
        };
        let copies = Arc::new(copies(cx, plan).await?);
        let member_wheels = Arc::new(member_wheels);
        Ok(Self { app, copies, member_wheels, wheels: distributions::wheel_places(cx, plan)? })
    }

    /// Returns the files that are left out of the application and of copies.
    pub fn left_out(&self, plan: &Plan) -> LeftOut {
        let mut all = LeftOut::default();
        if let (Some(App { source, .. }), Some(LocalApplication::Files(walk))) = (&plan.app, &self.app) {
            all.add(source, walk.left_out.clone());
        }
        for (copy, copied) in plan.copies.iter().zip(self.copies.iter()) {
            if let CopiedFiles::Directory(walk) = copied {
                all.add(&copy.from, walk.left_out.clone());
            }
        }
        all
    }

    /// Returns the application of one platform. `names` are those of the locked distributions, if
    /// known. Adds an error to the build if no wheel fits.
    ///
    /// # Errors
    /// An internal error.
    pub async fn application(
        &self,
        build: &PlatformBuild,
        python: Option<&PythonFacts>,
        names: Option<BTreeSet<String>>,
    ) -> Result<Option<ChosenApplication>, BuildError> {
        let Some(app) = &self.app else { return Ok(None) };
        Ok(Some(match (app, python) {
            (LocalApplication::Unavailable, _) => ChosenApplication::Unavailable,
            (LocalApplication::Files(walk), _) => {
                let found = start_of(&build.cx, &build.plan, walk, names).await?;
                start::warn_of_unused(&build.cx, &found);
                ChosenApplication::Files(Application::Files { walk: walk.clone(), start: found.start })
            }
            (LocalApplication::Wheels(_), None) => return Ok(None),
            (LocalApplication::Wheels(found), Some(python)) => match distributions::own_wheel(found, &python.target) {
                Ok(file) => ChosenApplication::Wheel(file),
                Err(error) => {
                    build.errors.extend(error.diagnostics());
                    ChosenApplication::Unavailable
                }
            },
        }))
    }

    /// Adds copies to a key.
    pub fn add_copies_to(&self, key: KeyHasher) -> KeyHasher {
        key.each(&self.copies, |key, copied| match copied {
            CopiedFiles::File(file) => add_local_file(key.text("file"), file),
            CopiedFiles::Directory(walk) => add_walk(key.text("directory"), walk),
        })
    }
}

impl ChosenApplication {
    /// Adds all inputs of the application to a key.
    pub fn add_to(&self, key: KeyHasher) -> KeyHasher {
        match self {
            Self::Files(Application::Files { walk, start }) => add_walk(key.text("files").config(start), walk),
            Self::Files(Application::Wheel { .. }) => key.text("installed"),
            Self::Wheel(file) => add_wheel(key, file),
            Self::Unavailable => key.text("unavailable"),
        }
    }

    /// Opens the application's wheel, or returns its files; none if it has no wheel.
    ///
    /// # Errors
    /// As [`distributions::install`].
    pub async fn open(
        &self,
        build: &PlatformBuild,
        python: Option<&PythonFacts>,
    ) -> Result<Option<Application>, BuildError> {
        let (file, python) = match (self, python) {
            (Self::Files(app), _) => return Ok(Some(app.clone())),
            (Self::Unavailable, _) => return Ok(None),
            (Self::Wheel(file), Some(python)) => (file, python),
            (Self::Wheel(_), None) => return Err(BuildError::Internal("a wheel without Python".to_owned())),
        };
        let budget = Arc::new(Budget::new(&build.cx.limits, "files"));
        let installed = distributions::install(build, &python.interpreter, file.clone(), budget).await?;
        let start = match &build.plan.app {
            Some(app) if start::is_wanted(&build.plan) => {
                let found = start::of_wheel(&build.plan, app, &installed, &python.interpreter);
                start::warn_of_unused(&build.cx, &found);
                found.start
            }
            _ => Err(EntrypointCandidates::default()),
        };
        Ok(Some(Application::Wheel { installed: Arc::new(installed), start }))
    }
}

/// Finds the application. Adds the wheels of other projects that `app.wheel` matches to
/// `member_wheels`.
async fn application(
    cx: &Arc<Context>,
    plan: &Arc<Plan>,
    errors: &Diagnostics,
    member_wheels: &mut Vec<WheelFile>,
) -> Result<Option<LocalApplication>, BuildError> {
    let Some(app) = plan.app.clone() else { return Ok(None) };
    if let Some(pattern) = &app.wheel {
        check_source(cx, plan, &app).await?;
        let own;
        (own, *member_wheels) = by_project(plan, &app, own_wheels(cx, &app, pattern).await?);
        if !own.is_empty() {
            return Ok(Some(LocalApplication::Wheels(own)));
        }
    }
    let walk = walk_application(cx, plan, &app).await?;
    if let Some(project) = app.project.as_ref().filter(|_| plan.runtime.is_some()) {
        own_project::check(cx, (project, &app.source), &walk, errors);
    }
    let walk = Arc::new(walk);
    build_outputs::warn_of_missing(cx, plan, &app, &walk).await?;
    // With any server among the distributions. Each platform asks again, with its own.
    let found = start_of(cx, plan, &walk, None).await?;
    if let Err(candidates) = &found.start
        && start::is_wanted(plan)
        && plan.image.cmd.is_none()
    {
        start::warn_of_unused(cx, &found);
        errors.add(no_entrypoint(candidates));
    }
    Ok(Some(LocalApplication::Files(walk)))
}

/// Returns the command of an application whose files are copied; none if the plan names one.
async fn start_of(
    cx: &Arc<Context>,
    plan: &Arc<Plan>,
    walk: &Arc<Walk>,
    names: Option<BTreeSet<String>>,
) -> Result<Found, BuildError> {
    let (shared, plan, walk) = (cx.clone(), plan.clone(), walk.clone());
    let work = move || match &plan.app {
        Some(app) if start::is_wanted(&plan) => start::of_files(&shared, &plan, app, &walk, names.as_ref()),
        _ => Found { start: Err(EntrypointCandidates::default()), unused: Vec::new() },
    };
    cx.blocking(work).await
}

/// Checks the path of the application's directory.
async fn check_source(cx: &Arc<Context>, plan: &Plan, app: &App) -> Result<(), BuildError> {
    let (folders, project) = (cx.io.folders.clone(), plan.folder.clone());
    let (source, include) = (app.source.clone(), app.include.clone());
    Ok(cx.blocking(move || folders.check_named(&project, &source, &include)).await??)
}

/// Lists the application's files.
///
/// # Errors
/// A directory that cannot be read or may not be in an image.
pub async fn walk_application(cx: &Arc<Context>, plan: &Plan, app: &App) -> Result<Walk, BuildError> {
    check_source(cx, plan, app).await?;
    let rules = WalkRules {
        ignore_files: true,
        defaults: true,
        include: app.include.clone(),
        exclude: app.exclude.clone(),
        inputs: app.inputs.clone(),
        outputs: plan.output_paths(),
    };
    let (folders, source) = (cx.io.folders.clone(), app.source.clone());
    let walk = cx.blocking(move || folders.walk(&source, &rules)).await??;
    warn_of_passwords(cx, &app.source, &walk);
    Ok(walk)
}

/// Lists the wheels of the application.
///
/// # Errors
/// No file matches.
pub async fn own_wheels(cx: &Arc<Context>, app: &App, pattern: &str) -> Result<Vec<WheelFile>, BuildError> {
    let (folders, source, pattern) = (cx.io.folders.clone(), app.wheel_folder.clone(), pattern.to_owned());
    cx.blocking(move || wheels(folders.as_ref(), &source, &pattern)).await?
}

/// Divides wheels into those of the application and those of other projects that the lock file has as
/// directories. Wheels that are neither count as the application's, if it has no other.
pub fn by_project(plan: &Plan, app: &App, found: Vec<WheelFile>) -> (Vec<WheelFile>, Vec<WheelFile>) {
    let Some(name) = app.project.as_ref().and_then(|project| project.name.as_deref()) else {
        return (found, Vec::new());
    };
    let (own, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|file| distributions::is_of(file, &normalised(name)));
    let is_known = |file: &WheelFile| match &plan.dependencies {
        Dependencies::Locked(locked) => locked.lock.folders().any(|folder| distributions::is_of(file, folder)),
        _ => false,
    };
    let (members, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_known);
    if own.is_empty() && members.is_empty() { (others, members) } else { (own, members) }
}

/// Lists the wheels that match a path or glob below a directory.
fn wheels(folders: &Folders, source: &Path, pattern: &str) -> Result<Vec<WheelFile>, BuildError> {
    // Only the directory at the start of the pattern is searched.
    let (folder, glob) =
        pattern.rsplit_once('/').filter(|(folder, _)| !folder.contains(['*', '?', '[', '{'])).unwrap_or((".", pattern));
    let rules = WalkRules { include: vec![format!("/{glob}")], exclude: vec!["**".to_owned()], ..WalkRules::default() };
    let walk = folders.walk(&source.join(folder), &rules)?;
    let mut out = Vec::new();
    for local in walk.entries {
        let LocalKind::File(file) = local.kind else { continue };
        let name = String::from_utf8_lossy(&local.path).rsplit('/').next().unwrap_or_default().to_owned();
        out.push(WheelFile { name, path: file.path.into(), digest: file.digest, size: file.size, sdist: None });
    }
    if out.is_empty() {
        let text = format!("no file in `{}` matches `{pattern}`", source.display());
        return Err(BuildError::AppWheel { text, hint: "build it with: uv build --wheel" });
    }
    Ok(out)
}

/// Lists the files of `[[copy]]` tables. The default excludes apply to directories. A file that a
/// table names is copied, unless it is a link to a file of another name.
///
/// # Errors
/// A file or directory that cannot be read or may not be in an image.
pub async fn copies(cx: &Arc<Context>, plan: &Arc<Plan>) -> Result<Vec<CopiedFiles>, BuildError> {
    if plan.copies.is_empty() {
        return Ok(Vec::new());
    }
    let (folders, shared) = (cx.io.folders.clone(), plan.clone());
    let work =
        move || shared.copies.iter().map(|copy| copied(folders.as_ref(), &shared, copy)).collect::<Result<Vec<_>, _>>();
    let all = cx.blocking(work).await??;
    for (copy, copied) in plan.copies.iter().zip(&all) {
        if let CopiedFiles::Directory(walk) = copied {
            warn_of_passwords(cx, &copy.from, walk);
        }
    }
    Ok(all)
}

fn copied(folders: &Folders, plan: &Plan, copy: &Copy) -> Result<CopiedFiles, BuildError> {
    folders.check_named(&plan.folder, &copy.from, &copy.include)?;
    if !folders.is_folder(&copy.from) {
        return Ok(CopiedFiles::File(folders.file(&copy.from)?));
    }
    let (include, outputs) = (copy.include.clone(), plan.output_paths());
    let rules = WalkRules { defaults: true, include, outputs, ..WalkRules::default() };
    Ok(CopiedFiles::Directory(Arc::new(folders.walk(&copy.from, &rules)?)))
}

/// Warns about files that are left out because of a password and that the application may need.
fn warn_of_passwords(cx: &Context, folder: &Path, walk: &Walk) {
    for path in &walk.with_passwords {
        let path = join(folder, Path::new(String::from_utf8_lossy(path).as_ref()));
        let message = format!("`{}` is left out: a URL in it has a password", path.display());
        let hint = "name the file under `include` if the image needs it".to_owned();
        cx.warn(Diagnostic::warning(Code::PasswordInUrl, message).file(path.display()).hint(hint));
    }
}
