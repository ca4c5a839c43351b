//! Whether the image has the script or module that Python is to run.
//!
//! Source: `CPython`'s `Modules/main.c` (a script may be a directory or zip archive with
//! a `__main__`), `Lib/runpy.py`, `Lib/importlib/_bootstrap_external.py` (`FileFinder`),
//! `Lib/site.py` (`.pth` files, whose `import` lines may make anything importable).

use super::application::root_path;
use super::start::Start;
use crate::hint::nearest;
use crate::python::{Command, Interpreter, Starts};
use crate::rootfs::{Obstacle, Permission, RootPath};

/// Folders that the runtime fills.
const MOUNTED: [&str; 5] = ["proc", "dev", "sys", "run", "tmp"];
/// A `.pth` file of setuptools whose `import` line finds no modules.
const HARMLESS: &[u8] = b"distutils-precedence.pth";

/// Where modules are looked for.
struct ModulePath {
    folders: Vec<RootPath>,
    /// Whether modules may come from elsewhere too.
    open: bool,
}

impl Start<'_, '_> {
    /// Checks what an interpreter is to run; a module only for the image's own.
    pub(super) fn python_command(&mut self, command: &Command<'_>, interpreter: Option<&Interpreter>) {
        match (command.starts, interpreter) {
            (Starts::Script(path), _) => self.script(path),
            (Starts::Module(name), Some(interpreter)) => self.module(name, command, interpreter),
            _ => {}
        }
    }

    fn script(&mut self, path: &str) {
        let image = &self.work.image;
        let below = RootPath::new(path).ok();
        let place = below.map(|below| if path.starts_with('/') { below } else { self.workdir.join(&below) });
        let real = match image.reach(path.as_bytes(), &self.workdir, self.ids) {
            Ok(real) => real,
            Err(Obstacle::Closed(_)) => {
                let place = place.unwrap_or_default();
                self.allowed(&place, "which Python is to run", Permission::Read);
                return;
            }
            Err(Obstacle::Missing | Obstacle::Loop) => {
                if place.as_ref().is_none_or(|place| !self.comes_later(place)) {
                    let place = place.map_or_else(|| path.to_owned(), |place| place.to_string());
                    let hint = self.script_hint(path, &place);
                    self.wrong(format!("Python is to run `{path}`, and the image has no `{place}`"), Some(hint));
                }
                return;
            }
        };
        if image.is_folder(&real) {
            let main = ["__main__.py", "__main__.pyc"].map(|name| real.child(name.as_bytes()));
            if !main.iter().any(|main| image.follow(main).is_some()) && !self.comes_later(&real) {
                let text = format!("Python is to run the folder `{real}`, which has no `__main__.py`");
                self.wrong(text, Some("name a file, or start a package with -m".to_owned()));
            }
            return;
        }
        self.allowed(&real, "which Python is to run", Permission::Read);
    }

    /// Whether something may be mounted there.
    fn comes_later(&self, path: &RootPath) -> bool {
        let base = self.work.inputs.base.config.volumes();
        let volumes = self.process.volumes.iter().map(String::as_str).chain(base).chain(MOUNTED);
        volumes.map(root_path).any(|volume| !volume.is_root() && path.strip(&volume).is_some())
    }

    fn script_hint(&self, script: &str, place: &str) -> String {
        let image = &self.work.image;
        let wanted = root_path(place);
        let folder = wanted.parent().and_then(|folder| image.resolve(&folder).ok()).unwrap_or_default();
        let siblings: Vec<_> = image.children(&folder).map(|(path, _)| path.to_string()).collect();
        let app = self.work.plan.app.iter().flat_map(|app| image.below(&app.to));
        let deeper = app.map(|(path, _)| path).find(|path| path.name() == wanted.name());
        let near = nearest(place, siblings.iter().map(String::as_str)).map(str::to_owned);
        if let Some(near) = deeper.map(ToString::to_string).or(near) {
            return format!("it has `{near}`");
        }
        if script.contains(char::is_whitespace) {
            let words: Vec<_> = script.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            return format!("there is no shell in the image to split it: \"python\", {}", words.join(", "));
        }
        format!(
            "relative paths start at the working directory, {}; an ignore file or `exclude` may leave the file out",
            self.process.workdir
        )
    }

    fn module(&mut self, name: &str, command: &Command<'_>, interpreter: &Interpreter) {
        let path = self.module_path(command, interpreter);
        let parts: Vec<_> = name.split('.').collect();
        if path.open || name.starts_with('_') || parts.iter().any(|part| part.is_empty() || part.contains('/')) {
            return;
        }
        if !path.folders.iter().any(|folder| self.has_module(folder, parts[0])) {
            let text = format!("Python is to run the module `{name}`, and the image has no `{}`", parts[0]);
            let hint = self.module_hint(parts[0], &path, interpreter);
            self.wrong(text, Some(hint));
        } else if !path.folders.iter().any(|folder| self.can_run(folder, &parts)) {
            // A package may extend its own path while it is imported.
            self.warnings.push(format!(
                "Python is to run the module `{name}`, and the image has neither `{0}.py` nor `{0}/__main__.py`",
                parts.join("/")
            ));
        }
    }

