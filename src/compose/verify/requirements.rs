//! Checks that the image has every distribution that the project and the installed distributions
//! require.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::composition::Composition;
use crate::compose::contents::root_path;
use crate::compose::context::Context;
use crate::compose::reasons::Because;
use crate::compose::site_packages;
use crate::diagnostic::{Code, Diagnostic, some_of};
use crate::hint::shell_word;
use crate::plan::{Dependencies, LockedDependencies, Plan};
use crate::python::installed_requirements::{Conflict, Requirer, Unsatisfied, unsatisfied};
use crate::python::lock::{Format, StatedRequirements};
use crate::python::marker::Environment;
use crate::python::requirement::Requirement;
use crate::python::{Distribution, Distributions, Interpreter, normalised};

/// The most names that a message lists, for each distribution and in all.
const LISTED: usize = 8;
/// Distributions that pip-compile omits without `--allow-unsafe`.
const UNSAFE: [&str; 4] = ["distribute", "pip", "setuptools", "wheel"];

/// The required distributions that an image lacks, and the diagnostics of its requirements.
#[derive(Default)]
pub struct Checked {
    pub diagnostics: Vec<Diagnostic>,
    /// The normalised names of the distributions that the error names.
    pub missing: BTreeSet<String>,
}

/// Reports missing distributions as an error, and installed versions that a requirement excludes as
/// a warning.
pub fn check(composition: &Composition<'_>, distributions: &Distributions) -> Checked {
    let cx = composition.cx;
    let Some(interpreter) = &cx.interpreter else { return Checked::default() };
    let environment = Environment::of(interpreter, cx.architecture.machine);
    let locked = match &cx.plan.dependencies {
        Dependencies::Locked(locked) => Some(locked),
        Dependencies::None | Dependencies::Ready(_) | Dependencies::Unknown => None,
    };
    let project = project(&cx.plan, locked);
    let is_own = |one: &Requirer| project.as_ref().is_some_and(|project| project.name == one.name);
    let others = others(composition, interpreter);
    let installed = distributions.iter().chain(others.iter());
    let installed = installed.map(|one| requirer(composition, one)).filter(|one| !is_own(one));
    let all: Vec<_> = installed.chain(project.clone()).collect();
    let mut stated = locked.map(|locked| locked.lock.stated(&environment)).unwrap_or_default();
    if let (Some(project), Some(locked)) = (&project, locked) {
        stated.extras.entry(project.name.clone()).or_default().extend(locked.choice.extras.iter().cloned());
    }
    let mut found = unsatisfied(&all, &stated.extras, &environment);
    waive(&mut found, cx, &stated);
    let mut lesser = BTreeMap::new();
    for (by, names) in &mut found.missing {
        let (optional, needed) = names.iter().cloned().partition(|name| UNSAFE.contains(&name.as_str()));
        *names = needed;
        lesser.insert(by.clone(), optional);
    }
    let report = Report { locked, interpreter };
    let all = [report.missing(&found.missing), Report::left_out(&lesser), conflicting(&found.conflicts)];
    Checked {
        diagnostics: all.into_iter().flatten().collect(),
        missing: found.missing.into_values().flatten().map(|name| normalised(&name)).collect(),
    }
}

/// Returns the project with the dependencies that its `pyproject.toml` declares; none if the image
/// has its wheel, or if another project of its workspace is installed.
fn project(plan: &Plan, locked: Option<&LockedDependencies>) -> Option<Requirer> {
    let app = plan.app.as_ref().filter(|app| app.wheel.is_none())?;
    let project = app.project.as_ref()?;
    // Reported already: there is no lock file, or an old one.
    let is_reported = plan.errors.iter().any(|error| error.code == Code::StaleLockFile);
    if is_reported || matches!(plan.dependencies, Dependencies::None | Dependencies::Unknown) {
        return None;
    }
    let name = project.name.clone();
    let own = name.as_deref().map(normalised).unwrap_or_default();
    let member = locked.and_then(|locked| locked.choice.member.as_ref());
    if member.is_some_and(|member| *member != own) {
        return None;
    }
    let declared = &project.dependencies;
    let of_extra = |(extra, list): (&String, &Vec<String>)| {
        let of = |text: &String| {
            let (requirement, marker) = text.split_once(';').unwrap_or((text, ""));
            let marker = if marker.trim().is_empty() { String::new() } else { format!("({marker}) and ") };
            format!("{requirement} ; {marker}extra == '{extra}'")
        };
        list.iter().map(of).collect::<Vec<_>>()
    };
    let optional: Vec<_> = declared.extras.iter().flat_map(of_extra).collect();
    let all = declared.requirements.iter().chain(&optional);
    Some(Requirer {
        name: own,
        label: name.unwrap_or_else(|| "the project".to_owned()),
        version: None,
        requires: all.filter_map(|text| Requirement::parse(text).ok()).collect(),
    })
}

