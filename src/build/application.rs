//! The application layer: the project's files, copies, accounts, folders.

use std::path::Path;
use std::sync::Arc;

use super::error::BuildError;
use super::extract::Work;
use super::problems::Problem;
use super::project;
use super::reasons::Because;
use super::run::Run;
use crate::diagnostic::Code;
use crate::plan::{App, Copy, Plan, join};
use crate::progress::LayerKind;
use crate::python::wheel::Installed;
use crate::python::{Interpreter, entrypoint};
use crate::rootfs::accounts::{Accounts, Ids, User};
use crate::rootfs::{Content, Entry, Kind, LeftOut, LocalKind, Meta, Permission, RootPath, Walk};
use crate::source::{Folders, WalkRules};
use crate::wheels::WheelFile;

/// The file in site-packages that makes the application importable from anywhere.
const PTH: &[u8] = b"carboy.pth";

/// How many of the base's volumes are looked at: more are nobody's.
const BASE_VOLUMES: usize = 16;

/// The home of accounts that have none, as Debian's `nobody`.
pub(super) const NO_HOME: &str = "/nonexistent";

/// A copy's files: one file, or a folder's.
pub enum Copied {
    File(crate::rootfs::LocalFile),
    Folder(Walk),
}

/// The application on the user's disk: its files, or the wheels that it may be installed
/// from.
#[derive(Clone, Debug)]
pub enum Local {
    Files {
        walk: Walk,
        /// What is started when nobody says.
        start: Option<Vec<String>>,
    },
    Wheels(Vec<WheelFile>),
}

/// What stays behind of the application and of what is copied.
pub fn left_out(plan: &Plan, app: Option<&Local>, copies: &[Copied]) -> LeftOut {
    let mut all = LeftOut::default();
    if let (Some(App { source, .. }), Some(Local::Files { walk, .. })) = (&plan.app, app) {
        all.add(source, walk.left_out.clone());
    }
    for (copy, copied) in plan.copies.iter().zip(copies) {
        if let Copied::Folder(walk) = copied {
            all.add(&copy.from, walk.left_out.clone());
        }
    }
    all
}

/// Lists the application's files, for all platforms.
///
/// # Errors
/// A folder that cannot be read; no wheel; nothing to start, or too much to choose from.
pub async fn local(run: &Arc<Run>, plan: &Plan) -> Result<Option<Local>, BuildError> {
    let Some(app) = plan.app.clone() else { return Ok(None) };
    let folders = run.io.folders.clone();
    let (shared, project, source, include) =
        (folders.clone(), plan.folder.clone(), app.source.clone(), app.include.clone());
    run.blocking(move || shared.check_named(&project, &source, &include)).await??;
    if let Some(pattern) = app.wheel.clone() {
        let found = run.blocking(move || wheels(folders.as_ref(), &app.source, &pattern)).await??;
        return Ok(Some(Local::Wheels(found)));
    }
    if let Some(name) =
        app.project.as_ref().filter(|project| project.version.is_none()).and_then(|one| one.name.as_ref())
        && plan.runtime.is_some()
    {
        run.warn_once(format!(
            "importlib.metadata does not find {name}: pyproject.toml has no version of it, which only its build backend knows; \
             wheel = \"dist/*.whl\" under [app] takes the wheel that this made"
        ));
    }
    let rules = WalkRules {
        ignore_files: true,
        defaults: true,
        include: app.include.clone(),
        exclude: app.exclude.clone(),
        inputs: app.inputs.clone(),
        outputs: plan.outputs(),
    };
    let source = app.source.clone();
    let walk = run.blocking(move || folders.walk(&source, &rules)).await??;
    warn_of_passwords(run, &app.source, &walk);
    let start = if plan.image.entrypoint.is_none() && plan.runtime.is_some() {
        let found = entrypoint::start(app.project.as_ref(), names(&walk));
        Some(found.map_err(BuildError::NoEntrypoint)?.command(&app.to.to_string()))
    } else {
        None
    };
    Ok(Some(Local::Files { walk, start }))
}

/// The files of a walk whose names are text.
pub fn names(walk: &Walk) -> impl Iterator<Item = &str> + Clone {
    let files = walk.entries.iter().filter(|entry| !matches!(entry.kind, LocalKind::Folder));
    files.filter_map(|entry| std::str::from_utf8(&entry.path).ok())
}