    /// Where the interpreter looks for modules: `sys.path` as `site` leaves it.
    fn module_path(&self, command: &Command<'_>, interpreter: &Interpreter) -> ModulePath {
        let image = &self.work.image;
        let mut out = ModulePath { folders: Vec::new(), open: false };
        if !command.safe_path {
            out.folders.push(self.workdir.clone());
        }
        let set = self.process.env.iter().find_map(|line| line.strip_prefix("PYTHONPATH="));
        for entry in set.filter(|_| !command.ignores_environment).into_iter().flat_map(|set| set.split(':')) {
            match RootPath::new(entry) {
                Ok(below) if entry.starts_with('/') => out.folders.push(below),
                Ok(below) => out.folders.push(self.workdir.join(&below)),
                Err(_) => out.open = true,
            }
        }
        let Interpreter { stdlib, purelib, platlib, .. } = interpreter;
        let debian = root_path(&format!("usr/lib/python{}/dist-packages", interpreter.major()));
        let below = |name: &[u8]| stdlib.child(name);
        out.folders.extend([stdlib.clone(), below(b"lib-dynload"), below(b"lib-tk"), below(b"plat-linux2")]);
        out.folders.extend([
            purelib.clone(),
            platlib.clone(),
            below(b"site-packages"),
            below(b"dist-packages"),
            debian,
        ]);
        for site in [purelib, platlib] {
            let Ok(site) = image.resolve(site) else { continue };
            let names = image.children(&site).map(|(path, _)| path);
            let files: Vec<_> = names.filter(|path| path.as_bytes().ends_with(b".pth")).cloned().collect();
            for file in files.iter().filter(|file| file.name() != Some(HARMLESS)) {
                self.pth(&site, file, &mut out);
            }
        }
        // An archive's names are not looked at.
        let is_file = |path: &RootPath| image.follow(path).is_some_and(|(_, entry)| !entry.is_folder());
        out.open |= out.folders.iter().any(is_file);
        out.open |= out.folders.iter().any(|folder| self.comes_later(folder));
        out
    }

    /// The lines of a `.pth` file.
    fn pth(&self, site: &RootPath, file: &RootPath, out: &mut ModulePath) {
        // A file that is not text is left to `site`.
        let Ok(text) = self.work.text(&self.work.image, file) else {
            out.open = true;
            return;
        };
        for line in text.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.starts_with('#')) {
            match RootPath::new(line) {
                _ if line.is_empty() => {}
                _ if line.starts_with("import ") || line.starts_with("import\t") => out.open = true,
                Ok(below) if line.starts_with('/') => out.folders.push(below),
                Ok(below) => out.folders.push(site.join(&below)),
                Err(_) => out.open = true,
            }
        }
    }

    /// Whether a folder has a module of that name: a package, a namespace, source,
    /// bytecode or an extension.
    fn has_module(&self, folder: &RootPath, name: &str) -> bool {
        let image = &self.work.image;
        let Ok(folder) = image.resolve(folder) else { return false };
        let is_there = |path: &RootPath| image.follow(path).is_some();
        let plain = [name.to_owned(), format!("{name}.py"), format!("{name}.pyc")];
        plain.iter().any(|name| is_there(&folder.child(name.as_bytes()))) || self.has_extension(&folder, name)
    }

    fn has_extension(&self, folder: &RootPath, name: &str) -> bool {
        let start = format!("{name}.");
        self.work.image.children(folder).any(|(path, _)| {
            path.name().is_some_and(|name| name.starts_with(start.as_bytes()) && name.ends_with(b".so"))
        })
    }

    /// Whether a folder has what `-m` runs: the module, or the `__main__` of a package.
    fn can_run(&self, folder: &RootPath, parts: &[&str]) -> bool {
        let image = &self.work.image;
        let Some((last, packages)) = parts.split_last() else { return false };
        let folder = packages.iter().fold(folder.clone(), |folder, package| folder.child(package.as_bytes()));
        let Ok(folder) = image.resolve(&folder) else { return false };
        let files = [".py", ".pyc", "/__main__.py", "/__main__.pyc"].map(|end| root_path(&format!("{last}{end}")));
        files.iter().any(|file| image.follow(&folder.join(file)).is_some()) || self.has_extension(&folder, last)
    }

    fn module_hint(&self, name: &str, path: &ModulePath, interpreter: &Interpreter) -> String {
        let builder = self.work.builder().map(|builder| &self.work.donors[builder].image.tree);
        let in_stdlib = |name: String| {
            let path = interpreter.stdlib.child(name.as_bytes());
            builder.is_some_and(|tree| tree.follow(&path).is_some())
        };
        if in_stdlib(name.to_owned()) || in_stdlib(format!("{name}.py")) {
            return format!("`{name}` is a part of the standard library that `exclude` or carboy leaves out");
        }
        let image = &self.work.image;
        let folders = path.folders.iter().filter_map(|folder| image.resolve(folder).ok());
        let names =
            folders.flat_map(|folder| image.children(&folder).map(|(path, _)| path.to_string()).collect::<Vec<_>>());
        let names: Vec<_> =
            names.filter_map(|path| Some(path.rsplit('/').next()?.split('.').next()?.to_owned())).collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("it has `{near}`"),
            None => format!("is the package that brings `{name}` among the dependencies?"),
        }
    }
}
