//! Checks that the image's user can start the image's process: the program, the interpreters of
//! scripts, the dynamic loader and the libraries, Python and its directories.
//!
//! Only uid and gid of the image count, see [`crate::rootfs::access`].

mod module_path;
mod permissions;
mod program;
mod python_command;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::composition::Composition;
use crate::compose::contents::Result;
use crate::compose::contents::root_path;
use crate::diagnostic::{Code, Diagnostic};
use crate::elf::Edge;
use crate::hint::Hint as _;
use crate::image::{Process, exec_form, resolve_program, wrapper};
use crate::python::{Command, CommandTarget, Interpreter, command};
use crate::rootfs::accounts::Ids;
use crate::rootfs::{Permission, RootPath};

/// The most nested wrapper programs, such as `env` or `tini`.
pub(super) const WRAPPERS: usize = 8;
/// The directories that the container runtime fills.
const MOUNTED: [&str; 5] = ["proc", "dev", "sys", "run", "tmp"];

/// Checks the process of the finished image. Faults of the base's own command are warnings.
/// `edges` are the libraries that each object loads.
///
/// # Errors
/// A file that cannot be read.
pub fn check(composition: &Composition<'_>, edges: &[Edge]) -> Result<Vec<Diagnostic>> {
    let mut startup = Startup::new(composition, edges);
    let workdir = startup.workdir.clone();
    startup.allowed(&workdir, "the working directory", Permission::Execute);
    startup.check_command()?;
    if let Some(interpreter) = &composition.cx.interpreter {
        startup.check_python(interpreter);
    }
    Ok(startup.found)
}

/// The process of one platform, and its user's permissions.
pub(super) struct Startup<'a> {
    composition: &'a Composition<'a>,
    ids: Ids,
    /// The real path of the working directory.
    pub(super) workdir: RootPath,
    /// The environment of the process.
    pub(super) env: Vec<String>,
    /// Volumes, and the directories that the container runtime fills.
    mounted: BTreeSet<RootPath>,
    /// The libraries that each object loads.
    loads: BTreeMap<&'a RootPath, Vec<&'a RootPath>>,
    /// Directories and files that already have a permission error.
    closed: BTreeSet<RootPath>,
    found: Vec<Diagnostic>,
}

impl<'a> Startup<'a> {
    pub(super) fn new(composition: &'a Composition<'a>, edges: &'a [Edge]) -> Self {
        let process = &composition.process;
        let mut loads: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for edge in edges {
            loads.entry(&edge.from).or_default().extend(&edge.to);
        }
        let number = |text: &str| text.parse().unwrap_or(u32::MAX);
        let (uid, gid) = process.user.split_once(':').unwrap_or((&process.user, ""));
        let workdir = root_path(&process.workdir);
        let volumes = process.volumes.iter().map(String::as_str).chain(composition.cx.base_config.volumes());
        let mounted = volumes.chain(MOUNTED).map(root_path).filter(|path| !path.is_root());
        Self {
            ids: Ids { uid: number(uid), gid: number(gid) },
            workdir: composition.image.tree.resolve(&workdir).unwrap_or(workdir),
            env: process.env.clone(),
            mounted: mounted.collect(),
            loads,
            closed: BTreeSet::new(),
            found: Vec::new(),
            composition,
        }
    }