/// The wheels that a path or glob below a folder names.
fn wheels(folders: &Folders, source: &Path, pattern: &str) -> Result<Vec<WheelFile>, BuildError> {
    // Only the folder that the pattern begins with is looked through.
    let (folder, glob) =
        pattern.rsplit_once('/').filter(|(folder, _)| !folder.contains(['*', '?', '[', '{'])).unwrap_or((".", pattern));
    let rules = WalkRules { include: vec![format!("/{glob}")], exclude: vec!["**".to_owned()], ..WalkRules::default() };
    let walk = folders.walk(&source.join(folder), &rules)?;
    let mut out = Vec::new();
    for local in walk.entries {
        let LocalKind::File(file) = local.kind else { continue };
        let name = String::from_utf8_lossy(&local.path).rsplit('/').next().unwrap_or_default().to_owned();
        out.push(WheelFile { name, path: file.path.into(), digest: file.digest, size: file.size });
    }
    if out.is_empty() {
        let text = format!("there is no `{pattern}` below `{}`", source.display());
        return Err(BuildError::AppWheel { text, hint: "build it with: uv build --wheel" });
    }
    Ok(out)
}

/// Lists what `[[copy]]` names. A folder is not copied with what never belongs into an
/// image; a file that is named itself is, unless it is a link to something of another name.
pub async fn copies(run: &Arc<Run>, plan: &Arc<Plan>) -> Result<Vec<Copied>, BuildError> {
    if plan.copies.is_empty() {
        return Ok(Vec::new());
    }
    let (folders, shared) = (run.io.folders.clone(), plan.clone());
    let work =
        move || shared.copies.iter().map(|copy| copied(folders.as_ref(), &shared, copy)).collect::<Result<Vec<_>, _>>();
    let all = run.blocking(work).await??;
    for (copy, copied) in plan.copies.iter().zip(&all) {
        if let Copied::Folder(walk) = copied {
            warn_of_passwords(run, &copy.from, walk);
        }
    }
    Ok(all)
}

/// Tells of files that the application may miss.
fn warn_of_passwords(run: &Run, folder: &Path, walk: &Walk) {
    for path in &walk.with_passwords {
        let path = join(folder, Path::new(String::from_utf8_lossy(path).as_ref()));
        run.warn_once(format!(
            "`{}` is left out: a URL in it has a password; name the file under `include` if the image needs it",
            path.display()
        ));
    }
}

fn copied(folders: &Folders, plan: &Plan, copy: &Copy) -> Result<Copied, BuildError> {
    folders.check_named(&plan.folder, &copy.from, &copy.include)?;
    if !folders.is_folder(&copy.from) {
        return Ok(Copied::File(folders.file(&copy.from)?));
    }
    let (include, outputs) = (copy.include.clone(), plan.outputs());
    let rules = WalkRules { defaults: true, include, outputs, ..WalkRules::default() };
    Ok(Copied::Folder(folders.walk(&copy.from, &rules)?))
}

/// The layer in the making.
pub(super) struct Application<'a, 'b> {
    pub work: &'a mut Work<'b>,
    pub accounts: Accounts,
    /// Files put so far, by real path.
    pub files: Vec<RootPath>,
}

impl Application<'_, '_> {
    /// Adds the project's files and makes them importable.
    pub fn app(&mut self, app: &App, walk: &Walk, interpreter: Option<&Interpreter>) -> Result<(), BuildError> {
        self.ensure(&app.to, &Entry::folder(0o755))?;
        self.walked(&app.to, walk, None, Ids { uid: 0, gid: 0 })?;
        let Some(interpreter) = interpreter else { return Ok(()) };
        let roots = app.project.clone().unwrap_or_default().roots(names(walk));
        let roots = roots.iter().filter(|root| !root.is_empty()).map(|root| format!("{}/{root}", app.to));
        let lines: String = std::iter::once(app.to.to_string()).chain(roots).map(|line| line + "\n").collect();
        self.put(&interpreter.purelib.child(PTH), Entry::bytes(0o644, lines.into_bytes()))?;
        let Some(project) = &app.project else { return Ok(()) };
        let known = project::known(project, interpreter).map_err(|cause| BuildError::Project {
            name: project.name.clone().unwrap_or_default(),
            folder: app.source.clone(),
            cause,
        })?;
        for (path, entry) in known {
            self.put(&path, entry)?;
        }
        Ok(())
    }

