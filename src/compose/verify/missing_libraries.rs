//! Shared libraries that the finished image's own loader does not find.
//!
//! Only a finished image can be checked: a library that the builder lacks may come with a copy or
//! with the application.
//!
//! Source: glibc's `elf/dl-load.c`, `_dl_map_new_object`: the loader uses an object that is already
//! loaded under the needed name before it searches.

use std::collections::{BTreeMap, BTreeSet};

use super::loaded_image::LoadedImage;
use crate::compose::composition::Composition;
use crate::compose::contents::Result;
use crate::compose::libraries::object_abi;
use crate::compose::loader::is_called_library;
use crate::compose::reasons::Because;
use crate::diagnostic::{Code, Detail, Diagnostic, some_of};
use crate::elf::{self, Loader as _, MissingLibrary};
use crate::python::abi::{BuiltFor, ModuleName};
use crate::rootfs::{Entry, Kind, RootPath};

/// The most objects that a message names.
const NAMED: usize = 2;

/// Reports missing libraries. Returns objects for another machine in places that the loader
/// searches for a missing library.
///
/// # Errors
/// A file that cannot be read.
pub fn check(loaded: &LoadedImage<'_>, found: &mut Vec<Diagnostic>) -> Result<BTreeSet<RootPath>> {
    let missing = &loaded.outcome.missing;
    if missing.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut check = Check {
        loaded,
        concerned: concerned(loaded),
        optional: optional(loaded.composition),
        provided: provided(loaded)?,
        fatal: BTreeMap::new(),
        foreign: BTreeSet::new(),
        found: Vec::new(),
    };
    for one in missing {
        check.add(one)?;
    }
    check.report();
    found.append(&mut check.found);
    Ok(check.foreign)
}

struct Check<'a> {
    loaded: &'a LoadedImage<'a>,
    /// Objects that must find their libraries.
    concerned: BTreeSet<RootPath>,
    /// Objects that may lack a library.
    optional: BTreeSet<RootPath>,
    /// The image's libraries by all their names.
    provided: BTreeMap<Vec<u8>, RootPath>,
    /// Missing libraries, and the objects that need them.
    fatal: BTreeMap<&'a [u8], Vec<String>>,
    foreign: BTreeSet<RootPath>,
    found: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn add(&mut self, one: &'a MissingLibrary) -> Result<()> {
        let composition = self.loaded.composition;
        let allowed = &composition.cx.plan.allow_missing;
        let (soname, needed_by) = (text(&one.soname), one.needed_by.to_string());
        if !self.concerned.contains(&one.needed_by) {
            if composition.image.without_libraries.contains(&one.needed_by) && !allowed.contains(&soname) {
                self.warn(format!("{needed_by} needs {soname}, which the image does not have"));
                self.found.push(note(soname, needed_by));
            }
            return Ok(());
        }
        let at_start = one.at_start || self.loaded.entrypoint.as_ref() == Some(&one.needed_by);
        if allowed.contains(&soname) || !at_start && self.optional.contains(&one.needed_by) {
            self.found.push(note(soname, needed_by));
        } else if on_library_path(self.loaded, &one.soname)? {
            // The process finds it.
        } else if !at_start && self.provided.contains_key(&one.soname) {
            self.warn(format!(
                "{needed_by} needs {soname}, which the image has, but not where the loader searches: the process must load it first"
            ));
            self.found.push(note(soname, needed_by));
        } else if let Some(passed) = one.passed.as_ref().filter(|passed| !names_its_machine(passed)) {
            self.foreign.insert(passed.clone());
        } else {
            self.fatal.entry(&one.soname).or_default().push(needed_by);
        }
        Ok(())
    }

    fn warn(&mut self, message: String) {
        self.found.push(Diagnostic::warning(Code::MissingLibrary, message));
    }

    fn report(&mut self) {
        for (soname, objects) in std::mem::take(&mut self.fatal) {
            let needed_by = some_of(&objects, NAMED);
            self.found.push(match self.provided.get(soname) {
                Some(path) => elsewhere(&text(soname), path, &needed_by),
                None => nowhere(text(soname), needed_by),
            });
        }
    }
}

fn nowhere(soname: String, needed_by: String) -> Diagnostic {
    let message = format!("missing shared library `{soname}`, needed by {needed_by}");
    Diagnostic::error(Code::MissingLibrary, message).file(&soname).detail(Detail::MissingLibrary { soname, needed_by })
}

fn elsewhere(soname: &str, path: &RootPath, needed_by: &str) -> Diagnostic {
    let message = format!("the loader does not find the shared library `{soname}` at `{path}`, needed by {needed_by}");
    let hint = format!(
        "put it in /usr/local/lib, or name its directory in LD_LIBRARY_PATH: env under [image]; if it is not needed: \
         allow-missing = [\"{soname}\"] under [runtime]"
    );
    Diagnostic::error(Code::LibraryNotFound, message).file(path).hint(hint)
}

/// Makes the note, for the report, about a missing library that is not an error.
fn note(soname: String, needed_by: String) -> Diagnostic {
    let message = format!("`{soname}` is not available, needed by {needed_by}");
    Diagnostic::note(Code::MissingLibrary, message).detail(Detail::MissingLibrary { soname, needed_by })
}

