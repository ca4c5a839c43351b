//! Checks that the image's user may reach, read and execute the files that the process opens.

use super::Startup;
use crate::compose::contents::root_path;
use crate::compose::reasons::Because;
use crate::diagnostic::{Code, some_of};
use crate::python::Interpreter;
use crate::rootfs::{Obstacle, Permission, RootPath};

/// The most unreadable files that a warning names.
const LISTED: usize = 4;

impl Startup<'_> {
    /// Checks the files that an interpreter opens before it runs the command.
    pub(super) fn check_python(&mut self, interpreter: &Interpreter) {
        if self.allowed(&interpreter.executable, "the interpreter", Permission::Execute).is_some() {
            self.check_libraries(&interpreter.executable);
        }
        let Interpreter { stdlib, purelib, platlib, .. } = interpreter;
        let dynload = stdlib.child(b"lib-dynload");
        let app = self.composition.cx.plan.app.as_ref().map(|app| &app.to);
        let folders = [stdlib, &dynload].map(|path| (path, "the standard library"));
        let site = [purelib, platlib].map(|path| (path, "site-packages"));
        for (folder, role) in folders.into_iter().chain(site).chain(app.map(|app| (app, "the application"))) {
            // Python opens files in it and lists their names.
            if self.allowed(folder, role, Permission::Execute).is_some() {
                self.allowed(folder, role, Permission::Read);
            }
        }
        for file in ["os.py", "encodings/__init__.py"].map(root_path) {
            self.allowed(&stdlib.join(&file), "needed to start Python", Permission::Read);
        }
        self.unreadable();
    }

    /// Warns about other files of Python and the dependencies that the user cannot read.
    fn unreadable(&mut self) {
        let files = self.composition.image.reasons.iter().filter(|(path, reason)| {
            matches!(reason.because, Because::Python | Because::Dependency | Because::NeededBy(_) | Because::Dlopen)
                && !self.closed.contains(*path)
                && self
                    .composition
                    .image
                    .tree
                    .get(path)
                    .is_some_and(|entry| entry.content().is_some() && !entry.permits(self.ids, Permission::Read))
        });
        let files: Vec<_> = files.map(|(path, _)| path.to_string()).collect();
        if !files.is_empty() {
            let (number, listed) = (files.len(), some_of(&files, LISTED));
            let noun = if number == 1 { "file" } else { "files" };
            self.warn(
                Code::NoPermission,
                format!("the image's user {} cannot read {number} {noun}: {listed}", self.process().user),
            );
        }
    }

    /// Returns the real path of an entry if the user has a permission for it; none if there is no
    /// entry or no permission. Reports a missing permission once for each directory or file.
    pub(super) fn allowed(&mut self, path: &RootPath, role: &str, permission: Permission) -> Option<RootPath> {
        let image = &self.composition.image.tree;
        let absolute = [b"/", path.as_bytes()].concat();
        let (closed, permission, verb) = match image.reach(&absolute, &self.workdir, self.ids) {
            Err(Obstacle::Closed(folder)) => (folder, Permission::Execute, "reach"),
            Err(Obstacle::Missing | Obstacle::Loop) => return None,
            Ok(real) if image.permits(&real, self.ids, permission) => return Some(real),
            Ok(real) => {
                let verb = match permission {
                    Permission::Read => "read",
                    Permission::Write => "write",
                    Permission::Execute if image.is_folder(&real) => "enter",
                    Permission::Execute => "execute",
                };
                (real, permission, verb)
            }
        };
        if !self.closed.insert(closed.clone()) {
            return None;
        }
        let meta = self.composition.image.tree.get(&closed).map(|entry| entry.meta.clone()).unwrap_or_default();
        let itself = self.composition.image.tree.resolve(path).is_ok_and(|real| real == closed);
        let subject = if itself { "it".to_owned() } else { format!("`{closed}`") };
        let text = format!(
            "the image's user {} cannot {verb} `{path}`, {role}: {subject} has mode {:04o} and owner {}:{}",
            self.process().user,
            meta.mode,
            meta.uid,
            meta.gid
        );
        let hint = self.opens(&closed, permission);
        self.error(Code::NoPermission, text, Some(hint));
        None
    }

    /// Returns the hint with the change that gives the user the permission.
    fn opens(&self, closed: &RootPath, permission: Permission) -> String {
        let (plan, image, user) = (&self.composition.cx.plan, &self.composition.image.tree, &self.process().user);
        let is_folder = image.is_folder(closed);
        let mode = if is_folder || permission == Permission::Execute { "0755" } else { "0644" };
        let leads = |path: &RootPath| image.resolve(path).ok();
        if let Some(directory) =
            plan.directories.iter().rfind(|directory| leads(&directory.path).as_ref() == Some(closed))
        {
            return format!(
                "set mode = \"{mode}\" or owner = \"{user}\" under the [[directory]] with path = \"{}\"",
                directory.path
            );
        }
        let is_copied = !is_folder
            && self.composition.image.reasons.get(closed).is_some_and(|reason| reason.because == Because::Application);
        let copy = plan.copies.iter().rfind(|copy| leads(&copy.to).is_some_and(|to| closed.strip(&to).is_some()));
        if let Some(copy) = copy.filter(|_| is_copied) {
            return format!("set mode = \"{mode}\" or owner = \"{user}\" under the [[copy]] with to = \"{}\"", copy.to);
        }
        let home = plan.users.iter().find(|user| leads(&root_path(&user.home)).as_ref() == Some(closed));
        if let Some(home) = home {
            let name = &home.name;
            return format!(
                "it is the home of `{name}`: set user = \"{name}\" under [image], or use another directory"
            );
        }
        let owner = image.get(closed).map(|entry| (entry.meta.uid, entry.meta.gid)).unwrap_or_default();
        let python = self.interpreter().filter(|interpreter| interpreter.executable.strip(closed).is_some());
        let elsewhere = match python {
            _ if *closed == self.workdir => "choose another `workdir` under [image]",
            Some(_) => {
                "use a builder that has Python in a directory that every user can read (uv: UV_PYTHON_INSTALL_DIR=/opt/python)"
            }
            None => "put it where every user can read it",
        };
        format!("{elsewhere}, or set user = \"{}:{}\" under [image]", owner.0, owner.1)
    }
}
