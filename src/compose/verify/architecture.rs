//! Checks that the files of an image were built for its machine, Python and glibc.
//!
//! Pure: ELF files, records and the closure come as values. The report has all faults, sorted,
//! with one fault for a distribution's files of one kind.

mod fault;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use fault::{Cause, Fault, Subject};

use crate::elf::Abi;
use crate::python::abi::{BuiltFor, ModuleName};
use crate::python::distribution::Wheel;
use crate::python::tags::Target;
use crate::python::{Cpython, Distributions, Interpreter};
use crate::rootfs::{RootPath, Tree};

/// The inputs of the check.
#[derive(Clone, Copy)]
pub struct AbiInputs<'a> {
    /// The tree of the finished image.
    pub tree: &'a Tree,
    /// The machine of the platform's programs.
    pub platform: Abi,
    /// The interpreter; none for an image without Python. Then only machines are compared.
    pub interpreter: Option<&'a Interpreter>,
    /// The newest `GLIBC_x.y` that the image's `libc.so.6` defines, if the image has one.
    pub glibc: Option<(u32, u32)>,
    /// The directories of importable modules: site-packages, the application's.
    pub imported: &'a [RootPath],
    /// Programs and shared libraries in site-packages, application and entrypoint, by their real
    /// paths. Static ones are included, other object files are not.
    pub objects: &'a BTreeMap<RootPath, Abi>,
    /// The real paths of files that certainly run or are loaded: the entrypoint, extension modules
    /// that the interpreter finds, and the closure of these. Site-packages may have other ELF
    /// files: helpers for other machines.
    pub reachable: &'a BTreeSet<RootPath>,
    pub distributions: &'a Distributions,
    /// The directory on this machine that has the dependencies, if the project names one.
    pub folder: Option<&'a str>,
}

/// The faults of an image, sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AbiReport {
    /// Files and wheels that fail when they are used.
    pub errors: Vec<Fault>,
    /// Files that are useless in this image and do no harm.
    pub notes: Vec<Fault>,
}

/// Checks all files and wheels.
#[must_use]
pub fn check(inputs: &AbiInputs<'_>) -> AbiReport {
    let subject = Subject { abi: inputs.platform, target: target(inputs), folder: inputs.folder.map(str::to_owned) };
    let mut found = Found::default();
    let mut check = Check { inputs, subject: &subject, settled: BTreeSet::new(), found: &mut found };
    check.modules();
    check.objects();
    found.report(inputs, &subject)
}

fn target(inputs: &AbiInputs<'_>) -> Option<Target> {
    let machine = inputs.platform.architecture()?.wheel;
    Some(Target { python: Cpython::of(inputs.interpreter?)?, machine, glibc: inputs.glibc })
}

struct Check<'a> {
    inputs: &'a AbiInputs<'a>,
    subject: &'a Subject,
    /// Files that `modules` has checked.
    settled: BTreeSet<RootPath>,
    found: &'a mut Found,
}

