//! Checks that the image has the application that a server is started with.

use super::Startup;
use super::module_path::ModulePath;
use crate::compose::contents::root_path;
use crate::compose::reasons::Because;
use crate::diagnostic::{Code, Diagnostic};
use crate::python::server_command::{AppLocation, ServedApp, served};
use crate::python::{Command, Interpreter};
use crate::rootfs::RootPath;

/// The names of gunicorn's default configuration, and its settings that change the module path.
const GUNICORN: (&str, [&str; 3]) = ("gunicorn.conf.py", ["chdir", "pythonpath", "wsgi_app"]);

impl Startup<'_> {
    /// Checks the application of a server. `program` is its name, or the module after `-m`. The
    /// interpreter is called by a path, which may be one of a virtual environment.
    pub(super) fn check_server(
        &mut self,
        program: &str,
        arguments: &[String],
        (called, interpreter): (&RootPath, &Interpreter),
    ) {
        let arguments = match (program, arguments) {
            // Flask reads the application from the environment too.
            ("flask", [first, ..]) if !first.starts_with('-') => match self.variable("FLASK_APP") {
                Some(app) => &[vec!["--app".to_owned(), app.to_owned()], arguments.to_vec()].concat(),
                None => arguments,
            },
            _ => arguments,
        };
        let Some(app) = served(program, arguments) else { return };
        if program == "gunicorn" && self.gunicorn_is_configured(arguments) {
            return;
        }
        let start = app.workdir.and_then(|folder| self.below_workdir(folder)).unwrap_or(self.workdir.clone());
        match &app.location {
            AppLocation::File(file) => {
                let path = if file.starts_with('/') { root_path(file) } else { start.join(&root_path(file)) };
                // Flask and fastapi take a module's name without its ending.
                let names = [path.clone(), with_ending(&path)];
                let image = &self.composition.image.tree;
                if !file.contains("..") && !names.iter().any(|path| image.follow(path).is_some()) {
                    self.no_file(program, file, &path);
                }
            }
            AppLocation::Module(parts) => {
                let command = Command::parse(&[]);
                let mut path = self.module_path(called, &command, interpreter);
                let image = &self.composition.image.tree;
                let folders = app.folders.iter().filter_map(|folder| self.below_workdir(folder)).chain([start]);
                let folders: Vec<_> = folders.collect();
                for folder in folders {
                    path.open |= self.comes_later(&folder);
                    path.folders.extend(image.resolve(&folder));
                }
                self.check_module_of(program, &app, parts, &path, interpreter);
            }
        }
    }

    fn check_module_of(
        &mut self,
        program: &str,
        app: &ServedApp<'_>,
        parts: &[&str],
        path: &ModulePath,
        interpreter: &Interpreter,
    ) {
        if path.open || self.has_any(path, parts) {
            return;
        }
        let text = format!("{program} is started with `{}`, but the image has no module", app.reference);
        if !path.folders.iter().any(|folder| self.has_module(folder, parts[0])) {
            let hint = self.module_hint(parts[0], path, interpreter);
            self.error(Code::MissingModule, format!("{text} `{}`", parts[0]), Some(hint));
            return;
        }
        let name = parts.join(".");
        if self.is_closed_package(path, parts) {
            let hint = self.submodule_hint(path, parts);
            self.error(Code::MissingModule, format!("{text} `{name}`"), hint);
        } else {
            // A package may extend its own path while it is imported.
            self.warn(Code::MissingModule, format!("{text} `{name}`"));
        }
    }

    fn no_file(&mut self, program: &str, file: &str, path: &RootPath) {
        if self.comes_later(path) {
            return;
        }
        let text = format!("{program} is started with `{file}`, but the image has no `{path}`");
        let folder = path.parent().filter(|folder| file.starts_with('/') && self.may_be_mounted(folder));
        if folder.is_some() {
            self.found.push(Diagnostic::warning(Code::MissingScript, text));
        } else {
            let hint = self.script_hint(file, &path.to_string());
            self.error(Code::MissingScript, text, Some(hint));
        }
    }

    /// Returns whether a file of gunicorn's settings may change the module path.
    pub(in crate::compose::verify) fn gunicorn_is_configured(&self, arguments: &[String]) -> bool {
        let (default, settings) = GUNICORN;
        if arguments.iter().any(|word| word.starts_with("--paste")) {
            return true;
        }
        if self.variable("GUNICORN_CMD_ARGS").is_some_and(|more| settings.iter().any(|name| more.contains(name))) {
            return true;
        }
        let named = arguments.iter().enumerate().find_map(|(at, word)| match word.as_str() {
            "-c" | "--config" => Some(arguments.get(at + 1)?.as_str()),
            word => word.strip_prefix("--config=").or_else(|| word.strip_prefix("-c")),
        });
        let Some(path) = self.below_workdir(named.map_or(default, |name| name.trim_start_matches("file:"))) else {
            return true;
        };
        if named.is_some() && self.composition.image.tree.follow(&path).is_none() {
            return true; // a module, or a file that is mounted
        }
        match self.composition.cx.text(&self.composition.image.tree, &path) {
            Ok(text) => text.is_some_and(|text| settings.iter().any(|name| text.contains(name))),
            Err(_) => true,
        }
    }

    /// Returns whether a directory has the packages and the module of a name.
    pub(super) fn has_chain(&self, folder: &RootPath, parts: &[&str]) -> bool {
        let Some((last, packages)) = parts.split_last() else { return false };
        let folder = packages.iter().fold(folder.clone(), |folder, package| folder.child(package.as_bytes()));
        self.has_module(&folder, last)
    }

    pub(super) fn has_any(&self, path: &ModulePath, parts: &[&str]) -> bool {
        path.folders.iter().any(|folder| self.has_chain(folder, parts))
    }

    /// Returns whether the packages of a name are the application's own and do not change their
    /// path, so that only their directories have further modules.
    pub(super) fn is_closed_package(&self, path: &ModulePath, parts: &[&str]) -> bool {
        let image = &self.composition.image;
        let Some(folder) = path.folders.iter().find(|folder| self.has_module(folder, parts[0])) else { return false };
        let mut folder = folder.clone();
        for package in &parts[..parts.len() - 1] {
            folder = folder.child(package.as_bytes());
            let init = folder.child(b"__init__.py");
            if image.tree.follow(&init).is_none() {
                // A directory without this file may have more parts, and a module has none.
                return !image.tree.is_folder(&folder) || self.is_own_folder(&folder);
            }
            let is_own = image.reasons.get(&init).is_some_and(|reason| reason.because == Because::Application);
            let text = self.composition.cx.text(&image.tree, &init);
            if !is_own || !text.is_ok_and(|text| text.is_some_and(|text| !text.contains("__path__"))) {
                return false;
            }
        }
        true
    }

    fn is_own_folder(&self, folder: &RootPath) -> bool {
        let app = self.composition.cx.plan.app.as_ref();
        app.is_some_and(|app| folder.strip(&app.to).is_some())
    }

    pub(super) fn submodule_hint(&self, path: &ModulePath, parts: &[&str]) -> Option<String> {
        let (last, packages) = parts.split_last()?;
        let image = &self.composition.image.tree;
        let folders = path
            .folders
            .iter()
            .map(|folder| packages.iter().fold(folder.clone(), |folder, package| folder.child(package.as_bytes())));
        let names = folders
            .filter_map(|folder| image.resolve(&folder).ok())
            .flat_map(|folder| image.children(&folder).map(|(path, _)| path.to_string()).collect::<Vec<_>>());
        let stem = |path: String| Some(path.rsplit('/').next()?.split('.').next()?.to_owned());
        let names: Vec<_> = names.filter_map(stem).filter(|name| !name.starts_with("__")).collect();
        let near = crate::hint::nearest(last, names.iter().map(String::as_str))?;
        Some(format!("it has `{}`", packages.iter().copied().chain([near]).collect::<Vec<_>>().join(".")))
    }
}

fn with_ending(path: &RootPath) -> RootPath {
    root_path(&format!("{path}.py"))
}
