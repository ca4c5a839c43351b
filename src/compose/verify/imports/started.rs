//! The Python code that the image's command starts, and the directories that it imports from.

use std::collections::BTreeSet;

use super::super::startup::{Startup, WRAPPERS};
use crate::compose::composition::Composition;
use crate::compose::contents::{Result, unreadable};
use crate::image::executable::HEAD;
use crate::image::{Executable, ThroughEnv, resolve_program, wrapper};
use crate::python::imports::reach::Start;
use crate::python::server_command::{AppLocation, served};
use crate::python::{Command, CommandTarget, Interpreter};
use crate::rootfs::RootPath;

/// The started code.
pub(super) struct Started {
    pub starts: Vec<Start>,
    /// The real paths of `sys.path`.
    pub folders: Vec<RootPath>,
    /// `true` if `sys.path` has directories that carboy cannot determine.
    pub is_open: bool,
    /// The directories that are mounted when the image runs.
    pub mounted: BTreeSet<RootPath>,
    /// The value of `DJANGO_SETTINGS_MODULE`.
    pub settings: Option<String>,
}

/// Returns the code that the command starts with the image's interpreter; none if it starts other
/// programs, or the base's command.
///
/// # Errors
/// A script that cannot be read.
pub(super) fn started(composition: &Composition<'_>, interpreter: &Interpreter) -> Result<Option<Started>> {
    let process = &composition.process;
    if process.entrypoint.is_none() && process.cmd.is_none() {
        return Ok(None);
    }
    let command = composition.cx.base_config.command(process);
    let mut program = Program { startup: Startup::new(composition, &[]), composition, interpreter };
    program.follow(&command)
}

struct Program<'a> {
    startup: Startup<'a>,
    composition: &'a Composition<'a>,
    interpreter: &'a Interpreter,
}

