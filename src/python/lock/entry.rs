//! What lock files have of each distribution, and what they have to be as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pep440_rs::{Version, VersionSpecifiers};
use url::Url;

use super::error::LockError;
use super::{Format, Hash, LockedFile, PackageOrigin, Pinned};
use crate::diagnostic::{Code, Diagnostic};
use crate::python::marker::{self, ActiveExtras, Environment, Marker};
use crate::python::requirement;
use crate::python::wheel::WheelName;

/// How many names a sentence tells before it only counts.
const NAMED: usize = 3;
/// Kinds of hashes that are known and not trusted, or not read.
const WEAK: [&str; 6] = ["md5", "sha1", "sha224", "blake2b", "blake2s", "blake2b_256"];

impl PackageOrigin {
    /// Whether nothing in the lock file tells what the content of some wheel must be.
    pub(super) fn is_unhashed(&self) -> bool {
        let bare = |files: &[LockedFile]| {
            let mut without = files.iter().filter(|file| file.hashes.is_empty());
            files.iter().all(|file| file.hashes.is_empty())
                || without.any(|file| WheelName::parse(&file.name).is_some())
        };
        match self {
            Self::Index { files, hashes, .. } => hashes.is_empty() && bare(files),
            Self::Url(file) => file.hashes.is_empty(),
            Self::File { hashes, .. } => hashes.is_empty(),
            Self::Folder { .. } | Self::Git { .. } => false,
        }
    }

    /// All its URLs.
    pub(super) fn urls(&mut self) -> impl Iterator<Item = &mut String> {
        let (one, files) = match self {
            Self::Index { index, files, .. } => (index.as_mut(), files.as_mut_slice()),
            Self::Url(file) => (None, std::slice::from_mut(file)),
            Self::Git { url } => (Some(url), [].as_mut_slice()),
            Self::File { .. } | Self::Folder { .. } => (None, [].as_mut_slice()),
        };
        one.into_iter().chain(files.iter_mut().filter_map(|file| file.url.as_mut()))
    }

    /// The paths of this machine that it leads to.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let local = |file: &LockedFile| {
            let url = Url::parse(file.url.as_deref()?).ok().filter(|url| url.scheme() == "file")?;
            url.to_file_path().ok()
        };
        match self {
            Self::File { path, .. } | Self::Folder { path } => vec![path.clone()],
            Self::Index { files, .. } => files.iter().filter_map(local).collect(),
            Self::Url(file) => local(file).into_iter().collect(),
            Self::Git { .. } => Vec::new(),
        }
    }

    /// The version that a wheel's name tells.
    pub(super) fn version(&self) -> Option<Version> {
        let wheel = match self {
            Self::Url(file) => WheelName::parse(&file.name),
            Self::File { path, .. } => path.file_name().and_then(|name| WheelName::parse(name.to_str()?)),
            _ => None,
        };
        wheel.map(|wheel| wheel.version)
    }

    /// Whether another entry says the same; it may know the index that this one does not.
    fn merge(&mut self, other: Self) -> bool {
        match (&mut *self, other) {
            (
                Self::Index { index, files, hashes },
                Self::Index { index: other_index, files: other_files, hashes: other_hashes },
            ) => {
                let one_index = index.is_none() || other_index.is_none() || *index == other_index;
                *index = index.take().or(other_index);
                one_index && *files == other_files && *hashes == other_hashes
            }
            (own, other) => *own == other,
        }
    }
}

/// Distributions by their names, each once.
///
/// # Errors
/// Two versions or origins of one name.
pub(super) fn once_each(file: &str, format: Format, all: Vec<Pinned>) -> Result<Vec<Pinned>, LockError> {
    let mut out: BTreeMap<String, Pinned> = BTreeMap::new();
    for one in all {
        let Some(first) = out.get_mut(&one.name) else {
            out.insert(one.name.clone(), one);
            continue;
        };
        let said = (told(first), told(&one));
        if first.version != one.version || !first.origin.merge(one.origin) {
            let error = LockError::new(file, format!("`{}` is locked twice: {} and {}", one.name, said.0, said.1));
            return Err(match relock(format) {
                Some(command) => error.with_hint(format!("choose extras and groups that go together, or `{command}`")),
                None => error.with_hint("keep one of the lines"),
            });
        }
    }
    Ok(out.into_values().collect())
}

