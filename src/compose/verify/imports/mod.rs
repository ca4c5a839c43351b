//! Checks that the modules which the image's program imports exist.
//!
//! Sources are read, never run: see [`crate::python::imports`].

mod image_files;
mod provider;
mod report;
mod started;

use std::collections::BTreeSet;

use crate::compose::composition::Composition;
use crate::compose::contents::Result;
use crate::diagnostic::Diagnostic;
use crate::python::Cpython;
use crate::python::imports::builtins;
use crate::python::imports::modules::SearchPath;
use crate::python::imports::reach::reach;
use crate::python::imports::verdict::Judge;
use image_files::ImageFiles;
use provider::has_extension;
use report::Report;

/// Checks the imports of the image's own command. Says nothing of modules of the distributions
/// that `missing` names: they are reported already.
///
/// # Errors
/// A file that cannot be read.
pub fn check(composition: &Composition<'_>, missing: &BTreeSet<String>) -> Result<Vec<Diagnostic>> {
    let Some(interpreter) = &composition.cx.interpreter else { return Ok(Vec::new()) };
    let Some(python) = Cpython::of(interpreter).filter(|python| python.since(3, 0)) else { return Ok(Vec::new()) };
    let Some(started) = started::started(composition, interpreter)? else { return Ok(Vec::new()) };
    let files = ImageFiles::new(composition, interpreter, python, started.mounted);
    let suffixes = python.suffixes(composition.cx.architecture.triplet);
    let builder = composition.cx.builder_tree();
    let in_files = |name: &str| builder.is_some_and(|tree| has_extension(tree, interpreter, name));
    let search = SearchPath {
        folders: started.folders,
        extensions: suffixes.into_iter().map(|suffix| suffix.text).collect(),
        builtins: builtins::modules(python.minor).filter(|name| !in_files(name)).map(str::to_owned).collect(),
    };
    let reached = reach(&files, &search, &started.starts, started.settings.as_deref());
    let judge = Judge::new(&files, &search, &reached, started.is_open);
    let found = Report { composition, interpreter, files: &files, missing }.diagnostics(&reached, &judge);
    files.finish()?;
    Ok(found)
}
