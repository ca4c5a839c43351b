//! Paths that the configuration names, as `from` of a copy does: the default rules apply to their
//! targets, unless the path spells the target out.
//!
//! A committed link may lead to a secret under an innocent name, so the path is checked with its
//! links resolved (`path_resolution(7)`).

use std::ffi::OsStr;
use std::path::{Component, Path};

use super::default_excludes;
use super::globs::Globs;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// The rules of directories that only `include` takes back: they may hold a checkout's token.
const VERSION_CONTROL: [&str; 3] = [".git", ".hg", ".svn"];

/// Checks a path that the configuration of a project in `folder` names, given the targets of both.
///
/// # Errors
/// A rule leaves a part of it out, and neither the path nor `include` spells that part out.
pub(super) fn check(folder: (&Path, &Path), named: (&Path, &Path), include: &[String]) -> Result<(), OperationError> {
    let ((folder, real_folder), (named, real)) = (folder, named);
    let written = named.strip_prefix(folder).unwrap_or(named);
    let include = Globs::new(include)?;
    let shared = real.components().zip(real_folder.components()).take_while(|(one, two)| one == two).count();
    let parts: Vec<_> = real.components().map(Component::as_os_str).collect();
    for at in shared..parts.len() {
        let parent = at.checked_sub(1).map_or(OsStr::new(""), |at| parts[at]);
        let is_folder = at + 1 < parts.len() || real.is_dir();
        let name = parts[at].as_encoded_bytes();
        let Some(rule) = default_excludes::rule_of(parent.as_encoded_bytes(), name, is_folder) else { continue };
        let may_be_spelled = !VERSION_CONTROL.contains(&rule);
        if !(may_be_spelled && spells(written, parts[at]) || include.name(name)) {
            return Err(refused(written, parts[at], rule));
        }
    }
    Ok(())
}

/// Returns whether a path has a name as a component, in any case.
pub(super) fn spells(path: &Path, name: &OsStr) -> bool {
    path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(name))
}

/// Builds the error of a path that leads to a left-out file.
pub(super) fn refused(written: &Path, name: &OsStr, rule: &str) -> OperationError {
    let name = name.to_string_lossy();
    let message = format!("`{}` leads to `{name}`, which the rule `{rule}` leaves out", written.display());
    OperationError::new(Code::LeftOut, message)
        .with_hint(format!("if the image needs it, write include = [{name:?}] beside the path"))
}
