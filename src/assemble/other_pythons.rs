//! Wheels that exist for other versions of Python alone: one error for all distributions, and a
//! version for which all have wheels.

use std::collections::{BTreeMap, BTreeSet};

use super::platform_build::PlatformBuild;
use super::python_facts::PythonFacts;
use crate::diagnostic::{Code, Detail, Diagnostic, OtherPythons, some_of};
use crate::plan::{LockedDependencies, Plan, PythonSetting};
use crate::python::lock::{PackageOrigin, Pinned, python_allows};
use crate::python::marker::Environment;
use crate::python::releases;
use crate::python::tags::Target;
use crate::python::wheel::WheelName;
use crate::python::{Cpython, Interpreter};

/// The patch release that is assumed of another version: the builder has a late one.
const PATCH: u32 = 99;

/// Removes the versions of Python that the project or its lock file excludes, and those for which
/// the lock file has no wheel of another distribution.
pub fn restrict(found: &mut [Diagnostic], build: &PlatformBuild, locked: &LockedDependencies, python: &PythonFacts) {
    let all: BTreeSet<_> = found.iter().filter_map(other).flat_map(|other| other.minors.clone()).collect();
    // Another version of Python does not change these.
    let lacking = found.iter().filter(|one| other(one).is_none());
    let lacking: BTreeSet<_> =
        lacking.filter_map(|one| Some(distribution(one)?.split(' ').next()?.to_owned())).collect();
    let has_all = |minor: &u32| {
        let Some((target, environment)) = with_minor(*minor, build, python) else { return false };
        let fits = |pinned: &Pinned| lacking.contains(&pinned.name) || may_fit(pinned, &target);
        locked.lock.pinned(&environment, &locked.choice).is_ok_and(|pinned| pinned.iter().all(fits))
    };
    let usable: BTreeSet<_> = all.into_iter().filter(has_all).collect();
    for one in found {
        if let Some(Detail::NoWheel { other_pythons: Some(other), .. }) = &mut one.detail {
            other.minors.retain(|minor| usable.contains(minor));
        }
    }
}

/// Returns the facts of another version of Python; none if no images are known for it or
/// `requires-python` of the project excludes it.
fn with_minor(minor: u32, build: &PlatformBuild, python: &PythonFacts) -> Option<(Target, Environment)> {
    let version = format!("3.{minor}");
    let full = format!("{version}.{PATCH}");
    let requires = build.plan.project_python.requires.as_ref();
    if releases::pair(&version).is_err() || requires.is_some_and(|text| python_allows(text, &full) == Some(false)) {
        return None;
    }
    let (abi_flags, full_version) = (String::new(), Some(full));
    let interpreter = Interpreter { version, abi_flags, full_version, ..python.interpreter.clone() };
    let target = Target { python: Cpython::of(&interpreter)?, ..python.target.clone() };
    Some((target, Environment::of(&interpreter, build.architecture.machine)))
}

/// Returns whether a distribution may have a wheel for a target: one of its wheels fits, or the
/// lock file names none.
fn may_fit(pinned: &Pinned, target: &Target) -> bool {
    let PackageOrigin::Index { files, .. } = &pinned.origin else { return true };
    let mut wheels = files.iter().filter_map(|file| WheelName::parse(&file.name)).peekable();
    wheels.peek().is_none() || wheels.any(|wheel| wheel.tags.iter().any(|tag| target.accepts(tag)))
}

/// Merges the errors of all distributions without wheels for the image's Python into one.
pub fn merged(found: Vec<Diagnostic>, plan: &Plan) -> Vec<Diagnostic> {
    let certain = found.iter().filter(|one| other(one).is_some_and(|other| other.is_only_reason));
    let certain: BTreeSet<_> = certain.filter_map(|one| distribution(one).map(str::to_owned)).collect();
    let mut out = Vec::new();
    let mut groups: BTreeMap<String, (usize, Vec<Diagnostic>)> = BTreeMap::new();
    for one in found {
        match &one.detail {
            Some(Detail::NoWheel { distribution, python, other_pythons: Some(_), .. })
                if certain.contains(distribution) =>
            {
                groups.entry(python.clone()).or_insert_with(|| (out.len(), Vec::new())).1.push(one);
            }
            _ => out.push(one),
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, (at, _))| *at);
    for (python, (at, members)) in groups.into_iter().rev() {
        out.splice(at..at, one_error(&python, &members, plan));
    }
    out
}

