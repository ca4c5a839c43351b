//! Tells missing imports: errors for those that stop the program, one note for the others.

use std::collections::{BTreeMap, BTreeSet};

use super::image_files::ImageFiles;
use super::provider::{self, Fix};
use crate::compose::composition::Composition;
use crate::diagnostic::{Code, Diagnostic, some_of};
use crate::python::Interpreter;
use crate::python::imports::distribution_names::candidates;
use crate::python::imports::finder::Owner;
use crate::python::imports::reach::{MissingImport, Reached};
use crate::python::imports::verdict::{Judge, Verdict};

/// The most modules that a note names.
const LISTED: usize = 8;
/// The most modules without a known distribution that have an error of their own.
const APART: usize = 3;
/// The most errors.
const ERRORS: usize = 50;
/// The most modules of a chain that are named at each end.
const LINKS: usize = 4;
/// Modules that compute a version while a wheel is built.
const VERSION_TOOLS: [&str; 3] = ["versioningit", "setuptools_scm", "setuptools_git_versioning"];

pub(super) struct Report<'a> {
    pub composition: &'a Composition<'a>,
    pub interpreter: &'a Interpreter,
    pub files: &'a ImageFiles<'a>,
    /// The normalised names of distributions that are reported as missing.
    pub missing: &'a BTreeSet<String>,
}

