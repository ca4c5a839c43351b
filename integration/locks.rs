//! Lock files of real projects, held against what the tools that wrote them install
//! from them; markers, held against `packaging`; and broken lock files, which are
//! errors and never panics.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read has failed the test")]

#[path = "locks/markers.rs"]
mod markers;
#[path = "locks/mutations.rs"]
mod mutations;
#[path = "locks/others.rs"]
mod others;
#[path = "support/random.rs"]
mod random;
#[path = "support/test_cache.rs"]
mod test_cache;
#[path = "locks/uv.rs"]
mod uv;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use carboy::hint::Hint as _;
use carboy::python::lock::{
    Format, Lock, LockError, LockInput, LockSelection, PackageOrigin, Pinned, ReferencePolicy, Refusal,
};
use carboy::python::marker::Environment;

/// Puts in no variable; all paths will do.
struct Refusing;

impl ReferencePolicy for Refusing {
    fn admit(&self, _: &Path) -> Result<(), Refusal> {
        Ok(())
    }

    fn expand(&self, _: &str) -> Result<String, Refusal> {
        Err(Refusal { cause: "not put in".to_owned(), hint: None })
    }
}

/// Reads a lock file with the files beside it.
fn lock(path: &Path) -> Result<Lock, LockError> {
    let folder = path.parent().unwrap();
    let text = fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    let project = fs::read_to_string(folder.join("pyproject.toml")).ok();
    let name = path.file_name().unwrap().to_str().unwrap();
    Lock::parse(
        Format::of(name).unwrap(),
        &mut LockInput {
            name,
            text: &text,
            project: project.as_deref(),
            read: &mut |path| fs::read_to_string(folder.join(path)).map_err(|cause| cause.to_string()),
            is_file: &|path| folder.join(path).is_file(),
            root: Path::new("."),
            policy: &Refusing,
        },
    )
}

#[track_caller]
fn pinned(path: &Path, environment: &Environment, choice: &LockSelection) -> Vec<Pinned> {
    let told = |error: LockError| panic!("{}: {error}\nhint: {:?}", path.display(), error.hint());
    lock(path).and_then(|lock| lock.pinned(environment, choice)).unwrap_or_else(told)
}

/// Names and versions; folders have none.
fn versions(pinned: &[Pinned]) -> BTreeMap<String, String> {
    let folder = |one: &&Pinned| !matches!(one.origin, PackageOrigin::Folder { .. });
    let version = |one: &Pinned| one.version.as_ref().map_or("?".to_owned(), ToString::to_string);
    pinned.iter().filter(folder).map(|one| (one.name.clone(), version(one))).collect()
}

fn environment(version: &str, machine: &'static str) -> Environment {
    let (minor, _) = version.rsplit_once('.').unwrap();
    Environment { python_version: minor.to_owned(), python_full_version: version.to_owned(), platform_machine: machine }
}

fn choice(extras: &[&str], groups: &[&str], member: Option<&str>) -> LockSelection {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    LockSelection {
        extras: names(extras),
        groups: names(groups),
        member: member.map(str::to_owned),
        ..LockSelection::default()
    }
}