    /// Adds the project as it is installed from a wheel.
    pub fn installed(&mut self, installed: &Installed) -> Result<(), BuildError> {
        for (path, entry) in &installed.entries {
            self.put(path, entry.clone())?;
        }
        Ok(())
    }

    /// Adds `[[user]]`s, and those of `more` whose uid is nobody's, with their homes.
    pub fn users(&mut self, plan: &Plan, more: &[User]) -> Result<(), BuildError> {
        for user in &plan.users {
            if let Err(cause) = self.accounts.add(user) {
                self.work.wrong(&BuildError::Account { key: "user.name".to_owned(), cause });
            }
        }
        let more: Vec<_> = more.iter().filter(|user| self.accounts.add_missing(user)).collect();
        if plan.users.is_empty() && more.is_empty() {
            return Ok(());
        }
        for (name, text) in
            [("etc/passwd", self.accounts.passwd().to_owned()), ("etc/group", self.accounts.group().to_owned())]
        {
            let path = root_path(name);
            let old = self.work.image.follow(&path).filter(|(_, entry)| entry.content().is_some());
            let meta = old.map_or_else(|| Meta::root(0o644), |(_, entry)| entry.meta.clone());
            self.put(&path, Entry { meta, ..Entry::bytes(0o644, text.into_bytes()) })?;
        }
        for user in plan.users.iter().chain(more.iter().copied().filter(|user| user.home != NO_HOME)) {
            let meta = Meta { uid: user.uid, gid: user.gid, ..Meta::root(0o700) };
            let home = RootPath::new(&user.home).map_err(|cause| BuildError::read(&user.home, cause))?;
            // Nobody asked for the other accounts: they must not stop a build.
            if more.contains(&user) && !self.has_room(&home) {
                continue;
            }
            self.ensure(&home, &Entry { meta, kind: Kind::Folder })?;
        }
        Ok(())
    }

    /// Whether a folder is at a path or can be made there: nothing but folders on the way.
    fn has_room(&self, path: &RootPath) -> bool {
        let image = &self.work.image;
        let Ok(real) = image.resolve(path) else { return false };
        let there = |path: &RootPath| path.is_root() || image.get(path).is_some();
        std::iter::successors(Some(real), RootPath::parent).find(there).is_some_and(|path| image.is_folder(&path))
    }

    /// Adds `[[copy]]`s.
    pub fn copies(&mut self, plan: &Plan, copied: &[Copied]) -> Result<(), BuildError> {
        for (copy, copied) in plan.copies.iter().zip(copied) {
            let owner = self.ids("copy.owner", &copy.owner);
            match copied {
                Copied::Folder(walk) => {
                    self.ensure(&copy.to, &owned(owner, 0o755, Kind::Folder))?;
                    self.walked(&copy.to, walk, copy.mode, owner)?;
                }
                Copied::File(file) => {
                    let mode = copy.mode.unwrap_or(file.mode());
                    let real = self.work.resolve(&copy.to)?;
                    let to = match copy.from.file_name().filter(|_| self.work.image.is_folder(&real)) {
                        Some(name) => copy.to.child(name.as_encoded_bytes()),
                        None => copy.to.clone(),
                    };
                    self.put(&to, owned(owner, mode, Kind::File(Content::Local(Arc::new(file.clone())))))?;
                }
            }
        }
        Ok(())
    }

    /// Adds `[[directory]]`s.
    pub fn directories(&mut self, plan: &Plan) -> Result<(), BuildError> {
        for directory in &plan.directories {
            let owner = self.ids("directory.owner", &directory.owner);
            self.put(&directory.path, owned(owner, directory.mode, Kind::Folder))?;
        }
        Ok(())
    }

    /// Adds volumes' folders: what is there keeps mode and owner. A runtime gives a new
    /// volume the content, mode and owner of the image's folder.
    pub fn volumes(&mut self, plan: &Plan, user: Ids) -> Result<(), BuildError> {
        for volume in plan.image.volumes.iter().map(|volume| root_path(volume)) {
            let real = self.work.resolve(&volume)?;
            let image = &self.work.image;
            if image.get(&real).is_some() && !image.is_folder(&real) {
                let text = format!("the volume `{volume}` is a file in the image, not a directory");
                let hint = Some("name its directory under `volumes`".to_owned());
                self.work.problems.push(Problem::told(Code::InvalidVolume, text, hint));
                continue;
            }
            self.ensure(&volume, &owned(user, 0o755, Kind::Folder))?;
            if let Some(why) = self.unwritable(&real, user) {
                self.work.warn(format!(
                    "the image's user {}:{} cannot write the volume `{volume}`, {why}; a [[directory]] of that path sets both",
                    user.uid, user.gid
                ));
            }
        }
        Ok(())
    }

