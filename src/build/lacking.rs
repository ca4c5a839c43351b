//! What the finished image's own loader does not find, and what of that stops the
//! build.
//!
//! Only a whole image can be judged: what the builder lacks, a copy or the application
//! may bring. Source for what a process need not look for: glibc's `elf/dl-load.c`,
//! `_dl_map_new_object`, which takes what is loaded under a name before it searches.

use std::collections::{BTreeMap, BTreeSet};

use super::error::BuildError;
use super::extract::Work;
use super::problems::Problem;
use super::reasons::Because;
use super::report::Missing;
use crate::diagnostic::some_of;
use crate::elf::{self, Abi, Loader as _};
use crate::image::Process;
use crate::python::abi::{BuiltFor, ModuleName};
use crate::rootfs::{Kind, RootPath};

/// How many objects that lack a library are named.
const NAMED: usize = 2;

/// What is known of the finished image.
pub(super) struct Whole<'a> {
    /// Objects of the platform, by real path.
    pub objects: &'a [RootPath],
    pub outcome: &'a elf::Resolution,
    pub entrypoint: Option<&'a RootPath>,
    /// The folders of `LD_LIBRARY_PATH`.
    pub library_path: Vec<RootPath>,
    pub abi: Abi,
}

impl Work<'_> {
    /// Tells what is missing. Returns objects of another machine that stand where what
    /// is missing should be.
    pub(super) fn lacking(&mut self, whole: &Whole<'_>) -> Result<BTreeSet<RootPath>, BuildError> {
        let concerned = self.concerned(whole);
        let optional = if whole.outcome.missing.is_empty() { BTreeSet::new() } else { self.optional() };
        let mut provided = None;
        let mut fatal: BTreeMap<&[u8], Vec<String>> = BTreeMap::new();
        let mut foreign = BTreeSet::new();
        for one in &whole.outcome.missing {
            let (soname, needed_by) = (text(&one.soname), one.needed_by.to_string());
            let missing = Missing { soname, needed_by };
            if !concerned.contains(&one.needed_by) {
                if self.unresolved.contains(&one.needed_by) && !self.plan.allow_missing.contains(&missing.soname) {
                    self.warn(format!("{} needs {}, which the image lacks", missing.needed_by, missing.soname));
                    self.missing.push(missing);
                }
                continue;
            }
            let at_start = one.at_start || whole.entrypoint == Some(&one.needed_by);
            if self.plan.allow_missing.contains(&missing.soname) || !at_start && optional.contains(&one.needed_by) {
                self.missing.push(missing);
                continue;
            }
            if self.on_library_path(whole, &one.soname)? {
                continue;
            }
            let provided = match &mut provided {
                Some(provided) => provided,
                None => provided.insert(self.provided(whole.objects)?),
            };
            if !at_start && provided.contains_key(&one.soname) {
                self.warn(format!(
                    "{} needs {}, which the image has, but not where the loader looks: it must be loaded before",
                    missing.needed_by, missing.soname
                ));
                self.missing.push(missing);
            } else if let Some(passed) = one.passed.as_ref().filter(|passed| !tells_its_machine(passed)) {
                foreign.insert(passed.clone());
            } else {
                fatal.entry(&one.soname).or_default().push(missing.needed_by);
            }
        }
        for (soname, objects) in fatal {
            let needed_by = some_of(&objects, NAMED);
            let found = provided.as_ref().and_then(|provided| provided.get(soname));
            let soname = text(soname);
            self.problems.push(match found {
                Some(path) => Problem::Elsewhere { soname, path: path.to_string(), needed_by },
                None => Problem::Missing { soname, needed_by },
            });
        }
        Ok(foreign)
    }

    /// What `runtime.dlopen` names and the loader does not find.
    pub(super) fn lacking_by_name(&mut self, whole: &Whole<'_>) -> Result<(), BuildError> {
        let Some(runtime) = &self.plan.runtime else { return Ok(()) };
        for name in &runtime.dlopen {
            let mut outcome = elf::Resolution::default();
            let found = self.in_image(|closure| closure.take_by_name(name.as_bytes(), whole.abi, &mut outcome))?;
            if found || self.on_library_path(whole, name.as_bytes())? {
                continue;
            }
            if self.plan.allow_missing.contains(name) {
                self.missing.push(Missing { soname: name.clone(), needed_by: "runtime.dlopen".to_owned() });
            } else {
                self.problems.push(Problem::MissingByName { soname: name.clone() });
            }
        }
        Ok(())
    }

    /// What carboy adds, what starts, and what these load. The base's other programs
    /// are its own affair, and what is taken without libraries is the user's.
    fn concerned(&self, whole: &Whole<'_>) -> BTreeSet<RootPath> {
        let mut loads: BTreeMap<&RootPath, Vec<&RootPath>> = BTreeMap::new();
        for edge in &whole.outcome.edges {
            loads.entry(&edge.from).or_default().extend(&edge.to);
        }
        let own = |path: &&RootPath| self.reasons.get(path).is_some() && !self.unresolved.contains(*path);
        let mut open: Vec<_> = whole.objects.iter().filter(own).chain(whole.entrypoint).collect();
        let mut out = BTreeSet::new();
        while let Some(path) = open.pop() {
            if out.insert(path.clone()) {
                open.extend(loads.get(path).into_iter().flatten().copied());
            }
        }
        out
    }

    /// Modules of the standard library, which may lack their library (`_tkinter` does),
    /// and the libraries that only they need.
    fn optional(&self) -> BTreeSet<RootPath> {
        let origins = self.builder().map(|builder| &self.donors[builder].origins);
        let of_builder = |path: &RootPath| origins.is_some_and(|origins| origins.contains_key(path));
        let is_module = |path: &RootPath| path.parts().any(|part| part == b"lib-dynload") && of_builder(path);
        let mut optional: BTreeSet<_> = self.reasons.iter().map(|(path, _)| path.clone()).collect();
        let mut loads: BTreeMap<&RootPath, Vec<&RootPath>> = BTreeMap::new();
        let mut open = Vec::new();
        for (path, reason) in self.reasons.iter().filter(|(path, _)| !is_module(path)) {
            match &reason.because {
                Because::NeededBy(by) => by.iter().for_each(|by| loads.entry(by).or_default().push(path)),
                _ => open.push(path),
            }
        }
        // The base's own objects have no reason to be there.
        open.extend(loads.keys().copied().filter(|path| self.reasons.get(path).is_none()));
        while let Some(path) = open.pop() {
            optional.remove(path);
            open.extend(loads.remove(path).into_iter().flatten());
        }
        optional
    }

    /// Whether the process's `LD_LIBRARY_PATH` leads to a library.
    fn on_library_path(&self, whole: &Whole<'_>, soname: &[u8]) -> Result<bool, BuildError> {
        if soname.contains(&b'/') {
            return Ok(false);
        }
        for folder in &whole.library_path {
            if self.object_abi(&folder.child(soname))? == Some(whole.abi) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The image's libraries by all their names: who loads one before, as some packages
    /// do by its path, satisfies everybody after.
    fn provided(&self, objects: &[RootPath]) -> Result<BTreeMap<Vec<u8>, RootPath>, BuildError> {
        let mut out: BTreeMap<Vec<u8>, RootPath> = BTreeMap::new();
        let mut libraries = BTreeSet::new();
        for path in objects {
            let Some(content) = self.image.get(path).and_then(crate::rootfs::Entry::content) else { continue };
            let Some(object) = self.objects.object(path, content)?.filter(|object| !object.only_program) else {
                continue;
            };
            libraries.insert(path);
            for name in path.name().map(<[u8]>::to_vec).into_iter().chain(object.soname.clone()) {
                out.entry(name).or_insert_with(|| path.clone());
            }
        }
        let links = self.image.iter().filter(|(_, entry)| matches!(entry.kind, Kind::Link(_)));
        for (link, _) in links.filter(|(link, _)| is_called_library(link)) {
            if let (Some(name), Ok(real)) = (link.name(), self.image.resolve(link))
                && libraries.contains(&real)
            {
                out.entry(name.to_vec()).or_insert_with(|| link.clone());
            }
        }
        Ok(out)
    }
}

/// The absolute folders of a process's `LD_LIBRARY_PATH`.
pub(super) fn library_path(process: &Process) -> Vec<RootPath> {
    let value = process.env.iter().rev().find_map(|line| line.strip_prefix("LD_LIBRARY_PATH=")).unwrap_or_default();
    let folders = value.split([':', ';']).filter(|folder| folder.starts_with('/') && !folder.contains('$'));
    folders.filter_map(|folder| RootPath::new(folder).ok()).collect()
}

/// Whether a file is called as a library is: `libz.so.1`.
pub(super) fn is_called_library(path: &RootPath) -> bool {
    path.name().is_some_and(|name| name.windows(3).any(|part| part == b".so"))
}

/// Whether a file is called as a module of one machine: it is judged as such.
fn tells_its_machine(path: &RootPath) -> bool {
    let name = path.name().and_then(|name| std::str::from_utf8(name).ok()).and_then(ModuleName::parse);
    name.is_some_and(|name| name.built_for != BuiltFor::Unsaid)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