    fn process(&self) -> &'a Process {
        &self.composition.process
    }

    fn interpreter(&self) -> Option<&'a Interpreter> {
        self.composition.cx.interpreter.as_ref()
    }

    /// Returns whether a path leads to the image's interpreter.
    pub(super) fn is_interpreter(&self, path: &RootPath) -> bool {
        let tree = &self.composition.image.tree;
        let own = self.interpreter();
        own.is_some_and(|own| tree.resolve(path).is_ok_and(|real| own.names(tree).contains(&real)))
    }

    /// Returns the path of a name relative to the working directory.
    pub(super) fn below_workdir(&self, name: &str) -> Option<RootPath> {
        let path = RootPath::new(name).ok()?;
        Some(if name.starts_with('/') { path } else { self.workdir.join(&path) })
    }

    /// Sets the variables of lines `NAME=value`; the last one of a name counts.
    pub(super) fn set(&mut self, lines: &[String]) {
        let name = |line: &str| line.split_once('=').map_or(line, |(name, _)| name).to_owned();
        let mut set: BTreeMap<String, &String> = BTreeMap::new();
        for line in lines {
            set.insert(name(line), line);
        }
        self.env.retain(|old| !set.contains_key(&name(old)));
        self.env.extend(set.into_values().cloned());
    }

    fn error(&mut self, code: Code, message: String, hint: Option<String>) {
        self.found.push(Diagnostic::error(code, message).hint(hint));
    }

    fn warn(&mut self, code: Code, message: String) {
        self.found.push(Diagnostic::warning(code, message));
    }

    /// Checks entrypoint and cmd: the image's, or the base's if the image has neither.
    fn check_command(&mut self) -> Result<()> {
        if self.composition.lacks_entrypoint() {
            return Ok(()); // the error is already reported
        }
        let process = self.process();
        let is_own = process.entrypoint.is_some() || process.cmd.is_some();
        let command = self.composition.cx.base_config.command(process);
        let before = self.found.len();
        self.check_words(&command)?;
        if is_own {
            self.check_shell_syntax(&command);
        } else {
            for fault in &mut self.found[before..] {
                fault.severity = crate::diagnostic::Severity::Warning;
            }
        }
        Ok(())
    }

    /// Checks the program of a command, the program that it wraps, and the script or module that
    /// Python runs.
    fn check_words(&mut self, command: &[String]) -> Result<()> {
        let mut rest = command;
        for _ in 0..WRAPPERS {
            let Some((program, arguments)) = rest.split_first() else { return Ok(()) };
            let tree = &self.composition.image.tree;
            let path = match resolve_program(tree, program, &self.env, &self.workdir) {
                Ok(path) => path,
                Err(error) => {
                    self.error(error.code(), error.to_string(), error.hint());
                    return Ok(());
                }
            };
            self.check_program(&path)?;
            let own = self.interpreter().filter(|_| self.is_interpreter(&path));
            let name = String::from_utf8_lossy(path.name().unwrap_or_default()).into_owned();
            if own.is_some() || command::is_interpreter(&name) {
                let command = Command::parse(arguments);
                self.check_python_command(&path, &command, own);
                if let (CommandTarget::Module(module), Some(interpreter)) = (command.starts, own) {
                    let after = arguments.iter().position(|word| word.ends_with(module)).map_or(0, |at| at + 1);
                    self.check_server(module, &arguments[after..], (&path, interpreter));
                }
                return Ok(());
            }
            if let Some(interpreter) = self.interpreter().filter(|own| path.parent().as_ref() == Some(&own.scripts)) {
                self.check_server(&name, arguments, (&interpreter.executable, interpreter));
            }
            let Some(wrapped) = wrapper::wrapped(&name, arguments) else { return Ok(()) };
            self.set(wrapped.env);
            rest = wrapped.command;
        }
        Ok(())
    }

    /// Warns about words that only a shell would expand or interpret.
    fn check_shell_syntax(&mut self, command: &[String]) {
        let (variable, operator) = exec_form::for_a_shell(command);
        if let Some(variable) = variable {
            let message =
                format!("no shell expands `{variable}` in the image's command, so the program gets it unchanged");
            let hint = "let the program read the variable itself, or write its value".to_owned();
            self.found.push(Diagnostic::warning(Code::ShellSyntax, message).hint(hint));
        }
        if let Some(operator) = operator {
            let message = format!(
                "no shell interprets `{operator}` in the image's command, so the program gets it as an argument"
            );
            let hint = "start one program, or a script that starts the others".to_owned();
            self.found.push(Diagnostic::warning(Code::ShellSyntax, message).hint(hint));
        }
    }
}