fn told(one: &Pinned) -> String {
    let place = match &one.origin {
        PackageOrigin::Index { index: Some(index), .. } => format!("from {index}"),
        PackageOrigin::Index { .. } => "from an index".to_owned(),
        PackageOrigin::Url(LockedFile { name, url, .. }) => format!("from {}", url.as_ref().unwrap_or(name)),
        PackageOrigin::File { path, .. } | PackageOrigin::Folder { path } => format!("from `{}`", path.display()),
        PackageOrigin::Git { url } => format!("from {url}"),
    };
    one.version.as_ref().map_or_else(|| place.clone(), |version| format!("{version} {place}"))
}

/// The command that makes the lock file again.
pub(super) fn relock(format: Format) -> Option<&'static str> {
    match format {
        Format::Uv => Some("uv lock"),
        Format::Pylock => Some("uv export --format pylock.toml -o pylock.toml"),
        Format::Poetry => Some("poetry lock"),
        Format::Pipfile => Some("pipenv lock"),
        Format::Requirements => None,
    }
}

/// One sentence about all distributions without a hash, when there are any.
pub(super) fn unhashed(file: &str, format: Format, names: &BTreeSet<String>) -> Option<Diagnostic> {
    let some: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    let command = relock(format).unwrap_or("uv pip compile --generate-hashes requirements.in -o requirements.txt");
    let (have, count) = match names.len() {
        0 => return None,
        1 => ("1 distribution has no hash", String::new()),
        count => ("distributions have no hash", format!("{count} ")),
    };
    let text = format!("{file}: {count}{have} ({}{more}): files are taken as the index serves them", some.join(", "));
    let warning = Diagnostic::warning(Code::LockFileDoubt, super::error::clean(&text)).file(file);
    Some(warning.hint(format!("add them with `{command}`")))
}

/// Checks an interpreter against a lock file's `requires-python`.
///
/// # Errors
/// An interpreter that it excludes; what is no version specifier.
pub(super) fn admit(file: &str, format: Format, requires: &str, environment: &Environment) -> Result<(), LockError> {
    let bad = || LockError::new(file, format!("`{requires}` is no requirement of a version of Python"));
    let short = Some(requires).filter(|requires| requires.len() <= requirement::LONGEST_SPECIFIER);
    let specifiers: VersionSpecifiers = short.and_then(|requires| requires.parse().ok()).ok_or_else(bad)?;
    let full = &environment.python_full_version;
    let version: Version =
        full.parse().map_err(|_| LockError::new(file, format!("`{full}` is no version of Python")))?;
    // As pip does: 3.15.0rc1 is a 3.15.
    let version = version.only_release();
    if specifiers.iter().all(|specifier| marker::within(specifier, version.clone())) {
        return Ok(());
    }
    let command =
        relock(format).map_or(String::new(), |command| format!(", or change `requires-python` and `{command}`"));
    Err(excluded(file, requires, environment, &format!("choose another `python`{command}")))
}

/// A Python that a lock file does not allow.
pub(super) fn excluded(file: &str, requires: &str, environment: &Environment, hint: &str) -> LockError {
    let full = &environment.python_full_version;
    LockError::new(file, format!("requires Python {requires}, and the image's is {full}")).with_hint(hint)
}

/// Reads a marker.
///
/// # Errors
/// What is none.
pub(super) fn marker(at: &str, text: &str) -> Result<Marker, LockError> {
    Marker::parse(text).map_err(|error| LockError::new(at, error.to_string()))
}

/// Checks an interpreter and its platform against what the whole file was locked for.
///
/// # Errors
/// What [`admit`] says; environments, as markers, of which none is this one.
pub(super) fn covers(
    file: &str,
    format: Format,
    requires: Option<&str>,
    environments: &[Marker],
    environment: &Environment,
) -> Result<(), LockError> {
    if let Some(requires) = requires {
        admit(file, format, requires, environment)?;
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

/// What is not there of what was chosen, with what is.
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

/// Hashes from texts. Weak kinds are left out, as if they were not there.
///
/// # Errors
/// What is no hash.
pub(super) fn hashes<'a>(at: &str, texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Hash>, LockError> {
    let mut out = BTreeSet::new();
    for text in texts {
        let kind = text.split_once(':').map(|(kind, _)| kind.to_ascii_lowercase());
        match Hash::parse(text) {
            Some(hash) => drop(out.insert(hash)),
            None if kind.as_ref().is_some_and(|kind| WEAK.contains(&kind.as_str())) => {}
            None => {
                let short: String = text.chars().take(150).collect();
                return Err(LockError::new(at, format!("`{short}` is no sha256, sha384 or sha512 hash")));
            }
        }
    }
    Ok(out.into_iter().collect())
}