impl Check<'_> {
    /// Checks extension modules with a target in their names.
    fn modules(&mut self) {
        let Some(target) = &self.subject.target else { return };
        let Some(architecture) = self.subject.abi.architecture() else { return };
        let suffixes = target.python.suffixes(architecture.triplet);
        for ((folder, module), files) in self.named() {
            let beside = |suffix: &str| {
                let (real, entry) = self.inputs.tree.follow(&folder.child(format!("{module}{suffix}").as_bytes()))?;
                entry.content().map(|_| real)
            };
            // Python imports the first one that exists and ignores the others.
            let taken = suffixes.iter().find_map(|suffix| beside(&suffix.text).map(|real| (real, suffix)));
            if let Some((real, suffix)) = taken {
                let wrong = self.inputs.objects.get(&real).filter(|abi| **abi != self.inputs.platform);
                let built_for = ModuleName::parse(&format!("{module}{}", suffix.text)).map(|name| name.built_for);
                match (built_for, wrong) {
                    (Some(BuiltFor::Unsaid), _) => {}
                    (Some(built_for), _) if !suffix.runs => self.found.error(&real, Cause::Module(built_for)),
                    (_, Some(abi)) => self.found.error(&real, Cause::Machine(*abi)),
                    _ => {}
                }
            } else {
                let package = format!("{module}/__init__.py");
                let source = [".py", ".pyc"].into_iter().find_map(beside).is_some()
                    || self.inputs.tree.follow(&folder.child(package.as_bytes())).is_some();
                let (windows, others): (Vec<_>, Vec<_>) =
                    files.iter().partition(|(_, built_for)| *built_for == BuiltFor::Windows);
                if others.is_empty() {
                    for (path, built_for) in windows {
                        self.found.note(path, Cause::Module(built_for.clone()));
                    }
                }
                for (path, built_for) in others {
                    if source {
                        self.found.note(path, Cause::Source(built_for.clone()));
                    } else {
                        self.found.error(path, Cause::Module(built_for.clone()));
                    }
                }
            }
            self.settled.extend(files.into_iter().map(|(path, _)| path));
        }
    }

    /// Returns the files with a module's name that has a target, by directory and module.
    fn named(&self) -> BTreeMap<(RootPath, String), Vec<(RootPath, BuiltFor)>> {
        let mut out: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for folder in self.inputs.imported.iter().filter_map(|folder| self.inputs.tree.resolve(folder).ok()) {
            for (path, _) in self.inputs.tree.below(&folder).filter(|(_, entry)| !entry.is_folder()) {
                let name = path.name().and_then(|name| std::str::from_utf8(name).ok());
                let Some(name) = name.and_then(ModuleName::parse) else { continue };
                if name.built_for != BuiltFor::Unsaid {
                    let key = (path.parent().unwrap_or_default(), name.module.to_owned());
                    out.entry(key).or_default().push((path.clone(), name.built_for));
                }
            }
        }
        out
    }

    /// Checks all other objects for another machine.
    fn objects(&mut self) {
        let inputs = self.inputs;
        let own = inputs.objects.iter().filter(|(_, abi)| **abi == inputs.platform);
        let own: BTreeSet<_> = own.filter_map(|(path, _)| Some(&inputs.distributions.owner(path)?.metadata)).collect();
        for (path, abi) in inputs.objects.iter().filter(|(_, abi)| **abi != inputs.platform) {
            if self.settled.contains(path) {
                continue;
            }
            // A wheel for one platform may have helpers for others, beside its own.
            let misplaced = inputs.distributions.owner(path).is_some_and(|distribution| {
                let specific = distribution.wheel.as_ref().is_some_and(Wheel::is_platform_specific);
                specific && !own.contains(&distribution.metadata)
            });
            let cause = Cause::Machine(*abi);
            if inputs.reachable.contains(path) || misplaced && abi.is_cpu() {
                self.found.error(path, cause);
            } else if abi.is_cpu() {
                self.found.note(path, cause);
            }
        }
    }
}

/// The faults of single files.
#[derive(Default)]
struct Found {
    errors: BTreeSet<(RootPath, Cause)>,
    notes: BTreeSet<(RootPath, Cause)>,
}

impl Found {
    fn error(&mut self, path: &RootPath, cause: Cause) {
        self.errors.insert((path.clone(), cause));
    }

    fn note(&mut self, path: &RootPath, cause: Cause) {
        self.notes.insert((path.clone(), cause));
    }

    /// Groups the faults. A wheel that does not fit is one fault with its files; otherwise the files
    /// of one distribution with one cause are one fault.
    fn report(self, inputs: &AbiInputs<'_>, subject: &Subject) -> AbiReport {
        let mut wheels = BTreeMap::new();
        for distribution in inputs.distributions.iter() {
            let tags = distribution.wheel.as_ref().map(|wheel| wheel.tags.as_slice()).unwrap_or_default();
            let misfits = subject.target.as_ref().map(|target| target.refuses(tags)).unwrap_or_default();
            if !misfits.is_empty() {
                let cause = Cause::Wheel { tags: tags.to_vec(), misfits };
                wheels.insert(&distribution.metadata, Fault::new(subject, cause, Some(distribution), true));
            }
        }
        let mut fold = |found: BTreeSet<(RootPath, Cause)>, count: bool| {
            let mut out: BTreeMap<(Option<&RootPath>, Cause, Option<RootPath>), Fault> = BTreeMap::new();
            for (path, cause) in found {
                let owner = inputs.distributions.owner(&path);
                let metadata = owner.map(|owner| &owner.metadata);
                if let Some(wheel) = metadata.and_then(|metadata| wheels.get_mut(metadata)) {
                    if count {
                        wheel.add(path);
                    }
                    continue;
                }
                // Files without a distribution are reported one by one.
                let alone = owner.is_none().then(|| path.clone());
                let in_site = inputs.interpreter.is_some_and(|found| path.strip(&found.purelib).is_some());
                let new = || Fault::new(subject, cause.clone(), owner, in_site);
                out.entry((metadata, cause.clone(), alone)).or_insert_with(new).add(path);
            }
            out.into_values().collect::<Vec<_>>()
        };
        let (mut errors, mut notes) = (fold(self.errors, true), fold(self.notes, false));
        errors.extend(wheels.into_values());
        errors.sort_by(|a, b| a.key().cmp(&b.key()));
        notes.sort_by(|a, b| a.key().cmp(&b.key()));
        let again: BTreeSet<_> = errors.iter().filter_map(Fault::requirement).collect();
        let again: Vec<_> = again.into_iter().collect();
        for fault in &mut errors {
            fault.install_again(&again);
        }
        AbiReport { errors, notes }
    }
}
