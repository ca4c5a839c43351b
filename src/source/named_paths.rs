//! What the configuration names itself, as `from` of a copy does: the defaults hold for
//! what it leads to, unless it is spelled out.
//!
//! A link that somebody commits may lead to a secret under an innocent name, so the path
//! is judged with its links resolved (`path_resolution(7)`).

use std::ffi::OsStr;
use std::path::{Component, Path};

use super::globs::Globs;
use super::{default_excludes, other};
use crate::operation_error::OperationError;

/// Rules of folders that come back only by `include`: a checkout's token lies in them.
const VERSION_CONTROL: [&str; 3] = [".git", ".hg", ".svn"];

/// Checks a path that the configuration of a project in `folder` names, given what both
/// lead to.
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

/// Whether a path has a component as it is, in any case.
pub(super) fn spells(path: &Path, name: &OsStr) -> bool {
    path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(name))
}

/// The error of a path that leads to something that stays out.
pub(super) fn refused(written: &Path, name: &OsStr, rule: &str) -> OperationError {
    let name = name.to_string_lossy();
    OperationError {
        hint: Some(format!("if the image needs it, write include = [{name:?}] beside the path")),
        ..other(format!("`{}` leads to `{name}`, which the rule `{rule}` leaves out", written.display()))
    }
}
