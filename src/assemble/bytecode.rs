//! Compiles Python sources on this machine, and reports progress.

use std::sync::Arc;

use super::context::Context;
use crate::bytecode::{PythonBuild, SourceReader};
use crate::compose::{Compile, Compiled, Contents as _, Sources};
use crate::diagnostic::{Code, Diagnostic};
use crate::image::LayerKind;
use crate::oci::Platform;
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::python::Interpreter;
use crate::rootfs::Content;

/// The compiler of one platform's image.
pub struct BytecodeCompiler {
    cx: Arc<Context>,
    platform: Platform,
    /// The build of Python that the bytecode is for; none if the builder's full version is unknown.
    python: Option<PythonBuild>,
}

impl BytecodeCompiler {
    pub fn new(cx: &Arc<Context>, platform: &Platform, interpreter: &Interpreter) -> Self {
        let free_threaded = interpreter.abi_flags.contains('t');
        let python = interpreter.full_version.clone().map(|version| PythonBuild { version, free_threaded });
        Self { cx: cx.clone(), platform: platform.clone(), python }
    }
}

impl Compile for BytecodeCompiler {
    fn compile(&self, kind: LayerKind, groups: &[&Sources]) -> crate::compose::Result<Vec<Compiled>> {
        let Some(python) = &self.python else { return Err(Box::new(no_full_version())) };
        let (verb, progress, tars) = (Verb::Compile, &self.cx.io.progress, self.cx.tars.clone());
        let subject = Subject::Layer { kind, platform: self.platform.clone() };
        let size = groups.iter().flat_map(|sources| sources.values()).map(Content::size).sum();
        progress.on(Event::Started { verb, subject: subject.clone(), size: Some(size) });
        let read = |content: &Content, limit| tars.read(content, limit);
        let advanced = |bytes| progress.on(Event::Advanced { verb, subject: subject.clone(), bytes });
        let compile = |sources: &&Sources| {
            let reading = SourceReader { read: &read, advanced: &advanced };
            let made = self.cx.io.compiler.compile(python, sources, &reading)?;
            let skipped = made.skipped.into_iter().map(|(path, _)| path).collect();
            Ok(Compiled { files: made.files, skipped })
        };
        let done = groups.iter().map(compile).collect::<Result<Vec<_>, _>>();
        let outcome = if done.is_ok() { Outcome::Done } else { Outcome::Failed };
        progress.on(Event::Ended { verb, subject, outcome });
        done.map_err(|error: crate::operation_error::OperationError| Box::new(error.diagnostic()))
    }
}

fn no_full_version() -> Diagnostic {
    let message = "the full version of the builder's Python is unknown, but bytecode depends on it";
    let hint = "set PYTHON_VERSION in the builder, or leave out `runtime.bytecode`";
    Diagnostic::error(Code::PythonVersion, message).hint(hint.to_owned())
}
