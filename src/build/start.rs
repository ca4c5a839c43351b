//! Whether the image's user can start what the image starts: the program, the scripts'
//! interpreters, the dynamic loader and the libraries, Python and its folders.
//!
//! Only uid and gid of the image count, see [`crate::rootfs::access`].

use std::collections::{BTreeMap, BTreeSet};

use super::application::root_path;
use super::error::{BuildError, entrypoint_code};
use super::extract::Work;
use super::problems::Problem;
use super::reasons::Because;
use crate::diagnostic::{Code, some_of};
use crate::elf::Edge;
use crate::hint::Hint as _;
use crate::image::executable::HEAD;
use crate::image::{Executable, ExecutableError, Process, Shebang, ThroughEnv, exec_form, resolve_program, wrapper};
use crate::layer::contents;
use crate::python::{Command, Interpreter, command};
use crate::rootfs::accounts::Ids;
use crate::rootfs::{Entry, Obstacle, Permission, RootPath};

/// How often a script's interpreter may be a script again (`exec_binprm` of Linux's
/// `fs/exec.c`).
const SCRIPTS: usize = 5;
/// How many programs may wrap another: more are nobody's.
const WRAPPERS: usize = 8;
/// How many files that cannot be read are named.
const LISTED: usize = 4;
/// Folders that the runtime fills.
const MOUNTED: [&str; 5] = ["proc", "dev", "sys", "run", "tmp"];

impl Work<'_> {
    /// Checks the process of the finished image. What is wrong joins the other problems;
    /// what is wrong with the base's own command is only warned about. `edges` tell what
    /// each program and library loads.
    pub(super) fn check_start(
        &mut self,
        interpreter: Option<&Interpreter>,
        process: &Process,
        edges: &[Edge],
    ) -> Result<(), BuildError> {
        let mut start = Start::new(self, interpreter, process, edges);
        let workdir = start.workdir.clone();
        start.allowed(&workdir, "the working directory", Permission::Execute);
        start.command()?;
        if let Some(interpreter) = interpreter {
            start.python(interpreter);
        }
        let Start { problems, warnings, .. } = start;
        self.problems.extend(problems);
        for text in warnings {
            self.warn(text);
        }
        Ok(())
    }
}

/// One platform's process, looked at as its user.
pub(super) struct Start<'a, 'b> {
    pub work: &'a Work<'b>,
    pub process: &'a Process,
    interpreter: Option<&'a Interpreter>,
    pub ids: Ids,
    /// Its real path.
    pub workdir: RootPath,
    /// The process's environment.
    pub env: Vec<String>,
    /// Volumes, and what the runtime fills.
    pub mounted: BTreeSet<RootPath>,
    /// What each object loads.
    loads: BTreeMap<&'a RootPath, Vec<&'a RootPath>>,
    /// Folders and files that are a problem already: one folder closes all that is in it.
    closed: BTreeSet<RootPath>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
}