/// Returns the distributions in other directories that the interpreter imports from.
fn others(composition: &Composition<'_>, interpreter: &Interpreter) -> Distributions {
    let path = composition.process.env.iter().rev().find_map(|line| line.strip_prefix("PYTHONPATH="));
    let path = path.into_iter().flat_map(|path| path.split(':')).filter(|entry| entry.starts_with('/'));
    let tree = &composition.image.tree;
    let sites: BTreeSet<_> = interpreter
        .sites()
        .into_iter()
        .chain(path.map(root_path))
        .filter_map(|site| tree.resolve(&site).ok())
        .collect();
    let own = tree.resolve(&interpreter.purelib).ok();
    let sites: Vec<_> = sites.into_iter().filter(|site| Some(site) != own.as_ref() && !site.is_root()).collect();
    site_packages::distributions(tree, &sites, composition.cx.contents.as_ref())
}

/// Returns an installed distribution. The base's own are not checked.
fn requirer(composition: &Composition<'_>, one: &Distribution) -> Requirer {
    let records = ["METADATA", "PKG-INFO"].map(|name| one.metadata.child(name.as_bytes()));
    let reasons = &composition.image.reasons;
    let reason = records.iter().chain([&one.metadata]).find_map(|path| reasons.get(path));
    let is_checked = reason.is_some_and(|reason| matches!(reason.because, Because::Dependency | Because::Application));
    let requires = one.requires.iter().filter(|_| is_checked);
    Requirer {
        name: normalised(&one.name),
        label: one.to_string(),
        version: one.version.parse().ok(),
        requires: requires.filter_map(|text| Requirement::parse(text).ok()).collect(),
    }
}

/// Drops what the configuration or the lock file allows to be missing, and what other errors are
/// about.
fn waive(found: &mut Unsatisfied, cx: &Context, stated: &StatedRequirements) {
    for (by, names) in &mut found.missing {
        let by = by.split(' ').next().map(normalised).unwrap_or_default();
        let is_allowed = |name: &str| cx.plan.allow_missing_requirements.allows(name) || cx.unavailable.may_have(name);
        names.retain(|name| !is_allowed(name) && !stated.overrides(&by, name));
    }
}

/// Returns a warning about installed versions that a requirement excludes.
fn conflicting(conflicts: &BTreeSet<Conflict>) -> Option<Diagnostic> {
    let one = |Conflict { by, requirement, installed }: &Conflict| {
        format!("{by} requires {requirement}, and the image has {installed}")
    };
    let all: Vec<_> = conflicts.iter().map(one).collect();
    let mut listed = all.iter().take(LISTED).cloned().collect::<Vec<_>>().join("; ");
    if all.len() > LISTED {
        listed = format!("{listed}; and {} more", all.len() - LISTED);
    }
    (!all.is_empty()).then(|| Diagnostic::warning(Code::ConflictingVersions, listed))
}

/// The facts that messages about missing distributions need.
struct Report<'a> {
    locked: Option<&'a LockedDependencies>,
    interpreter: &'a Interpreter,
}

impl Report<'_> {
    /// Returns the command that locks everything that a requirements file requires.
    fn compile(&self) -> Option<String> {
        self.locked?.lock.compile_hint(Some(&self.interpreter.version))
    }

    fn missing(&self, missing: &BTreeMap<String, BTreeSet<String>>) -> Option<Diagnostic> {
        let names: BTreeSet<_> = missing.values().flatten().collect();
        let message = format!("the image lacks required distributions: {}", requirements(missing)?);
        let names: Vec<_> = names.into_iter().map(String::as_str).collect();
        let waiver = format!("allow-missing-requirements = {names:?} under [dependencies]");
        let add = |tool: &str| {
            format!("lock them: `{tool} {}`", names.iter().copied().map(shell_word).collect::<Vec<_>>().join(" "))
        };
        let add = match self.locked.map(|locked| locked.lock.format()) {
            Some(Format::Uv) => add("uv add"),
            Some(Format::Poetry) => add("poetry add"),
            Some(Format::Pipfile) => add("pipenv install"),
            Some(Format::Requirements) => format!("lock them: {}", self.compile().unwrap_or_default()),
            Some(Format::Pylock) => "lock them too".to_owned(),
            None => "install them too".to_owned(),
        };
        let hint = format!("{add}; if they are not needed: {waiver}");
        Some(Diagnostic::error(Code::MissingRequirement, message).hint(hint))
    }

    fn left_out(missing: &BTreeMap<String, BTreeSet<String>>) -> Option<Diagnostic> {
        let message = format!("the image lacks distributions that others require: {}", requirements(missing)?);
        let hint = "lock them too if a module imports them: pip-compile does with --allow-unsafe".to_owned();
        Some(Diagnostic::warning(Code::MissingRequirement, message).hint(hint))
    }
}

/// Lists distributions with the names that each requires: `requests 2.32.3 requires certifi and
/// idna`.
fn requirements(missing: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let one = |(by, names): (&String, &BTreeSet<String>)| {
        let names: Vec<_> = names.iter().cloned().collect();
        format!("{by} requires {}", some_of(&names, LISTED))
    };
    let all: Vec<_> = missing.iter().filter(|(_, names)| !names.is_empty()).map(one).collect();
    let listed = all.iter().take(LISTED).cloned().collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(LISTED) {
        _ if all.is_empty() => None,
        0 => Some(listed),
        more => Some(format!("{listed}; and {more} more distributions")),
    }
}
