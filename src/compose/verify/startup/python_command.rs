//! Checks that the image has the script or module that Python runs.
//!
//! Source: `CPython`'s `Modules/main.c` (a script may be a directory or zip archive with
//! a `__main__`), `Lib/runpy.py`, `Lib/importlib/_bootstrap_external.py` (`FileFinder`).

use std::collections::BTreeSet;

use super::Startup;
use super::module_path::ModulePath;
use crate::compose::contents::root_path;
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::nearest;
use crate::python::{Command, CommandTarget, Interpreter};
use crate::rootfs::{Obstacle, Permission, RootPath};

impl Startup<'_> {
    /// Checks the script or module of an interpreter's command; modules only for the image's own
    /// interpreter.
    pub(super) fn check_python_command(
        &mut self,
        program: &RootPath,
        command: &Command<'_>,
        interpreter: Option<&Interpreter>,
    ) {
        match (command.starts, interpreter) {
            (CommandTarget::Script(path), _) => self.script(path),
            (CommandTarget::Module(name), Some(interpreter)) => {
                self.module(name, &self.module_path(program, command, interpreter), interpreter);
            }
            _ => {}
        }
    }

    fn script(&mut self, path: &str) {
        let image = &self.composition.image.tree;
        let place = self.below_workdir(path);
        let real = match image.reach(path.as_bytes(), &self.workdir, self.ids) {
            Ok(real) => real,
            Err(Obstacle::Closed(_)) => {
                let place = place.unwrap_or_default();
                self.allowed(&place, "the script to run", Permission::Read);
                return;
            }
            Err(Obstacle::Missing | Obstacle::Loop) => {
                self.no_script(path, place.as_ref());
                return;
            }
        };
        if image.is_folder(&real) {
            let main = ["__main__.py", "__main__.pyc"].map(|name| real.child(name.as_bytes()));
            if !main.iter().any(|main| image.follow(main).is_some()) && !self.comes_later(&real) {
                let text = format!("the command runs the directory `{real}`, but it has no `__main__.py`");
                self.error(Code::MissingScript, text, Some("name a file, or start a package with -m".to_owned()));
            }
            return;
        }
        self.allowed(&real, "the script to run", Permission::Read);
    }

    /// Reports a missing script, unless a mount may provide it.
    fn no_script(&mut self, path: &str, place: Option<&RootPath>) {
        if place.is_some_and(|place| self.comes_later(place)) {
            return;
        }
        let folder = place.filter(|_| path.starts_with('/')).and_then(RootPath::parent);
        let place = place.map_or_else(|| path.to_owned(), ToString::to_string);
        let text = format!("the command runs the script `{path}`, but the image has no `{place}`");
        if let Some(folder) = folder.filter(|folder| self.may_be_mounted(folder)) {
            let hint = format!("if it is mounted when the image runs, name `{folder}` in `volumes` under [image]");
            self.found.push(Diagnostic::warning(Code::MissingScript, text).hint(hint));
        } else {
            let hint = self.script_hint(path, &place);
            self.error(Code::MissingScript, text, Some(hint));
        }
    }

    /// Returns the directories that are mounted when the image runs.
    pub(in crate::compose::verify) fn mounted(&self) -> &BTreeSet<RootPath> {
        &self.mounted
    }

    /// Returns whether a known mount provides the path when the image runs.
    pub(super) fn comes_later(&self, path: &RootPath) -> bool {
        self.mounted.contains(path) || path.ancestors().iter().any(|folder| self.mounted.contains(folder))
    }

    /// Returns whether a directory may be mounted although no volume names it: the image does not
    /// have it, and it is not the application's.
    pub(super) fn may_be_mounted(&self, folder: &RootPath) -> bool {
        !folder.is_root() && !self.is_own(folder) && self.composition.image.tree.follow(folder).is_none()
    }

    /// Returns whether a path is below the application's directory or the working directory.
    fn is_own(&self, path: &RootPath) -> bool {
        let app = self.composition.cx.plan.app.as_ref().map(|app| &app.to);
        app.into_iter().chain([&self.workdir]).any(|own| path.strip(own).is_some())
    }

    pub(super) fn script_hint(&self, script: &str, place: &str) -> String {
        let image = &self.composition.image.tree;
        let wanted = root_path(place);
        let folder = wanted.parent().and_then(|folder| image.resolve(&folder).ok()).unwrap_or_default();
        let siblings: Vec<_> = image.children(&folder).map(|(path, _)| path.to_string()).collect();
        let app = self.composition.cx.plan.app.iter().flat_map(|app| image.below(&app.to));
        let deeper = app.map(|(path, _)| path).find(|path| path.name() == wanted.name());
        let near = nearest(place, siblings.iter().map(String::as_str)).map(str::to_owned);
        let mounted = "if it is mounted when the image runs, name its directory in `volumes` under [image]";
        if let Some(near) = deeper.map(ToString::to_string).or(near) {
            let mounted = if self.is_own(&wanted) { String::new() } else { format!("; {mounted}") };
            return format!("it has `{near}`{mounted}");
        }
        if script.contains(char::is_whitespace) {
            let words: Vec<_> = script.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            return format!("there is no shell in the image to split it: \"python\", {}", words.join(", "));
        }
        if script.starts_with('/') {
            return format!("an ignore file or `exclude` may leave the file out; {mounted}");
        }
        format!(
            "relative paths start at the working directory, {}; an ignore file or `exclude` may leave the file out; \
             {mounted}",
            self.process().workdir
        )
    }

    fn module(&mut self, name: &str, path: &ModulePath, interpreter: &Interpreter) {
        let parts: Vec<_> = name.split('.').collect();
        if path.open || name.starts_with('_') || parts.iter().any(|part| part.is_empty() || part.contains('/')) {
            return;
        }
        if !path.folders.iter().any(|folder| self.has_module(folder, parts[0])) {
            let text = format!("the command runs the module `{name}`, but the image has no `{}`", parts[0]);
            let hint = if name.contains(':') {
                format!("-m takes a module, as in: python -m gunicorn {name}")
            } else {
                self.module_hint(parts[0], path, interpreter)
            };
            self.error(Code::MissingModule, text, Some(hint));
        } else if !path.folders.iter().any(|folder| self.can_run(folder, &parts)) {
            let text = format!(
                "the command runs the module `{name}`, but the image has neither `{0}.py` nor `{0}/__main__.py`",
                parts.join("/")
            );
            if parts.len() > 1 && !self.has_any(path, &parts) && self.is_closed_package(path, &parts) {
                let hint = self.submodule_hint(path, &parts);
                self.error(Code::MissingModule, text, hint);
            } else {
                // A package may extend its own path while it is imported.
                self.warn(Code::MissingModule, text);
            }
        }
    }

    /// Returns whether a directory has a module of that name: a package, a namespace, source,
    /// bytecode or an extension.
    pub(super) fn has_module(&self, folder: &RootPath, name: &str) -> bool {
        let image = &self.composition.image.tree;
        let Ok(folder) = image.resolve(folder) else { return false };
        let is_there = |path: &RootPath| image.follow(path).is_some();
        let plain = [name.to_owned(), format!("{name}.py"), format!("{name}.pyc")];
        plain.iter().any(|name| is_there(&folder.child(name.as_bytes()))) || self.has_extension(&folder, name)
    }

    fn has_extension(&self, folder: &RootPath, name: &str) -> bool {
        let start = format!("{name}.");
        self.composition.image.tree.children(folder).any(|(path, _)| {
            path.name().is_some_and(|name| name.starts_with(start.as_bytes()) && name.ends_with(b".so"))
        })
    }

    /// Returns whether a directory has a module that `-m` can run: the module itself, or the
    /// `__main__` of a package.
    fn can_run(&self, folder: &RootPath, parts: &[&str]) -> bool {
        let image = &self.composition.image.tree;
        let Some((last, packages)) = parts.split_last() else { return false };
        let folder = packages.iter().fold(folder.clone(), |folder, package| folder.child(package.as_bytes()));
        let Ok(folder) = image.resolve(&folder) else { return false };
        let files = [".py", ".pyc", "/__main__.py", "/__main__.pyc"].map(|end| root_path(&format!("{last}{end}")));
        files.iter().any(|file| image.follow(&folder.join(file)).is_some()) || self.has_extension(&folder, last)
    }

    pub(super) fn module_hint(&self, name: &str, path: &ModulePath, interpreter: &Interpreter) -> String {
        let builder = self.composition.cx.builder_tree();
        let in_stdlib = |name: String| {
            let path = interpreter.stdlib.child(name.as_bytes());
            builder.is_some_and(|tree| tree.follow(&path).is_some())
        };
        if in_stdlib(name.to_owned()) || in_stdlib(format!("{name}.py")) {
            return format!("`{name}` is a part of the standard library that `exclude` or carboy leaves out");
        }
        let image = &self.composition.image.tree;
        let folders = path.folders.iter().filter_map(|folder| image.resolve(folder).ok());
        let names =
            folders.flat_map(|folder| image.children(&folder).map(|(path, _)| path.to_string()).collect::<Vec<_>>());
        let names: Vec<_> =
            names.filter_map(|path| Some(path.rsplit('/').next()?.split('.').next()?.to_owned())).collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("it has `{near}`"),
            None => format!("add the package that provides `{name}` to the dependencies"),
        }
    }
}
