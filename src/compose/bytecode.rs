//! Adds bytecode beside the Python sources of a stage, if the plan asks for it.
//!
//! Distributions are compiled one by one, each into its own layer: the bytecode of one does not
//! depend on any other in the image.

use super::compile::Compiled;
use super::compile::Sources;
use super::contents::Result;
use super::draft::Draft;
use super::reasons::Because;
use crate::diagnostic::{Code, some_of};
use crate::image::{LayerId, LayerKind};
use crate::python::Interpreter;
use crate::rootfs::{Entry, Kind, Meta, RootPath};

/// The most sources without bytecode that a warning names.
const LISTED: usize = 4;

impl Draft<'_> {
    /// Compiles the sources of this stage in directories of importable modules.
    pub(super) fn add_bytecode(&mut self) -> Result<()> {
        let (Some(compiler), Some(interpreter)) = (&self.cx.compiler, &self.cx.interpreter) else { return Ok(()) };
        let groups = self.python_sources(interpreter);
        for kind in LayerKind::ALL {
            let (layers, sources): (Vec<_>, Vec<_>) =
                groups.iter().filter(|(layer, _)| layer.kind == kind).map(|(layer, sources)| (layer, sources)).unzip();
            if sources.is_empty() {
                continue;
            }
            match compiler.compile(kind, &sources) {
                Ok(bytecode) => self.add_compiled(kind, &layers, bytecode)?,
                Err(error) => self.error(error),
            }
        }
        Ok(())
    }

    fn add_compiled(&mut self, kind: LayerKind, layers: &[&LayerId], compiled: Vec<Compiled>) -> Result<()> {
        let mut skipped = Vec::new();
        for (layer, Compiled { files, skipped: more }) in layers.iter().zip(compiled) {
            for (path, content) in files {
                let entry = Entry { meta: Meta::root(0o644), kind: Kind::File(content) };
                self.put_into(layer, &path, entry, because(kind))?;
            }
            skipped.extend(more.iter().map(ToString::to_string));
        }
        if !skipped.is_empty() {
            let (count, listed) = (skipped.len(), some_of(&skipped, LISTED));
            let files = if count == 1 { "file is" } else { "files are" };
            self.warn(Code::NotCompiled, format!("{}: {count} {files} not compiled: {listed}", kind.name()));
        }
        Ok(())
    }

    /// Returns the sources of this stage, by layer and distribution.
    fn python_sources(&self, interpreter: &Interpreter) -> Vec<(LayerId, Sources)> {
        let own = [&interpreter.stdlib, &interpreter.purelib, &interpreter.platlib];
        let imported: Vec<_> = own.into_iter().chain(self.cx.plan.app.iter().map(|app| &app.to)).collect();
        let is_source = |path: &RootPath| {
            path.as_bytes().ends_with(b".py") && imported.iter().any(|folder| path.strip(folder).is_some())
        };
        let mut out = Vec::new();
        for (layer, recipe) in &self.recipes {
            let files = recipe.entries().filter(|(path, _)| is_source(path));
            let mut files: Sources =
                files.filter_map(|(path, entry)| Some((path.clone(), entry.content()?.clone()))).collect();
            if layer.kind == LayerKind::Dependencies {
                for distribution in &self.changes.facts.distributions {
                    let sources = distribution.files.iter().filter_map(|path| files.remove_entry(path)).collect();
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
        LayerKind::Extract | LayerKind::Libraries | LayerKind::Application => Because::Application,
    }
}