/// Returns the error of all distributions without wheels for a Python, once for each platform.
fn one_error(python: &str, members: &[Diagnostic], plan: &Plan) -> Vec<Diagnostic> {
    let names: BTreeSet<_> = members.iter().filter_map(distribution).collect();
    let minors = members.iter().filter_map(other).map(|other| other.minors.clone());
    let newest = minors.reduce(|all, more| &all & &more).and_then(|all| all.last().copied());
    let hint = newest.map(|minor| choose(minor, names.len(), plan.python_setting));
    let one = if names.len() == 1 { single(members, hint.clone()) } else { None };
    let error = one.unwrap_or_else(|| several(python, members, hint));
    let mut platforms: Vec<_> = members.iter().filter_map(|one| one.subject.platform.as_ref()).collect();
    platforms.dedup();
    if platforms.is_empty() {
        return vec![error];
    }
    platforms.into_iter().map(|platform| error.clone().on(platform)).collect()
}

/// Returns the error of one distribution.
fn single(members: &[Diagnostic], hint: Option<String>) -> Option<Diagnostic> {
    // Another platform may have further reasons.
    let certain = members.iter().find(|one| other(one).is_some_and(|other| other.is_only_reason));
    let mut error = certain?.clone();
    error.subject.platform = None;
    if let (Some(_), Some(Detail::NoWheel { build, .. })) = (&hint, &mut error.detail) {
        *build = None;
    }
    Some(error.hint(hint))
}

/// Returns the error of several distributions.
fn several(python: &str, members: &[Diagnostic], hint: Option<String>) -> Diagnostic {
    let names: BTreeSet<_> = members.iter().filter_map(distribution).collect();
    let listed = names.iter().copied().collect::<Vec<_>>().join(", ");
    let text = format!("no wheels for Python {python} of {} distributions: {listed}", names.len());
    let error = Diagnostic::error(Code::NoWheel, text);
    if hint.is_some() { error.hint(hint) } else { with_builds(error, python, members) }
}

/// Adds the ways to get wheels for the image's Python.
fn with_builds(error: Diagnostic, python: &str, members: &[Diagnostic]) -> Diagnostic {
    let (mut builds, mut others) = (BTreeSet::new(), BTreeSet::new());
    for one in members {
        match &one.detail {
            Some(Detail::NoWheel { build: Some(build), .. }) => builds.insert(build.clone()),
            Some(Detail::NoWheel { distribution, .. }) => {
                others.insert(format!("`{}`", distribution.split(' ').next().unwrap_or_default()))
            }
            _ => false,
        };
    }
    let others: Vec<_> = others.into_iter().collect();
    let what = if others.len() == 1 { "a version" } else { "versions" };
    let has = if others.len() == 1 { "has" } else { "have" };
    let listed = some_of(&others, others.len());
    let hint = (!others.is_empty()).then(|| format!("lock {what} of {listed} that {has} wheels for Python {python}"));
    let builds = builds.into_iter().collect();
    error.hint(hint).detail(Detail::WheelsToBuild { python: python.to_owned(), builds })
}

/// Returns the hint to choose another version of Python for some distributions, with the setting
/// that chose this one.
fn choose(minor: u32, distributions: usize, setting: PythonSetting) -> String {
    let all = if distributions == 1 { "it has" } else { "all have" };
    let version = format!("3.{minor}");
    let what = match setting {
        PythonSetting::Version(_) => "Python",
        PythonSetting::Builder(..) => "a builder with Python",
    };
    let written = setting.of_version(&version).map_or_else(String::new, |written| format!(": {written}"));
    format!("choose {what} {version}, for which {all} wheels{written}")
}

fn other(one: &Diagnostic) -> Option<&OtherPythons> {
    match &one.detail {
        Some(Detail::NoWheel { other_pythons, .. }) => other_pythons.as_ref(),
        _ => None,
    }
}

/// Returns the distribution without a wheel, with its version.
fn distribution(one: &Diagnostic) -> Option<&str> {
    match &one.detail {
        Some(Detail::NoWheel { distribution, .. }) => Some(distribution),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Author;
    use crate::python::releases::Release;

    #[test]
    fn the_hint_names_the_setting_that_chose_this_python() {
        let hint = |setting| choose(12, 2, setting);
        let all = "3.12, for which all have wheels: ";
        assert_eq!(hint(PythonSetting::Version(Author::Project)), format!("choose Python {all}python = \"3.12\""));
        assert_eq!(hint(PythonSetting::Version(Author::User)), format!("choose Python {all}--python 3.12"));
        let named = hint(PythonSetting::Builder(Author::User, Some(Release::Bookworm)));
        assert_eq!(named, format!("choose a builder with Python {all}--builder python:3.12-slim-bookworm"));
    }
}
