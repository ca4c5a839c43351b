//! The reason that a module is missing, and the fix: a part of the standard library that is left
//! out, a locked distribution of another group, a directory that is not on the module path.

use super::image_files::ImageFiles;
use crate::compose::composition::Composition;
use crate::plan::{Dependencies, LockedDependencies};
use crate::python::Interpreter;
use crate::python::imports::distribution_names::{candidates, well_known};
use crate::python::lock::LockSelection;
use crate::python::marker::Environment;
use crate::rootfs::Tree;

/// The most groups and extras of a lock file that are tried.
const TRIED: usize = 100;

/// The fix for a missing module.
pub(super) struct Fix {
    pub text: String,
    /// `true` if no distribution of the image can provide the module.
    pub is_certain: bool,
}

/// Returns the fix for a missing module.
pub(super) fn fix(
    composition: &Composition<'_>,
    interpreter: &Interpreter,
    files: &ImageFiles<'_>,
    module: &str,
) -> Fix {
    let top = module.split('.').next().unwrap_or_default();
    let certain = |text| Fix { text, is_certain: true };
    if is_in_stdlib(composition, interpreter, top) {
        let reason = "is a part of the standard library that `exclude` under [runtime] or carboy leaves out";
        return certain(format!("`{top}` {reason}"));
    }
    if let Dependencies::Locked(locked) = &composition.cx.plan.dependencies
        && let Some(fix) = from_lock(composition, interpreter, locked, module)
    {
        return certain(fix);
    }
    if let Some(path) = files.elsewhere(top) {
        let folder = if path.name() == Some(b"__init__.py") { path.parent() } else { Some(path.clone()) };
        let folder = folder.and_then(|folder| folder.parent()).unwrap_or_default();
        let text = format!(
            "the image has `{path}`, but Python does not search `{folder}`: env = {{ PYTHONPATH = \"{folder}\" }} under \
             [image]"
        );
        return Fix { text, is_certain: false };
    }
    let name = match well_known(module) {
        Some(name) => format!("`{name}`"),
        None => format!("the distribution that provides `{module}`"),
    };
    Fix { text: format!("add {name} to the project's dependencies and lock them again"), is_certain: false }
}

/// Returns whether the builder's standard library has a module that the image's does not have.
fn is_in_stdlib(composition: &Composition<'_>, interpreter: &Interpreter, module: &str) -> bool {
    let Some(tree) = composition.cx.builder_tree() else { return false };
    let names = [module.to_owned(), format!("{module}.py")];
    names.iter().any(|name| tree.follow(&interpreter.stdlib.child(name.as_bytes())).is_some())
        || has_extension(tree, interpreter, module)
}

/// Returns whether the standard library of a tree has a module as a shared object.
pub(super) fn has_extension(tree: &Tree, interpreter: &Interpreter, module: &str) -> bool {
    let start = format!("{module}.");
    let mut files = tree.children(&interpreter.stdlib.child(b"lib-dynload"));
    files.any(|(path, _)| path.name().is_some_and(|name| name.starts_with(start.as_bytes())))
}

/// Returns the fix for a module of a distribution in the lock file.
fn from_lock(
    composition: &Composition<'_>,
    interpreter: &Interpreter,
    locked: &LockedDependencies,
    module: &str,
) -> Option<String> {
    let LockedDependencies { lock, choice, .. } = locked;
    let offer = lock.offer(choice);
    let name = candidates(module).into_iter().find(|name| offer.names.contains(name))?;
    let file = lock.file().rsplit('/').next().unwrap_or_default();
    let environment = Environment::of(interpreter, composition.cx.architecture.machine);
    let brings = |choice: &LockSelection| {
        lock.pinned(&environment, choice).is_ok_and(|pinned| pinned.iter().any(|one| one.name == name))
    };
    // It is installed and does not provide the module, or the file cannot be used.
    if lock.pinned(&environment, choice).is_err() || brings(choice) {
        return None;
    }
    let with = |groups: Option<&String>, extras: Option<&String>| LockSelection {
        groups: choice.groups.iter().chain(groups).cloned().collect(),
        extras: choice.extras.iter().chain(extras).cloned().collect(),
        ..choice.clone()
    };
    let list = |names: &[String]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    for group in offer.groups.iter().take(TRIED) {
        let more = with(Some(group), None);
        if brings(&more) {
            let groups = list(&more.groups);
            return Some(format!(
                "{file} has `{name}` in the group `{group}`, which is left out: move it to the project's dependencies, or \
                 set groups = [{groups}] under [dependencies]"
            ));
        }
    }
    for extra in offer.extras.iter().take(TRIED) {
        let more = with(None, Some(extra));
        if brings(&more) {
            let extras = list(&more.extras);
            return Some(format!(
                "{file} has `{name}` in the extra `{extra}`, which is left out: set extras = [{extras}] under [dependencies]"
            ));
        }
    }
    Some(format!(
        "{file} has `{name}`, but nothing that is installed requires it: add it to the project's dependencies"
    ))
}