    /// Warns of the base's volumes that the image's user cannot write, where the base has
    /// another user. What a runtime makes for a volume is root's.
    pub fn base_volumes(&mut self, plan: &Plan, user: Ids) {
        let config = &self.work.inputs.base.config;
        if config.user().is_some_and(|of_base| self.accounts.ids(of_base).is_ok_and(|of_base| of_base.uid == user.uid))
        {
            return;
        }
        let others = config
            .volumes()
            .map(root_path)
            .filter(|volume| !volume.is_root() && !plan.image.volumes.iter().any(|own| root_path(own) == *volume));
        for volume in others.take(BASE_VOLUMES) {
            let Ok(real) = self.work.image.resolve(&volume) else { continue };
            if let Some(why) = self.unwritable(&real, user) {
                self.work.warn(format!(
                    "the image's user {0}:{1} cannot write the base's volume `{volume}`, {why}; \
                     a [[directory]] with path = \"{volume}\" and owner = \"{0}:{1}\" changes that",
                    user.uid, user.gid
                ));
            }
        }
    }

    /// Why a user cannot make files in a folder, a real path; none if it can.
    fn unwritable(&self, real: &RootPath, user: Ids) -> Option<String> {
        let image = &self.work.image;
        let can = |permission| real.is_root() || image.permits(real, user, permission);
        if can(Permission::Write) && can(Permission::Execute) {
            return None;
        }
        let Some(Entry { meta, .. }) = image.get(real) else {
            return Some("which is not in the image, so that a runtime makes it for root".to_owned());
        };
        Some(format!("which has mode {:04o} and owner {}:{}", meta.mode, meta.uid, meta.gid))
    }

    /// Numbers of a user by name, the ones added included; root's for one that is not
    /// there, which ends the build.
    pub fn ids(&mut self, key: &str, text: &str) -> Ids {
        self.accounts.ids(text).unwrap_or_else(|cause| {
            self.work.wrong(&BuildError::Account { key: key.to_owned(), cause });
            Ids { uid: 0, gid: 0 }
        })
    }

    /// Adds a folder unless it is there: what is there keeps mode and owner.
    pub fn ensure(&mut self, path: &RootPath, folder: &Entry) -> Result<(), BuildError> {
        let real = self.work.resolve(path)?;
        if !self.work.image.is_folder(&real) {
            self.put(path, folder.clone())?;
        }
        Ok(())
    }

    fn walked(&mut self, to: &RootPath, walk: &Walk, mode: Option<u32>, owner: Ids) -> Result<(), BuildError> {
        for local in &walk.entries {
            let below = RootPath::new(&local.path)
                .map_err(|cause| BuildError::read(String::from_utf8_lossy(&local.path), cause))?;
            let entry = match &local.kind {
                LocalKind::Folder => owned(owner, 0o755, Kind::Folder),
                LocalKind::Link(target) => owned(owner, 0o777, Kind::Link(target.clone())),
                LocalKind::File(file) => {
                    let mode = mode.unwrap_or(file.mode());
                    owned(owner, mode, Kind::File(Content::Local(Arc::new(file.clone()))))
                }
            };
            let path = to.join(&below);
            if entry.is_folder() { self.ensure(&path, &entry)? } else { self.put(&path, entry)? }
        }
        Ok(())
    }

    fn put(&mut self, path: &RootPath, entry: impl Into<Arc<Entry>>) -> Result<(), BuildError> {
        let real = self.work.put(LayerKind::Application, path, entry, Because::Application)?;
        self.files.push(real);
        Ok(())
    }
}

fn owned(Ids { uid, gid }: Ids, mode: u32, kind: Kind) -> Entry {
    Entry { meta: Meta { uid, gid, ..Meta::root(mode) }, kind }
}

/// A path known to be one.
pub fn root_path(name: &str) -> RootPath {
    RootPath::new(name).unwrap_or_default()
}