impl Report<'_> {
    /// Returns the diagnostics of a program's imports.
    pub fn diagnostics(&self, reached: &Reached, judge: &Judge<'_>) -> Vec<Diagnostic> {
        let mut fatal: BTreeMap<&str, &MissingImport> = BTreeMap::new();
        let mut doubtful: BTreeMap<&str, &MissingImport> = BTreeMap::new();
        for missing in reached.missing.iter().filter(|missing| !self.is_told(&missing.module)) {
            match judge.verdict(missing) {
                // Code that makes other modules importable has no build tools.
                Verdict::Doubtful if missing.is_certain && computes_version(missing) => {
                    fatal.entry(&missing.module).or_insert(missing)
                }
                Verdict::Fatal => fatal.entry(&missing.module).or_insert(missing),
                Verdict::Doubtful => doubtful.entry(&missing.module).or_insert(missing),
                Verdict::Unknown => continue,
            };
        }
        doubtful.retain(|module, _| !fatal.contains_key(module));
        let mut out: Vec<_> = self.broken(reached).collect();
        out.extend(self.errors(&fatal));
        out.extend(note(&doubtful));
        out
    }

    /// Returns whether `allow-missing-imports` names the module or a package that it is in.
    fn is_allowed(&self, module: &str) -> bool {
        let by = |allowed: &String| {
            module.strip_prefix(allowed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.composition.cx.plan.allow_missing_imports.iter().any(by)
    }

    /// Returns whether nothing is to be said of a module: it may be missing, or its distribution is
    /// reported as missing.
    fn is_told(&self, module: &str) -> bool {
        self.is_allowed(module)
            || !self.missing.is_empty() && candidates(module).iter().any(|name| self.missing.contains(name))
    }

    fn errors(&self, fatal: &BTreeMap<&str, &MissingImport>) -> Vec<Diagnostic> {
        let names: BTreeSet<_> = fatal.keys().map(|module| format!("\"{module}\"")).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let waiver = format!("if the program runs without: allow-missing-imports = [{names}] under [app]");
        let fix =
            |missing: &MissingImport| provider::fix(self.composition, self.interpreter, self.files, &missing.module);
        let generated: Vec<_> = fatal.values().filter_map(|missing| self.version_file(missing)).collect();
        let all = fatal.values().filter(|missing| self.version_file(missing).is_none());
        let all = all.map(|missing| (*missing, fix(missing)));
        let (certain, mut others): (Vec<_>, Vec<_>) = all.partition(|(_, fix)| fix.is_certain);
        if !self.composition.cx.unavailable.is_nothing() {
            others.clear(); // a distribution that is not available may provide the module
        }
        let together = (others.len() > APART).then(|| together(&others, &waiver));
        if together.is_some() {
            others.clear();
        }
        let alone = certain.iter().chain(&others).take(ERRORS).map(|(missing, fix)| {
            let error = Diagnostic::error(Code::MissingImport, told(missing)).file(&missing.file);
            error.hint(format!("{}; {waiver}", fix.text))
        });
        generated.into_iter().chain(alone).chain(together).collect()
    }

    /// Returns the error about a module that the project's build backend would write or replace.
    fn version_file(&self, missing: &MissingImport) -> Option<Diagnostic> {
        let project = self.composition.cx.plan.app.as_ref()?.project.as_ref()?;
        if computes_version(missing) {
            let hint = format!(
                "while a wheel is built, `{}` computes the version, and the build replaces this file: install the \
                 project's wheel: wheel = \"dist/*.whl\" under [app]",
                missing.module
            );
            return Some(Diagnostic::error(Code::MissingVersionFile, told(missing)).file(&missing.file).hint(hint));
        }
        let file = project.version_file(&missing.module)?;
        let hint = format!(
            "its build backend writes `{file}`: give the version, so that carboy writes it: --app-version 1.2.3, or \
             version = \"1.2.3\" under [app]; or install the project's wheel: wheel = \"dist/*.whl\" under [app]"
        );
        Some(Diagnostic::error(Code::MissingVersionFile, told(missing)).file(&missing.file).hint(hint))
    }

    /// Returns the errors of the application's sources that Python cannot read.
    fn broken(&self, reached: &Reached) -> impl Iterator<Item = Diagnostic> {
        let own = reached.broken.iter().filter(|broken| broken.owner == Owner::Application && broken.is_certain);
        let version = &self.interpreter.version;
        own.take(ERRORS).map(move |broken| {
            let text = format!(
                "`{}` has a syntax error for Python {version} in line {}: {}{}",
                broken.file,
                broken.line,
                broken.message,
                through(&broken.chain)
            );
            Diagnostic::error(Code::SyntaxError, text).file(&broken.file)
        })
    }
}

/// Returns whether a module with the version imports a tool that is there only during a build.
fn computes_version(missing: &MissingImport) -> bool {
    let file = missing.file.to_string();
    missing.owner == Owner::Application
        && VERSION_TOOLS.contains(&missing.module.as_str())
        && file.rsplit('/').next().is_some_and(|name| name.contains("version"))
}

/// Returns the sentence about an import of a missing module.
fn told(missing: &MissingImport) -> String {
    let MissingImport { module, file, line, chain, .. } = missing;
    format!("the image has no module `{module}`, which `{file}` imports in line {line}{}", through(chain))
}

/// Returns one error for many modules without a known distribution: mostly, nothing is locked.
fn together(all: &[(&MissingImport, Fix)], waiver: &str) -> Diagnostic {
    let told =
        |(missing, _): &(&MissingImport, Fix)| format!("`{}` ({}:{})", missing.module, missing.file, missing.line);
    let names: Vec<_> = all.iter().map(told).collect();
    let message = format!("the image has no modules that the program imports: {}", some_of(&names, LISTED));
    let fix = "add the distributions that provide them to the project's dependencies and lock them again";
    Diagnostic::error(Code::MissingImport, message).hint(format!("{fix}; {waiver}"))
}

/// Returns the note about modules that are missing, but may not be needed.
fn note(doubtful: &BTreeMap<&str, &MissingImport>) -> Option<Diagnostic> {
    let told = |(module, missing): (&&str, &&MissingImport)| format!("`{module}` ({}:{})", missing.file, missing.line);
    let all: Vec<_> = doubtful.iter().map(told).collect();
    let noun = if all.len() == 1 { "a module" } else { "modules" };
    let message = format!("the program may need {noun} that the image does not have: {}", some_of(&all, LISTED));
    (!all.is_empty()).then(|| Diagnostic::note(Code::MissingImport, message))
}

/// Returns the way to a file: `, reached through shop → shop.views`. The file's own module is the
/// last; none for the started file itself.
fn through(chain: &[String]) -> String {
    if chain.len() < 2 {
        return String::new();
    }
    let names: Vec<_> = if chain.len() > 2 * LINKS {
        let (first, last) = (&chain[..LINKS], &chain[chain.len() - LINKS..]);
        first.iter().map(String::as_str).chain(["…"]).chain(last.iter().map(String::as_str)).collect()
    } else {
        chain.iter().map(String::as_str).collect()
    };
    format!(" (reached through {})", names.join(" → "))
}