/// Reports libraries of `runtime.dlopen` that the loader does not find.
///
/// # Errors
/// A file that cannot be read.
pub fn check_dlopen(loaded: &LoadedImage<'_>, found: &mut Vec<Diagnostic>) -> Result<()> {
    let plan = &loaded.composition.cx.plan;
    for name in plan.runtime.iter().flat_map(|runtime| &runtime.dlopen) {
        let mut outcome = elf::Resolution::default();
        let by_name =
            loaded.composition.closure(|closure| closure.take_by_name(name.as_bytes(), loaded.abi, &mut outcome))?;
        if by_name || on_library_path(loaded, name.as_bytes())? {
            continue;
        }
        if plan.allow_missing.contains(name) {
            found.push(note(name.clone(), "runtime.dlopen".to_owned()));
        } else {
            let message = format!("missing shared library `{name}`, needed by `runtime.dlopen`");
            let hint = "use a builder that has it, or leave it out of `dlopen`".to_owned();
            found.push(Diagnostic::error(Code::MissingLibrary, message).file(name).hint(hint));
        }
    }
    Ok(())
}

/// Returns the objects that must find their libraries: those that carboy adds, the entrypoint, and
/// the objects that these load. Leaves out the base's other programs, and files that the
/// configuration takes without their libraries.
fn concerned(loaded: &LoadedImage<'_>) -> BTreeSet<RootPath> {
    let mut loads: BTreeMap<&RootPath, Vec<&RootPath>> = BTreeMap::new();
    for edge in &loaded.outcome.edges {
        loads.entry(&edge.from).or_default().extend(&edge.to);
    }
    let image = &loaded.composition.image;
    let own = |path: &&RootPath| image.reasons.get(path).is_some() && !image.without_libraries.contains(*path);
    let mut open: Vec<_> = loaded.objects.iter().filter(own).chain(&loaded.entrypoint).collect();
    let mut out = BTreeSet::new();
    while let Some(path) = open.pop() {
        if out.insert(path.clone()) {
            open.extend(loads.get(path).into_iter().flatten().copied());
        }
    }
    out
}

/// Returns the modules of the standard library, and the libraries that only these need. They may
/// lack a library, as `_tkinter` does.
fn optional(composition: &Composition<'_>) -> BTreeSet<RootPath> {
    let image = &composition.image;
    let origins = composition.cx.builder().map(|builder| &image.origins[builder]);
    let of_builder = |path: &RootPath| origins.is_some_and(|origins| origins.contains_key(path));
    let is_module = |path: &RootPath| path.parts().any(|part| part == b"lib-dynload") && of_builder(path);
    let mut optional: BTreeSet<_> = image.reasons.iter().map(|(path, _)| path.clone()).collect();
    let mut loads: BTreeMap<&RootPath, Vec<&RootPath>> = BTreeMap::new();
    let mut open = Vec::new();
    for (path, reason) in image.reasons.iter().filter(|(path, _)| !is_module(path)) {
        match &reason.because {
            Because::NeededBy(by) => by.iter().for_each(|by| loads.entry(by).or_default().push(path)),
            _ => open.push(path),
        }
    }
    // The base's own objects have no reason.
    open.extend(loads.keys().copied().filter(|path| image.reasons.get(path).is_none()));
    while let Some(path) = open.pop() {
        optional.remove(path);
        open.extend(loads.remove(path).into_iter().flatten());
    }
    optional
}

/// Returns whether a library is in a directory of the process's `LD_LIBRARY_PATH`.
fn on_library_path(loaded: &LoadedImage<'_>, soname: &[u8]) -> Result<bool> {
    if soname.contains(&b'/') {
        return Ok(false);
    }
    let composition = loaded.composition;
    for folder in &loaded.library_path {
        if object_abi(composition.cx, &composition.image.tree, &folder.child(soname))? == Some(loaded.abi) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the image's libraries by all their names. After a process has loaded a library by its
/// path, as some packages do, every later need of that name is satisfied.
fn provided(loaded: &LoadedImage<'_>) -> Result<BTreeMap<Vec<u8>, RootPath>> {
    let composition = loaded.composition;
    let tree = &composition.image.tree;
    let mut out: BTreeMap<Vec<u8>, RootPath> = BTreeMap::new();
    let mut libraries = BTreeSet::new();
    for path in &loaded.objects {
        let Some(content) = tree.get(path).and_then(Entry::content) else { continue };
        let object = composition.cx.elf.object(path, content)?;
        let Some(object) = object.filter(|object| !object.only_program) else { continue };
        libraries.insert(path);
        for name in path.name().map(<[u8]>::to_vec).into_iter().chain(object.soname.clone()) {
            out.entry(name).or_insert_with(|| path.clone());
        }
    }
    let links = tree.iter().filter(|(_, entry)| matches!(entry.kind, Kind::Link(_)));
    for (link, _) in links.filter(|(link, _)| is_called_library(link)) {
        if let (Some(name), Ok(real)) = (link.name(), tree.resolve(link))
            && libraries.contains(&real)
        {
            out.entry(name.to_vec()).or_insert_with(|| link.clone());
        }
    }
    Ok(out)
}

/// Returns whether a file has the name of a module with a target: such files are checked as
/// modules.
fn names_its_machine(path: &RootPath) -> bool {
    let name = path.name().and_then(|name| std::str::from_utf8(name).ok()).and_then(ModuleName::parse);
    name.is_some_and(|name| name.built_for != BuiltFor::Unsaid)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
