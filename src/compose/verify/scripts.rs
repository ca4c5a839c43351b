//! Warns about scripts of the dependencies and the application that cannot start.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::composition::Composition;
use crate::compose::contents::Result;
use crate::compose::script_interpreters::{executable_head, first_line, missing_programs, program_folders};
use crate::diagnostic::{Code, Diagnostic, some_of};
use crate::image::{Executable, ExecutableError, LayerKind};
use crate::layer::recipe::Recipe;
use crate::rootfs::RootPath;

/// The most scripts that a warning names.
const LISTED: usize = 8;

/// Checks the scripts in directories of `PATH`. Scripts in other directories are data.
///
/// # Errors
/// A script that cannot be read.
pub fn check(composition: &Composition<'_>) -> Result<Vec<Diagnostic>> {
    let (cx, image) = (composition.cx, &composition.image);
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut windows = Vec::new();
    for path in scripts(composition) {
        let Some(head) = executable_head(cx, &image.tree, path)? else { continue };
        if Executable::parse(&head) == Err(ExecutableError::CarriageReturn) {
            windows.push(path.to_string());
            continue;
        }
        let programs = first_line(&head).map(|line| missing_programs(cx, image, &line)).unwrap_or_default();
        if let Some(program) = programs.first() {
            missing.entry(program.name().to_owned()).or_default().push(path.to_string());
        }
    }
    let mut out = Vec::new();
    for (program, scripts) in missing {
        let (number, listed) = (scripts.len(), some_of(&scripts, LISTED));
        let noun = if number == 1 { "script needs" } else { "scripts need" };
        let message = format!("{number} {noun} `{program}`, which the image does not have: {listed}");
        out.push(Diagnostic::warning(Code::MissingInterpreter, message));
    }
    if !windows.is_empty() {
        let listed = some_of(&windows, LISTED);
        let message = format!("scripts cannot start, because their first line has a Windows line ending: {listed}");
        out.push(Diagnostic::warning(Code::CannotStart, message));
    }
    Ok(out)
}

/// Returns the files of the dependencies and the application in directories of `PATH`.
fn scripts<'a>(composition: &'a Composition<'_>) -> impl Iterator<Item = &'a RootPath> {
    let image = &composition.image;
    let folders = [program_folders(composition.cx, image), image.programs.clone()].concat();
    let folders: BTreeSet<_> = folders.iter().filter_map(|folder| image.tree.resolve(folder).ok()).collect();
    let kinds = [LayerKind::Dependencies, LayerKind::Application];
    let own = composition.layers().filter(move |(layer, _)| kinds.contains(&layer.kind));
    let paths = own.flat_map(|(_, recipe)| Recipe::entries(recipe)).map(|(path, _)| path);
    paths.filter(move |path| path.parent().is_some_and(|folder| folders.contains(&folder)))
}