impl<'a, 'b> Start<'a, 'b> {
    fn new(work: &'a Work<'b>, interpreter: Option<&'a Interpreter>, process: &'a Process, edges: &'a [Edge]) -> Self {
        let mut loads: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for edge in edges {
            loads.entry(&edge.from).or_default().extend(&edge.to);
        }
        let number = |text: &str| text.parse().unwrap_or(u32::MAX);
        let (uid, gid) = process.user.split_once(':').unwrap_or((&process.user, ""));
        let workdir = root_path(&process.workdir);
        let volumes = process.volumes.iter().map(String::as_str).chain(work.inputs.base.config.volumes());
        let mounted = volumes.chain(MOUNTED).map(root_path).filter(|path| !path.is_root());
        Self {
            work,
            process,
            interpreter,
            ids: Ids { uid: number(uid), gid: number(gid) },
            workdir: work.image.resolve(&workdir).unwrap_or(workdir),
            env: process.env.clone(),
            mounted: mounted.collect(),
            loads,
            closed: BTreeSet::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Checks entrypoint and cmd, the base's where the image has none of its own.
    fn command(&mut self) -> Result<(), BuildError> {
        let plan = self.work.plan;
        let is_own = self.process.entrypoint.is_some() || self.process.cmd.is_some();
        let has_entrypoint =
            plan.image.entrypoint.is_some() || self.work.inputs.app.as_ref().is_some_and(|app| app.start().is_some());
        if has_entrypoint && self.process.entrypoint.is_none() {
            return Ok(()); // it was not found, which is told already
        }
        let command = self.process.command(&self.work.inputs.base.config);
        let before = self.problems.len();
        self.words(&command)?;
        if is_own {
            self.shell_words(&command);
        } else {
            self.warnings.extend(self.problems.drain(before..).map(|problem| problem.to_string()));
        }
        Ok(())
    }

    /// Checks a command's program, what this wraps, and what Python is to run.
    fn words(&mut self, command: &[String]) -> Result<(), BuildError> {
        let mut rest = command;
        for _ in 0..WRAPPERS {
            let Some((program, arguments)) = rest.split_first() else { return Ok(()) };
            let path = match resolve_program(&self.work.image, program, &self.env, &self.workdir) {
                Ok(path) => path,
                Err(cause) => {
                    self.wrong(entrypoint_code(&cause), cause.to_string(), cause.hint());
                    return Ok(());
                }
            };
            self.program(&path)?;
            let own = self.interpreter.filter(|interpreter| self.is_interpreter(&path, interpreter));
            let name = String::from_utf8_lossy(path.name().unwrap_or_default()).into_owned();
            if own.is_some() || command::is_interpreter(&name) {
                self.python_command(&path, &Command::parse(arguments), own);
                return Ok(());
            }
            let Some(wrapped) = wrapper::wrapped(&name, arguments) else { return Ok(()) };
            for line in wrapped.env {
                let name = line.split_once('=').map_or(line.as_str(), |(name, _)| name);
                self.env.retain(|old| old.split_once('=').is_none_or(|(old, _)| old != name));
                self.env.push(line.clone());
            }
            rest = wrapped.command;
        }
        Ok(())
    }

    /// Warns of words that a shell would replace.
    fn shell_words(&mut self, command: &[String]) {
        let (variable, operator) = exec_form::for_a_shell(command);
        self.warnings.extend(variable.map(|variable| {
            format!(
                "no shell replaces `{variable}` in the image's command, the program gets it as it is: \
                 let the program read the variable itself, or write its value"
            )
        }));
        self.warnings.extend(operator.map(|operator| {
            format!(
                "no shell reads `{operator}` in the image's command, the program gets it as an argument: \
                 start one program, or a script that starts the others"
            )
        }));
    }

    /// Whether a program is one of the names of the image's own interpreter.
    fn is_interpreter(&self, program: &RootPath, interpreter: &Interpreter) -> bool {
        let image = &self.work.image;
        image.resolve(program).is_ok_and(|real| interpreter.names(image).contains(&real))
    }

    /// Follows a program to the machine code that runs it, script by script.
    fn program(&mut self, entrypoint: &RootPath) -> Result<(), BuildError> {
        let mut path = entrypoint.clone();
        for depth in 0..=SCRIPTS {
            let what = if depth == 0 { "the entrypoint" } else { "which runs the entrypoint" };
            let Some(real) = self.allowed(&path, what, Permission::Execute) else { return Ok(()) };
            let Some(content) = self.work.image.get(&real).and_then(Entry::content) else { return Ok(()) };
            let head = contents::head(content, self.work.inputs.tars.as_ref(), HEAD as u64);
            match Executable::parse(&head.map_err(|cause| BuildError::read(&path, cause))?) {
                Ok(Executable::Machine) => {
                    self.libraries(&real);
                    return Ok(());
                }
                Ok(Executable::Script(line)) => {
                    let next = self.next(&path, what, &line);
                    // The interpreter opens the script as the same user.
                    let (Some(next), Some(_)) = (next, self.allowed(&path, what, Permission::Read)) else {
                        return Ok(());
                    };
                    path = next;
                }
                Err(cause) => {
                    let (text, hint) = (format!("`{path}`, {what}, {cause}"), self.hint_for(&path, cause));
                    let reason = self.work.reasons.get(&real).map(|reason| &reason.because);
                    if matches!(reason, Some(Because::Application | Because::Dependency)) {
                        self.wrong(Code::CannotStart, text, Some(hint));
                    } else {
                        // A host may be set up to start it (`binfmt_misc`).
                        self.warnings.push(format!("{text}; it comes out of an image"));
                    }
                    return Ok(());
                }
            }
        }
        let hint = "name a program in the last one's `#!`";
        self.wrong(
            Code::CannotStart,
            format!("`{entrypoint}`, the entrypoint, leads through more than {SCRIPTS} scripts"),
            Some(hint.into()),
        );
        Ok(())
    }

    /// The program that a script's first line starts, where the image has it.
    fn next(&mut self, script: &RootPath, what: &str, line: &Shebang) -> Option<RootPath> {
        let lacks = |program: &str| format!("{script}, {what}, starts with `{line}`, and the image has no `{program}`");
        let shebang = self.interpreter.filter(|_| line.to_string().contains("python")).map(Interpreter::shebang);
        let hint = || {
            Some(match &shebang {
                Some(shebang) => format!("start it with python, as in: -- python {script}; or begin it with {shebang}"),
                None => "start it with a program that the image has, or take that one with [[extract]]".to_owned(),
            })
        };
        let image = &self.work.image;
        let below = RootPath::new(&line.interpreter).ok();
        let path = below.map(|path| if line.interpreter.starts_with('/') { path } else { self.workdir.join(&path) });
        let Some(path) = path.filter(|path| image.follow(path).is_some_and(|(_, entry)| entry.content().is_some()))
        else {
            self.wrong(Code::MissingInterpreter, lacks(&line.interpreter), hint());
            return None;
        };
        match line.through_env() {
            None => Some(path),
            Some(ThroughEnv::Spaced(words)) => {
                let text =
                    format!("{script}, {what}, starts with `{line}`, and env looks for a program named `{words}`");
                self.wrong(Code::MissingInterpreter, text, Some(format!("write `#!{} -S {words}`", line.interpreter)));
                None
            }
            Some(ThroughEnv::Program(name)) => {
                self.allowed(&path, "which runs the entrypoint", Permission::Execute)?;
                let found = resolve_program(image, &name, &self.env, &self.workdir);
                if found.is_err() {
                    self.wrong(Code::MissingInterpreter, lacks(&name), hint());
                }
                found.ok()
            }
        }
    }

    fn hint_for(&self, path: &RootPath, cause: ExecutableError) -> String {
        let app = self.work.plan.app.as_ref().and_then(|app| path.strip(&app.to));
        let file = app.map_or_else(|| path.to_string(), |below| below.to_string().trim_start_matches('/').to_owned());
        match (cause, self.interpreter) {
            (ExecutableError::CarriageReturn, _) => {
                format!("give it Unix line endings: sed -i 's/\\r$//' {file}")
            }
            (ExecutableError::ByteOrderMark, _) => "save it as UTF-8 without a byte order mark".to_owned(),
            (ExecutableError::Library, _) => "name the program that loads it".to_owned(),
            (ExecutableError::Unlinked, _) => "name a program".to_owned(),
            (ExecutableError::NoInterpreter | ExecutableError::LongLine, Some(interpreter)) => {
                format!("begin it with {}", interpreter.shebang())
            }
            (_, Some(interpreter)) => {
                format!("start it with python, as in: -- python {path}; or begin it with {}", interpreter.shebang())
            }
            (_, None) => "begin it with `#!` and the path of a program that the image has".to_owned(),
        }
    }

    /// Checks what the dynamic loader opens for a program, itself included.
    fn libraries(&mut self, program: &RootPath) {
        let loader = self.work.object_at(program).and_then(|object| object.interpreter.clone());
        if let Some(loader) = loader.and_then(|path| RootPath::new(path).ok()) {
            self.allowed(&loader, "the dynamic loader", Permission::Execute);
        }
        let mut open = vec![program];
        let mut seen = BTreeSet::new();
        while let Some(object) = open.pop() {
            for library in self.loads.get(object).cloned().unwrap_or_default() {
                if seen.insert(library) {
                    self.allowed(library, &format!("a library that {program} loads"), Permission::Read);
                    open.push(library);
                }
            }
        }
    }

    /// Checks what an interpreter opens before it runs anything.
    fn python(&mut self, interpreter: &'a Interpreter) {
        if self.allowed(&interpreter.executable, "the interpreter", Permission::Execute).is_some() {
            self.libraries(&interpreter.executable);
        }
        let Interpreter { stdlib, purelib, platlib, .. } = interpreter;
        let dynload = stdlib.child(b"lib-dynload");
        let app = self.work.plan.app.as_ref().map(|app| &app.to);
        let folders = [stdlib, &dynload].map(|path| (path, "the standard library"));
        let site = [purelib, platlib].map(|path| (path, "site-packages"));
        for (folder, what) in folders.into_iter().chain(site).chain(app.map(|app| (app, "the application"))) {
            // It is entered for its files, and listed for their names.
            if self.allowed(folder, what, Permission::Execute).is_some() {
                self.allowed(folder, what, Permission::Read);
            }
        }
        for file in ["os.py", "encodings/__init__.py"].map(root_path) {
            self.allowed(&stdlib.join(&file), "without which Python does not start", Permission::Read);
        }
        self.unreadable();
    }

    /// Warns of what else of Python and the dependencies the user cannot read.
    fn unreadable(&mut self) {
        let files = self.work.reasons.iter().filter(|(path, reason)| {
            matches!(reason.because, Because::Python | Because::Dependency | Because::NeededBy(_) | Because::Dlopen)
                && !self.closed.contains(*path)
                && self
                    .work
                    .image
                    .get(path)
                    .is_some_and(|entry| entry.content().is_some() && !entry.permits(self.ids, Permission::Read))
        });
        let files: Vec<_> = files.map(|(path, _)| path.to_string()).collect();
        if !files.is_empty() {
            let (number, listed) = (files.len(), some_of(&files, LISTED));
            let what = if number == 1 { "file" } else { "files" };
            self.warnings.push(format!("the image's user {} cannot read {number} {what}: {listed}", self.process.user));
        }
    }

    pub(super) fn wrong(&mut self, code: Code, text: String, hint: Option<String>) {
        self.problems.push(Problem::told(code, text, hint));
    }

    /// Returns the real path of what the user may use; none where nothing is, or where
    /// the user has no permission. The latter is a problem, once for each folder or file.
    pub(super) fn allowed(&mut self, path: &RootPath, what: &str, permission: Permission) -> Option<RootPath> {
        let image = &self.work.image;
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
        let meta = self.work.image.get(&closed).map(|entry| entry.meta.clone()).unwrap_or_default();
        let itself = self.work.image.resolve(path).is_ok_and(|real| real == closed);
        let subject = if itself { "it".to_owned() } else { format!("`{closed}`") };
        let text = format!(
            "the image's user {} cannot {verb} `{path}`, {what}: {subject} has mode {:04o} and owner {}:{}",
            self.process.user, meta.mode, meta.uid, meta.gid
        );
        let hint = self.opens(&closed, permission);
        self.wrong(Code::NoPermission, text, Some(hint));
        None
    }

    /// Says what to change so that the user gets the permission.
    fn opens(&self, closed: &RootPath, permission: Permission) -> String {
        let (plan, image, user) = (self.work.plan, &self.work.image, &self.process.user);
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
        let is_copied =
            !is_folder && self.work.reasons.get(closed).is_some_and(|reason| reason.because == Because::Application);
        let copy = plan.copies.iter().rfind(|copy| leads(&copy.to).is_some_and(|to| closed.strip(&to).is_some()));
        if let Some(copy) = copy.filter(|_| is_copied) {
            return format!("set mode = \"{mode}\" or owner = \"{user}\" under the [[copy]] with to = \"{}\"", copy.to);
        }
        let home = plan.users.iter().find(|user| leads(&root_path(&user.home)).as_ref() == Some(closed));
        if let Some(home) = home {
            let name = &home.name;
            return format!("it is the home of `{name}`: set user = \"{name}\" under [image], or use another folder");
        }
        let owner = image.get(closed).map(|entry| (entry.meta.uid, entry.meta.gid)).unwrap_or_default();
        let python = self.interpreter.filter(|interpreter| interpreter.executable.strip(closed).is_some());
        let elsewhere = match python {
            _ if *closed == self.workdir => "choose another `workdir` under [image]",
            Some(_) => {
                "use a builder that has Python where everybody can read it (uv: UV_PYTHON_INSTALL_DIR=/opt/python)"
            }
            None => "put it where everybody can read it",
        };
        format!("{elsewhere}, or set user = \"{}:{}\" under [image]", owner.0, owner.1)
    }
}
