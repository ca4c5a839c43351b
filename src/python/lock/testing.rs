//! Lock files in memory, for tests.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Format, Lock, LockError, LockInput, LockSelection, PackageOrigin, Pinned, ReferencePolicy, Refusal};
use crate::python::marker::Environment;

/// A policy that expands no variables and allows every path.
pub struct Refusing;

impl ReferencePolicy for Refusing {
    fn admit(&self, _: &Path) -> Result<(), Refusal> {
        Ok(())
    }

    fn expand(&self, _: &str) -> Result<String, Refusal> {
        Err(Refusal { cause: "not put in".to_owned(), hint: Some("use netrc".to_owned()) })
    }
}

pub(super) fn environment() -> Environment {
    Environment {
        python_version: "3.13".to_owned(),
        python_full_version: "3.13.5".to_owned(),
        platform_machine: "x86_64",
    }
}

/// Parses a lock file with a project and other files.
pub(super) fn read(
    format: Format,
    text: &str,
    project: Option<&str>,
    beside: &[(&str, &str)],
) -> Result<Lock, LockError> {
    read_of(Path::new("."), format, text, project, beside)
}

/// Parses a lock file of a project in another directory.
pub(super) fn read_of(
    root: &Path,
    format: Format,
    text: &str,
    project: Option<&str>,
    beside: &[(&str, &str)],
) -> Result<Lock, LockError> {
    let beside: BTreeMap<_, _> = beside.iter().copied().collect();
    let mut read = |path: &Path| {
        let found = beside.get(path.to_str().unwrap_or_default());
        found.map(|text| (*text).to_owned()).ok_or_else(|| "no such file".to_owned())
    };
    Lock::parse(
        format,
        &mut LockInput {
            name: format.file_name(),
            text,
            project,
            read: &mut read,
            is_file: &|path| beside.contains_key(path.to_str().unwrap_or_default()),
            root,
            policy: &Refusing,
        },
    )
}

/// Lists the pinned distributions of one platform, a line for each.
pub(super) fn listed(lock: &Lock, choice: &LockSelection) -> Result<Vec<String>, LockError> {
    Ok(lock.pinned(&environment(), choice)?.iter().map(line).collect())
}

fn line(one: &Pinned) -> String {
    let version = one.version.as_ref().map_or(String::new(), |version| format!("=={version}"));
    let place = match &one.origin {
        PackageOrigin::Index { index, files, hashes } => {
            let index = index.as_ref().map_or(String::new(), |index| format!(" {index}"));
            format!("{index} {} files {} hashes", files.len(), hashes.len())
        }
        PackageOrigin::Url(file) => {
            format!(" {} {} hashes", file.url.as_deref().unwrap_or_default(), file.hashes.len())
        }
        PackageOrigin::File { path, hashes } => format!(" {} {} hashes", path.display(), hashes.len()),
        PackageOrigin::Folder { path } => format!(" {}/", path.display()),
        PackageOrigin::Git { url } => format!(" {url}"),
    };
    format!("{}{version}{place}", one.name)
}
