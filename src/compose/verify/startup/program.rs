//! Follows a program to the machine code that runs it: scripts, the dynamic loader, libraries.

use std::collections::BTreeSet;

use super::Startup;
use crate::compose::contents::Result;
use crate::compose::contents::unreadable;
use crate::compose::reasons::Because;
use crate::diagnostic::Code;
use crate::image::executable::HEAD;
use crate::image::{Executable, ExecutableError, Shebang, ThroughEnv, resolve_program};
use crate::python::Interpreter;
use crate::rootfs::{Entry, Permission, RootPath};

/// The most scripts that may lead to each other as interpreters (`exec_binprm` of Linux's
/// `fs/exec.c`).
const SCRIPTS: usize = 5;

impl Startup<'_> {
    /// Follows a program to the machine code that runs it, script by script.
    pub(super) fn check_program(&mut self, entrypoint: &RootPath) -> Result<()> {
        let mut path = entrypoint.clone();
        for depth in 0..=SCRIPTS {
            let role = if depth == 0 { "the entrypoint" } else { "the interpreter of the entrypoint" };
            let Some(real) = self.allowed(&path, role, Permission::Execute) else { return Ok(()) };
            let Some(content) = self.composition.image.tree.get(&real).and_then(Entry::content) else { return Ok(()) };
            let head = self.composition.cx.contents.head(content, HEAD as u64);
            match Executable::parse(&head.map_err(|cause| unreadable(&path, cause))?) {
                Ok(Executable::Machine) => {
                    self.check_libraries(&real);
                    return Ok(());
                }
                Ok(Executable::Script(line)) => {
                    let next = self.next(&path, role, &line);
                    // The interpreter opens the script as the same user.
                    let (Some(next), Some(_)) = (next, self.allowed(&path, role, Permission::Read)) else {
                        return Ok(());
                    };
                    path = next;
                }
                Err(cause) => {
                    let (text, hint) = (format!("`{path}`, {role}, {cause}"), self.hint_for(&path, cause));
                    let reason = self.composition.image.reasons.get(&real).map(|reason| &reason.because);
                    if matches!(reason, Some(Because::Application | Because::Dependency)) {
                        self.error(Code::CannotStart, text, Some(hint));
                    } else {
                        // A host may be configured to start it (`binfmt_misc`).
                        self.warn(Code::CannotStart, format!("{text}; it comes from another image"));
                    }
                    return Ok(());
                }
            }
        }
        let hint = "name a program in the `#!` line of the last script";
        self.error(
            Code::CannotStart,
            format!("`{entrypoint}`, the entrypoint, starts more than {SCRIPTS} nested scripts"),
            Some(hint.into()),
        );
        Ok(())
    }

    /// Returns the program that a script's first line starts, if the image has it.
    fn next(&mut self, script: &RootPath, role: &str, line: &Shebang) -> Option<RootPath> {
        let lacks = |program: &str| format!("{script}, {role}, starts with `{line}`, but the image has no `{program}`");
        let shebang = self.interpreter().filter(|_| line.to_string().contains("python")).map(Interpreter::shebang);
        let hint = || {
            Some(match &shebang {
                Some(shebang) => format!("start it with python, as in: -- python {script}; or begin it with {shebang}"),
                None => {
                    "start it with a program that the image has, or add the missing program with [[extract]]".to_owned()
                }
            })
        };
        let image = &self.composition.image.tree;
        let path = self.below_workdir(&line.interpreter);
        let Some(path) = path.filter(|path| image.follow(path).is_some_and(|(_, entry)| entry.content().is_some()))
        else {
            self.error(Code::CannotStart, lacks(&line.interpreter), hint());
            return None;
        };
        match line.through_env() {
            None => Some(path),
            Some(ThroughEnv::Spaced(words)) => {
                let text =
                    format!("{script}, {role}, starts with `{line}`, and env looks for a program named `{words}`");
                self.error(Code::CannotStart, text, Some(format!("write `#!{} -S {words}`", line.interpreter)));
                None
            }
            Some(ThroughEnv::Program(name)) => {
                self.allowed(&path, "the interpreter of the entrypoint", Permission::Execute)?;
                let found = resolve_program(image, &name, &self.env, &self.workdir);
                if found.is_err() {
                    self.error(Code::CannotStart, lacks(&name), hint());
                }
                found.ok()
            }
        }
    }

    fn hint_for(&self, path: &RootPath, cause: ExecutableError) -> String {
        let app = self.composition.cx.plan.app.as_ref().and_then(|app| path.strip(&app.to));
        let file = app.map_or_else(|| path.to_string(), |below| below.to_string().trim_start_matches('/').to_owned());
        match (cause, self.interpreter()) {
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

    /// Checks the dynamic loader of a program, and the libraries that it opens.
    pub(super) fn check_libraries(&mut self, program: &RootPath) {
        let loader = self.composition.object_at(program).and_then(|object| object.interpreter.clone());
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
}
