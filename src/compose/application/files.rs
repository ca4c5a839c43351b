//! Adds the application's files, copies and directories.

use std::sync::Arc;

use super::draft::ApplicationDraft;
use super::inputs::CopiedFiles;
use super::project;
use crate::compose::contents::Result;
use crate::compose::contents::unreadable;
use crate::compose::dependencies::private_key_warning;
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint as _;
use crate::plan::App;
use crate::python::project::GeneratedFile;
use crate::python::wheel::Installed;
use crate::rootfs::accounts::Ids;
use crate::rootfs::{Content, Entry, Kind, LocalEntry, LocalKind, Meta, RootPath, Walk};

/// The file in site-packages that puts the application on `sys.path`.
const PTH: &[u8] = b"carboy.pth";

impl ApplicationDraft<'_, '_> {
    /// Adds the project's files and makes them importable.
    pub(super) fn add_project(&mut self, app: &App, walk: &Walk) -> Result<()> {
        self.ensure(&app.to, &Entry::folder(0o755))?;
        let generated = app.project.as_ref().map(|project| project.resolved.files.as_slice()).unwrap_or_default();
        let is_generated = |path: &[u8]| generated.iter().any(|file| file.path.as_bytes() == path);
        let entries = walk.entries.iter().filter(|entry| !is_generated(&entry.path));
        self.add_entries(&app.to, entries, None, Ids { uid: 0, gid: 0 })?;
        self.add_generated(app, generated)?;
        let Some(interpreter) = &self.draft.cx.interpreter else { return Ok(()) };
        let roots = app.project.clone().unwrap_or_default().roots(walk.file_names());
        let roots = roots.iter().filter(|root| !root.is_empty()).map(|root| format!("{}/{root}", app.to));
        let lines: String = std::iter::once(app.to.to_string()).chain(roots).map(|line| line + "\n").collect();
        self.put(&interpreter.purelib.child(PTH), Entry::bytes(0o644, lines.into_bytes()))?;
        let Some(described) = &app.project else { return Ok(()) };
        // A package that is imported by another name than its directory's.
        for (place, path) in described.renamed(walk.file_names()) {
            let (place, path) = (relative(&place)?, relative(&path)?);
            let from = if place.as_bytes().contains(&b'/') { &app.to } else { &interpreter.purelib };
            let target = app.to.join(&path).to_string();
            self.put(&from.join(&place), Entry::link(target.into_bytes()))?;
        }
        let metadata = project::metadata(described, interpreter).map_err(|error| {
            let name = described.name.clone().unwrap_or_default();
            let message = format!("cannot install {name} from `{}`", app.source.display());
            Diagnostic::caused(Code::InvalidProject, message, &error).distribution(name).hint(error.hint())
        });
        for (path, entry) in metadata? {
            self.put(&path, entry)?;
        }
        Ok(())
    }

    /// Adds the files that the project's build backend would write.
    fn add_generated(&mut self, app: &App, files: &[GeneratedFile]) -> Result<()> {
        for file in files {
            self.put(&app.to.join(&relative(&file.path)?), Entry::bytes(0o644, file.text.clone().into_bytes()))?;
        }
        Ok(())
    }

    /// Adds the files of the project's installed wheel.
    pub(super) fn add_installed(&mut self, installed: &Installed) -> Result<()> {
        for warning in &installed.warnings {
            self.draft.warn(Code::WheelOddity, warning);
        }
        self.draft
            .changes
            .facts
            .diagnostics
            .extend(private_key_warning(&installed.to_string(), &installed.private_keys));
        for (path, entry) in &installed.entries {
            self.put(path, entry.clone())?;
        }
        Ok(())
    }

    /// Adds the files of `[[copy]]` tables.
    pub(super) fn add_copies(&mut self, copies: &[CopiedFiles]) -> Result<()> {
        for (copy, copied) in self.draft.cx.plan.copies.iter().zip(copies) {
            let owner = self.ids("copy.owner", &copy.owner);
            match copied {
                CopiedFiles::Directory(walk) => {
                    self.ensure(&copy.to, &owned(owner, 0o755, Kind::Folder))?;
                    self.add_entries(&copy.to, walk.entries.iter(), copy.mode, owner)?;
                }
                CopiedFiles::File(file) => {
                    let mode = copy.mode.unwrap_or(file.mode());
                    let real = self.draft.resolve(&copy.to)?;
                    let to = match copy.from.file_name().filter(|_| self.draft.image.tree.is_folder(&real)) {
                        Some(name) => copy.to.child(name.as_encoded_bytes()),
                        None => copy.to.clone(),
                    };
                    self.put(&to, owned(owner, mode, Kind::File(Content::Local(Arc::new(file.clone())))))?;
                }
            }
        }
        Ok(())
    }

    /// Adds the directories of `[[directory]]` tables.
    pub(super) fn add_directories(&mut self) -> Result<()> {
        for directory in &self.draft.cx.plan.directories {
            let owner = self.ids("directory.owner", &directory.owner);
            self.put(&directory.path, owned(owner, directory.mode, Kind::Folder))?;
        }
        Ok(())
    }

    fn add_entries<'w>(
        &mut self,
        to: &RootPath,
        entries: impl Iterator<Item = &'w LocalEntry>,
        mode: Option<u32>,
        owner: Ids,
    ) -> Result<()> {
        for local in entries {
            let below =
                RootPath::new(&local.path).map_err(|cause| unreadable(String::from_utf8_lossy(&local.path), cause))?;
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
}

/// Returns a path below a directory.
fn relative(path: &str) -> Result<RootPath> {
    RootPath::new(path).map_err(|cause| unreadable(path, cause))
}

/// Makes an entry that belongs to a user.
pub(super) fn owned(Ids { uid, gid }: Ids, mode: u32, kind: Kind) -> Entry {
    Entry { meta: Meta { uid, gid, ..Meta::root(mode) }, kind }
}
