//! Compiled bytecode beside the sources of an image, when it is asked for.
//!
//! Distributions are compiled one by one, each into its own layer: what one gives does
//! not depend on what else an image has.

use std::collections::BTreeMap;

use super::dependencies::Site;
use super::error::BuildError;
use super::extract::Work;
use super::problems::Problem;
use super::reasons::Because;
use crate::bytecode::{PythonBuild, SourceReader};
use crate::diagnostic::some_of;
use crate::layer::contents;
use crate::progress::{Event, LayerId, LayerKind, Outcome, Subject, Verb};
use crate::python::Interpreter;
use crate::rootfs::{Content, Entry, Kind, Meta, RootPath};

/// How many sources without bytecode are named.
const LISTED: usize = 4;

/// Sources of one distribution, or of one layer.
type Sources = BTreeMap<RootPath, Content>;

impl Work<'_> {
    /// The interpreter that bytecode is compiled by; none when nobody asked. One that
    /// this machine lacks is a problem.
    pub(super) fn compiler(&mut self, interpreter: &Interpreter) -> Result<Option<PythonBuild>, BuildError> {
        if !self.plan.runtime.as_ref().is_some_and(|runtime| runtime.bytecode) {
            return Ok(None);
        }
        let Some(version) = interpreter.full_version.clone() else {
            return Err(BuildError::NoFullVersion);
        };
        let python = PythonBuild { version, free_threaded: interpreter.abi_flags.contains('t') };
        match self.inputs.compiler.check(&python) {
            Ok(()) => Ok(Some(python)),
            Err(cause) => {
                self.problems.extend(Problem::of(&cause.into()));
                Ok(None)
            }
        }
    }

    /// Compiles all that is imported.
    pub(super) fn bytecode(&mut self, python: &PythonBuild, interpreter: &Interpreter) -> Result<(), BuildError> {
        let sources = self.sources(interpreter);
        for kind in LayerKind::ALL {
            let of_kind = sources.iter().filter(|(layer, _)| layer.kind == kind);
            let size = of_kind.clone().flat_map(|(_, sources)| sources.values()).map(Content::size).sum();
            if size == 0 {
                continue;
            }
            let (verb, progress) = (Verb::Compile, self.inputs.progress.clone());
            let subject = Subject::Layer { kind, platform: self.inputs.platform.clone() };
            progress.on(Event::Started { verb, subject: subject.clone(), size: Some(size) });
            let mut skipped = Vec::new();
            let done = of_kind.into_iter().try_for_each(|(layer, sources)| {
                let advanced = |bytes| progress.on(Event::Advanced { verb, subject: subject.clone(), bytes });
                skipped.extend(self.compile(python, layer, sources, &advanced)?);
                Ok::<_, BuildError>(())
            });
            let outcome = if done.is_ok() { Outcome::Done } else { Outcome::Failed };
            progress.on(Event::Ended { verb, subject, outcome });
            done?;
            if !skipped.is_empty() {
                let (count, listed) = (skipped.len(), some_of(&skipped, LISTED));
                let files = if count == 1 { "file is" } else { "files are" };
                self.warn(format!("{}: {count} {files} not compiled: {listed}", kind.name()));
            }
        }
        Ok(())
    }

    /// Compiles into a layer; returns the sources that have no bytecode.
    fn compile(
        &mut self,
        python: &PythonBuild,
        layer: &LayerId,
        sources: &Sources,
        advanced: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<String>, BuildError> {
        let tars = self.inputs.tars.clone();
        let read = |content: &Content, limit| contents::read(content, tars.as_ref(), limit);
        let made = self.inputs.compiler.compile(python, sources, &SourceReader { read: &read, advanced })?;
        for (path, content) in made.files {
            let entry = Entry { meta: Meta::root(0o644), kind: Kind::File(content) };
            self.put_into(layer, &path, entry, because(layer.kind))?;
        }
        Ok(made.skipped.iter().map(|(path, _)| path.to_string()).collect())
    }

    /// The sources in folders that modules are imported from, by layer and distribution.
    fn sources(&self, interpreter: &Interpreter) -> Vec<(LayerId, Sources)> {
        let own = [&interpreter.stdlib, &interpreter.purelib, &interpreter.platlib];
        let imported: Vec<_> = own.into_iter().chain(self.plan.app.iter().map(|app| &app.to)).collect();
        let is_source = |path: &RootPath| {
            path.as_bytes().ends_with(b".py") && imported.iter().any(|folder| path.strip(folder).is_some())
        };
        let mut out = Vec::new();
        for (layer, recipe) in &self.recipes {
            let files = recipe.entries().filter(|(path, _)| is_source(path));
            let mut files: Sources =
                files.filter_map(|(path, entry)| Some((path.clone(), entry.content()?.clone()))).collect();
            if let (LayerKind::Dependencies, Site::Installed(all)) = (layer.kind, &self.inputs.site) {
                for installed in all {
                    let real = installed.entries.keys().filter_map(|path| self.image.resolve_parent(path).ok());
                    let sources: Sources = real.filter_map(|path| files.remove_entry(&path)).collect();
                    out.push((layer.clone(), sources));
                }
            }
            out.push((layer.clone(), files));
        }
        out.retain(|(_, sources)| !sources.is_empty());
        out
    }
}

fn because(kind: LayerKind) -> Because {
    match kind {
        LayerKind::Runtime => Because::Python,
        LayerKind::Dependencies => Because::Dependency,
        LayerKind::Libraries | LayerKind::Application => Because::Application,
    }
}
