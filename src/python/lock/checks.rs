//! Checks of lock files, and errors about them, that the formats share.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::{Version, VersionSpecifiers};

use super::error::{LockError, clean};
use super::{Format, LockedFile, PackageOrigin, Pinned};
use crate::diagnostic::{Code, Diagnostic};
use crate::python::marker::{self, ActiveExtras, Environment, Marker};
use crate::python::requirement;

/// The largest number of names that a message lists.
const NAMED: usize = 3;

/// Merges entries of one name and sorts by name.
///
/// # Errors
/// Returns an error for two versions or two origins of one name.
pub(super) fn once_each(file: &str, format: Format, all: Vec<Pinned>) -> Result<Vec<Pinned>, LockError> {
    let mut out: BTreeMap<String, Pinned> = BTreeMap::new();
    for one in all {
        let Some(first) = out.get_mut(&one.name) else {
            out.insert(one.name.clone(), one);
            continue;
        };
        let (left, right) = (described(first), described(&one));
        if first.version != one.version || !first.origin.merge(one.origin) {
            let error = LockError::new(file, format!("`{}` is locked twice: {} and {}", one.name, left, right));
            return Err(match format.lock_command() {
                Some(command) => error.with_hint(format!("choose extras and groups that go together, or `{command}`")),
                None => error.with_hint("keep one of the lines"),
            });
        }
    }
    Ok(out.into_values().collect())
}

/// Describes version and origin for a message.
fn described(one: &Pinned) -> String {
    let place = match &one.origin {
        PackageOrigin::Index { index: Some(index), .. } => format!("from {index}"),
        PackageOrigin::Index { .. } => "from an index".to_owned(),
        PackageOrigin::Url(LockedFile { name, url, .. }) => format!("from {}", url.as_ref().unwrap_or(name)),
        PackageOrigin::File { path, .. } | PackageOrigin::Folder { path } => format!("from `{}`", path.display()),
        PackageOrigin::Git { url } => format!("from {url}"),
    };
    one.version.as_ref().map_or_else(|| place.clone(), |version| format!("{version} {place}"))
}

/// Returns a warning about the distributions without a hash, if there are any. `command` is the
/// command that adds hashes, in backquotes.
pub(super) fn unhashed(file: &str, command: &str, names: &BTreeSet<String>) -> Option<Diagnostic> {
    let some: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    let (have, count) = match names.len() {
        0 => return None,
        1 => ("1 distribution has no hash", String::new()),
        count => ("distributions have no hash", format!("{count} ")),
    };
    let text = format!("{file}: {count}{have} ({}{more}): files are taken as the index serves them", some.join(", "));
    let warning = Diagnostic::warning(Code::LockFileDoubt, clean(&text)).file(file);
    Some(warning.hint(format!("add them with {command}")))
}

/// Checks an interpreter against a lock file's `requires-python`.
///
/// # Errors
/// Returns an error for an interpreter that it excludes, and for an invalid version specifier.
pub(super) fn check_python(
    file: &str,
    format: Format,
    requires: &str,
    environment: &Environment,
) -> Result<(), LockError> {
    let bad = || LockError::new(file, format!("`{requires}` is not a requirement on Python"));
    let short = Some(requires).filter(|requires| requires.len() <= requirement::LONGEST_SPECIFIER);
    let specifiers: VersionSpecifiers = short.and_then(|requires| requires.parse().ok()).ok_or_else(bad)?;
    let full = &environment.python_full_version;
    let version: Version =
        full.parse().map_err(|_| LockError::new(file, format!("`{full}` is not a version of Python")))?;
    // As pip does: 3.15.0rc1 is a 3.15.
    let version = version.only_release();
    if specifiers.iter().all(|specifier| marker::within(specifier, version.clone())) {
        return Ok(());
    }
    let instead = format.lock_command().map(|command| format!("change `requires-python` and `{command}`"));
    Err(LockError::excluded(file, requires, &environment.python_full_version, instead))
}

/// Parses a marker.
///
/// # Errors
/// Returns an error for text that is not a marker.
pub(super) fn parse_marker(at: &str, text: &str) -> Result<Marker, LockError> {
    Marker::parse(text).map_err(|error| LockError::new(at, error.to_string()))
}

/// Checks an interpreter and its platform against `requires-python` and `environments` of a lock file.
///
/// # Errors
/// Returns an error if either excludes the interpreter or its platform.
pub(super) fn check_environment(
    file: &str,
    format: Format,
    requires: Option<&str>,
    environments: &[Marker],
    environment: &Environment,
) -> Result<(), LockError> {
    if let Some(requires) = requires {
        check_python(file, format, requires, environment)?;
    }
    let applies = |marker: &Marker| marker.may_hold(environment, &ActiveExtras::default());
    if environments.is_empty() || environments.iter().any(applies) {
        return Ok(());
    }
    let machine = environment.platform_machine;
    let cause = format!("was not locked for Linux on {machine} with Python {}", environment.python_version);
    let table = if format == Format::Uv { " in [tool.uv]" } else { "" };
    Err(LockError::new(file, cause).with_hint(format!("add it to `environments`{table}, and lock again")))
}

/// Returns the error for an extra, group or member that a lock file does not have.
pub(super) fn unknown<'a>(
    file: &str,
    kind: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> LockError {
    let error = LockError::new(file, format!("has no {kind} `{name}`"));
    let listed: Vec<_> = known.clone().take(20).map(|name| format!("`{name}`")).collect();
    let has = if listed.is_empty() { format!("it has no {kind}s") } else { format!("it has {}", listed.join(", ")) };
    error.with_hint(match crate::hint::nearest(name, known) {
        Some(meant) => format!("did you mean `{meant}`? {has}"),
        None => has,
    })
}
