//! The application layer: the project's files, copies, accounts, folders.

use std::sync::Arc;

use super::error::BuildError;
use super::extract::Work;
use super::reasons::Because;
use super::run::Run;
use crate::plan::{App, Copy, Plan};
use crate::ports::{LocalKind, Walk, WalkRules};
use crate::progress::LayerKind;
use crate::python::Interpreter;
use crate::rootfs::accounts::{Accounts, Ids};
use crate::rootfs::{Content, Entry, Kind, Meta, RootPath};

/// The file in site-packages that makes the application importable from anywhere.
const PTH: &[u8] = b"carboy.pth";

/// A copy's files: one file, or a folder's.
pub enum Copied {
    File(crate::ports::LocalFile),
    Folder(Walk),
}

/// Lists the application's files, for all platforms.
pub async fn walk(run: &Arc<Run>, plan: &Plan) -> Result<Option<Walk>, BuildError> {
    let Some(app) = plan.app.clone() else { return Ok(None) };
    let folders = run.io.folders.clone();
    let rules =
        WalkRules { ignore_files: true, defaults: true, include: app.include.clone(), exclude: app.exclude.clone() };
    Ok(Some(run.blocking(move || folders.walk(&app.source, &rules)).await??))
}

/// Lists what `[[copy]]` names.
pub async fn copies(run: &Arc<Run>, plan: &Arc<Plan>) -> Result<Vec<Copied>, BuildError> {
    let (folders, plan) = (run.io.folders.clone(), plan.clone());
    let one = move |copy: &Copy| {
        if folders.is_folder(&copy.from) {
            folders.walk(&copy.from, &WalkRules::default()).map(Copied::Folder)
        } else {
            folders.file(&copy.from).map(Copied::File)
        }
    };
    let all = run.blocking(move || plan.copies.iter().map(one).collect::<Result<Vec<_>, _>>()).await?;
    Ok(all?)
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
        if let Some(interpreter) = interpreter {
            let line = format!("{}\n", app.to);
            self.put(&interpreter.purelib.child(PTH), Entry::bytes(0o644, line.into_bytes()))?;
        }
        Ok(())
    }

    /// Adds `[[user]]`s with their homes.
    pub fn users(&mut self, plan: &Plan) -> Result<(), BuildError> {
        for user in &plan.users {
            if let Err(cause) = self.accounts.add(user) {
                self.work.wrong(&BuildError::Account { key: "user.name".to_owned(), cause });
            }
        }
        if plan.users.is_empty() {
            return Ok(());
        }
        for (name, text) in
            [("etc/passwd", self.accounts.passwd().to_owned()), ("etc/group", self.accounts.group().to_owned())]
        {
            self.put(&root_path(name), Entry::bytes(0o644, text.into_bytes()))?;
        }
        for user in &plan.users {
            let meta = Meta { uid: user.uid, gid: user.gid, ..Meta::root(0o700) };
            let home = RootPath::new(&user.home).map_err(|cause| BuildError::read(&user.home, cause))?;
            self.ensure(&home, &Entry { meta, kind: Kind::Folder })?;
        }
        Ok(())
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
                    let mode = copy.mode.unwrap_or(if file.executable { 0o755 } else { 0o644 });
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
                    let mode = mode.unwrap_or(if file.executable { 0o755 } else { 0o644 });
                    owned(owner, mode, Kind::File(Content::Local(Arc::new(file.clone()))))
                }
            };
            let path = to.join(&below);
            if entry.is_folder() { self.ensure(&path, &entry)? } else { self.put(&path, entry)? }
        }
        Ok(())
    }

    fn put(&mut self, path: &RootPath, entry: Entry) -> Result<(), BuildError> {
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