impl Program<'_> {
    /// Follows wrappers and scripts to the interpreter.
    fn follow(&mut self, command: &[String]) -> Result<Option<Started>> {
        let tree = &self.composition.image.tree;
        let mut rest = command;
        for _ in 0..WRAPPERS {
            let Some((program, arguments)) = rest.split_first() else { return Ok(None) };
            let found = resolve_program(tree, program, &self.startup.env, &self.startup.workdir);
            let Ok(path) = found else { return Ok(None) };
            if self.startup.is_interpreter(&path) {
                return Ok(self.python(&path, &Command::parse(arguments), arguments));
            }
            if let Some(started) = self.script(&path, arguments)? {
                return Ok(Some(started));
            }
            let name = String::from_utf8_lossy(path.name().unwrap_or_default()).into_owned();
            let Some(wrapped) = wrapper::wrapped(&name, arguments) else { return Ok(None) };
            self.startup.set(wrapped.env);
            rest = wrapped.command;
        }
        Ok(None)
    }

    /// Returns the code of a script whose first line names the interpreter.
    fn script(&self, path: &RootPath, arguments: &[String]) -> Result<Option<Started>> {
        let tree = &self.composition.image.tree;
        let Some(content) = tree.follow(path).and_then(|(_, entry)| entry.content()) else { return Ok(None) };
        let head = self.composition.cx.contents.head(content, HEAD as u64).map_err(|cause| unreadable(path, cause))?;
        let Ok(Executable::Script(line)) = Executable::parse(&head) else { return Ok(None) };
        let program = match line.through_env() {
            Some(ThroughEnv::Program(name)) => {
                resolve_program(tree, &name, &self.startup.env, &self.startup.workdir).ok()
            }
            Some(ThroughEnv::Spaced(_)) => None,
            None => RootPath::new(&line.interpreter).ok(),
        };
        let Some(program) = program.filter(|program| self.startup.is_interpreter(program)) else { return Ok(None) };
        let options: Vec<String> = line.argument.filter(|_| line.interpreter.contains("python")).into_iter().collect();
        let script = path.to_string();
        let command = Command { starts: CommandTarget::Script(&script), ..Command::parse(&options) };
        Ok(self.python(&program, &command, arguments))
    }

    /// Returns the code of a script or module. `arguments` are those of the interpreter, or of the
    /// script that it runs.
    fn python(&self, program: &RootPath, command: &Command<'_>, arguments: &[String]) -> Option<Started> {
        let tree = &self.composition.image.tree;
        let safe_path =
            command.safe_path || !command.ignores_environment && self.startup.variable("PYTHONSAFEPATH").is_some();
        let (start, folder, name) = match command.starts {
            CommandTarget::Module(name) => (Start::Run(name.to_owned()), self.startup.workdir.clone(), name.to_owned()),
            CommandTarget::Script(path) => {
                let path = self.startup.below_workdir(path)?;
                let name = String::from_utf8_lossy(path.name()?).into_owned();
                let (real, entry) = tree.follow(&path)?;
                if entry.is_folder() {
                    (Start::Script(real.child(b"__main__.py")), real, name)
                } else {
                    (Start::Script(real.clone()), real.parent()?, name)
                }
            }
            CommandTarget::Other => return None,
        };
        let command = Command { safe_path: true, ..command.clone() };
        let path = self.startup.module_path(program, &command, self.interpreter);
        let mut folders = path.folders;
        if !safe_path {
            folders.insert(0, folder);
        }
        let mut started = Started {
            starts: vec![start],
            folders,
            is_open: path.open,
            mounted: self.startup.mounted().clone(),
            settings: self.startup.variable("DJANGO_SETTINGS_MODULE").map(str::to_owned),
        };
        self.add_served(&name, arguments, &mut started);
        Some(started)
    }

    /// Adds the application that a server loads, and the directories that it imports from.
    fn add_served(&self, program: &str, arguments: &[String], started: &mut Started) {
        let tree = &self.composition.image.tree;
        let of_variable = match (program, self.startup.variable("FLASK_APP")) {
            ("flask", Some(app)) => ["--app".to_owned(), app.to_owned()].to_vec(),
            _ => Vec::new(),
        };
        let arguments = [of_variable, arguments.to_vec()].concat();
        let Some(app) = served(program, &arguments) else { return };
        started.is_open |= program == "gunicorn" && self.startup.gunicorn_is_configured(&arguments);
        let workdir = app
            .workdir
            .and_then(|folder| self.startup.below_workdir(folder))
            .unwrap_or_else(|| self.startup.workdir.clone());
        started.folders.insert(0, workdir.clone());
        started.folders.extend(app.folders.iter().filter_map(|folder| self.startup.below_workdir(folder)));
        match &app.location {
            AppLocation::Module(parts) => {
                let module = parts.join(".");
                if program == "celery" {
                    started.starts.push(Start::Module(format!("{module}.celery")));
                }
                started.starts.push(Start::Module(module));
            }
            AppLocation::File(file) => {
                let below = RootPath::new(file).ok();
                let path = below.map(|below| if file.starts_with('/') { below } else { workdir.join(&below) });
                let is_file = |path: &RootPath| tree.follow(path).is_some_and(|(_, entry)| entry.content().is_some());
                let Some(path) = path.filter(is_file) else { return };
                // Flask and fastapi search the parents of packages too.
                started.folders.extend(path.ancestors().into_iter().rev());
                started.starts.push(Start::Script(path));
            }
        }
        started.starts.extend(gunicorn_worker(program, &arguments).map(Start::Module));
    }
}

/// Returns the module of a worker class that is not gunicorn's own.
fn gunicorn_worker(program: &str, arguments: &[String]) -> Option<String> {
    let words = arguments.iter().enumerate().filter(|_| program == "gunicorn");
    let mut classes = words.filter_map(|(at, word)| match word.as_str() {
        "-k" | "--worker-class" => arguments.get(at + 1).map(String::as_str),
        word => word.strip_prefix("--worker-class=").or_else(|| word.strip_prefix("-k")),
    });
    let (module, _) = classes.next()?.rsplit_once('.')?;
    Some(module.to_owned())
}
