//! Takes every shared library that an image still lacks out of another image.
//!
//! The walk starts from objects in the image and loads each as a process would,
//! looking for each needed name where the image's loader will look, and only when it
//! is not there, where the donor's loader would. The image's own libraries win.
//!
//! Every root is a walk of its own: a program with nothing before it, a module into
//! the process that is given. So what one module brings along hides nothing that
//! another one lacks.
//!
//! Not told apart: hard links count as files of their own, and a folder of the
//! search path that only some users may enter is looked into.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::candidate::{Candidate, CandidateCache, LocatedObject};
use super::loaded_objects::LoadedObjects;
use super::locate::LibraryRequest;
use super::search::{Tokens, trusted_folders};
use super::{Abi, LoaderState, NeedKind, Object};
use crate::oci::Architecture;
use crate::rootfs::{Content, Entry, Kind, RootPath, Tree};

/// How many paths one run looks at before it takes everything else for missing.
/// A Python application with 300 modules makes some 10,000.
const PROBES: usize = 20_000_000;
/// The most links that are taken for one name.
const LINKS: usize = 40;

/// Reads ELF files of trees; none for content that is no dynamic object.
pub trait Loader {
    /// Whatever keeps it from reading.
    type Error;

    /// The object that a file's content is.
    ///
    /// # Errors
    /// Content that cannot be read; broken ELF files.
    fn object(&self, path: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, Self::Error>;
}

/// A library taken, and the first object that asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedLibrary {
    pub soname: Vec<u8>,
    /// Where it goes: the name that was searched for, and what that links to.
    pub files: Vec<LibraryFile>,
    pub needed_by: RootPath,
}

/// One file or link of a library taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LibraryFile {
    /// In the image.
    pub path: RootPath,
    /// In the donor, links resolved.
    pub donor: RootPath,
    pub entry: Entry,
}

/// A library that neither the image nor the donor has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MissingLibrary {
    pub soname: Vec<u8>,
    pub needed_by: RootPath,
    /// A program loads it before it runs: nobody can load it earlier.
    pub at_start: bool,
    /// An object of another machine that the loader passes over on its way.
    pub passed: Option<RootPath>,
}

/// Who needs what, and what is loaded for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edge {
    /// The real path of the object; the root for what is opened by name.
    pub from: RootPath,
    /// The name as the object has it. For the interpreter of a program, its path.
    pub soname: Vec<u8>,
    /// The real path of what is loaded; none when nobody has it.
    pub to: Option<RootPath>,
    /// The loader goes on without it (`DT_AUXILIARY`).
    pub optional: bool,
}

/// The libraries that objects of an image load. Says what to take from the donor; writes nothing.
pub struct Closure<'a, L> {
    /// The image as it is.
    pub image: &'a Tree,
    /// Where each object in the image came from in the donor, when it did.
    pub origins: &'a BTreeMap<RootPath, RootPath>,
    pub donor: Option<&'a Tree>,
    /// Where the donor's loader looks by its `ld.so.conf`, before the trusted folders.
    pub donor_folders: &'a [RootPath],
    /// What the image's `ld.so.cache` will cover, in ldconfig's order: the folders of
    /// its `ld.so.conf`, then `lib` and `usr/lib`. None without a cache.
    pub image_folders: &'a [RootPath],
    pub architecture: &'static Architecture,
    pub loader: &'a L,
    /// What modules are loaded into: its names are never searched for.
    pub process: &'a LoaderState,
}

/// What a walk found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resolution {
    pub taken: Vec<ResolvedLibrary>,
    /// Sorted, each once. What a library finds through those that load it, it does not
    /// lack for not finding it alone.
    pub missing: Vec<MissingLibrary>,
    /// Every need that was looked at, sorted, each once. What a library would get alone
    /// is left out when others load it, and it gets something then.
    pub edges: Vec<Edge>,
    /// The process of the first program among the roots.
    pub process: LoaderState,
}

impl<L: Loader> Closure<'_, L> {
    /// Walks from objects of the image.
    ///
    /// # Errors
    /// What the loader cannot read.
    pub fn run(&self, roots: impl IntoIterator<Item = RootPath>) -> Result<Resolution, L::Error> {
        let mut walker = Walker::new(self)?;
        walker.walk_all(roots)?;
        Ok(walker.finish())
    }

    /// Takes a library that no object names, for programs that open it by name.
    /// False when nobody has it.
    ///
    /// # Errors
    /// What the loader cannot read.
    pub fn take_by_name(&self, soname: &[u8], abi: Abi, outcome: &mut Resolution) -> Result<bool, L::Error> {
        let from = RootPath::root();
        let mut edge =
            Edge { from, soname: soname.to_vec(), to: self.process.names.get(soname).cloned(), optional: false };
        let mut more = Resolution::default();
        if edge.to.is_none() {
            let mut walker = Walker::new(self)?;
            let wanted = LibraryRequest { raw: soname, name: soname, asker: None, abi };
            let found = if soname.contains(&b'/') {
                walker.locate_path(&wanted)?
            } else {
                let program = walker.program.clone();
                let own = program.iter().map(|program| program.rpath.as_slice()).collect::<Vec<_>>();
                walker.locate_name(&wanted, &own)?
            };
            if let Some(found) = found {
                edge.to = Some(found.real.clone());
                walker.walk_all([found.path.clone()])?;
            }
            more = walker.finish();
        }
        let found = edge.to.is_some();
        outcome.taken.extend(more.taken);
        outcome.missing.extend(more.missing);
        outcome.edges.extend(more.edges.into_iter().chain([edge]));
        outcome.missing.sort();
        outcome.missing.dedup();
        outcome.edges.sort();
        outcome.edges.dedup();
        Ok(found)
    }
}

/// A closure at work.
pub(super) struct Walker<'w, 'c, L> {
    pub closure: &'w Closure<'c, L>,
    /// The image with all that was taken so far.
    pub image: Cow<'c, Tree>,
    /// The origins of all that was taken, too.
    pub origins: Cow<'c, BTreeMap<RootPath, RootPath>>,
    pub trusted: Vec<RootPath>,
    /// The program of the process that modules are loaded into.
    pub program: Option<Rc<LocatedObject>>,
    /// How many paths may still be looked at.
    pub probes: usize,
    /// What the last search passed over for its machine.
    pub passed: Option<RootPath>,
    known: CandidateCache,
    /// What the process has loaded, by its real path.
    loaded: HashSet<RootPath>,
    taken: Vec<ResolvedLibrary>,
    /// Whether the object was itself the root of the walk, each time.
    edges: BTreeMap<Edge, bool>,
    /// By who needs it, and what.
    missing: BTreeMap<(RootPath, Vec<u8>), LookupFailure>,
    /// Whether what is walked is a program on its start.
    starting: bool,
    process: LoaderState,
}

impl<'w, 'c, L: Loader> Walker<'w, 'c, L> {
    fn new(closure: &'w Closure<'c, L>) -> Result<Self, L::Error> {
        let process = closure.process;
        let mut walker = Self {
            trusted: trusted_folders(closure.architecture),
            program: None,
            probes: PROBES,
            passed: None,
            known: CandidateCache::default(),
            loaded: process.names.values().chain(&process.program).cloned().collect(),
            taken: Vec::new(),
            edges: BTreeMap::new(),
            missing: BTreeMap::new(),
            starting: false,
            process: LoaderState::default(),
            image: Cow::Borrowed(closure.image),
            origins: Cow::Borrowed(closure.origins),
            closure,
        };
        if let Some(program) = &process.program
            && let Candidate::Object(program) = walker.candidate(program)?
        {
            walker.program = Some(program);
        }
        Ok(walker)
    }

    fn finish(self) -> Resolution {
        let Self { edges, missing, taken, process, .. } = self;
        // A library that is among the roots may find by its loaders' DT_RPATH what it
        // does not find alone, or other libraries than alone.
        let loaded = edges.iter().filter(|(edge, alone)| !**alone && edge.to.is_some());
        let loaded: HashSet<_> = loaded.map(|(edge, _)| (edge.from.clone(), edge.soname.clone())).collect();
        let mut missing: Vec<_> = missing
            .into_iter()
            .filter(|(need, lack)| !(lack.alone && loaded.contains(need)))
            .map(|((needed_by, soname), LookupFailure { at_start, passed, .. })| MissingLibrary {
                soname,
                needed_by,
                at_start,
                passed,
            })
            .collect();
        missing.sort();
        let edges = edges.into_iter().filter(|(edge, alone)| {
            !(*alone && !loaded.is_empty() && loaded.contains(&(edge.from.clone(), edge.soname.clone())))
        });
        Resolution { taken, missing, edges: edges.map(|(edge, _)| edge).collect(), process }
    }

    /// What the image has at a path.
    pub fn candidate(&mut self, path: &RootPath) -> Result<Candidate<Rc<LocatedObject>>, L::Error> {
        let closure = self.closure;
        let trees = (&*self.image, closure.donor);
        self.known.candidate(trees, &self.origins, (closure.loader, closure.architecture), path)
    }

    /// Programs first: what they share with modules must hold without a host.
    fn walk_all(&mut self, roots: impl IntoIterator<Item = RootPath>) -> Result<(), L::Error> {
        let mut modules = Vec::new();
        for path in roots {
            let Candidate::Object(mut root) = self.candidate(&path)? else { continue };
            if root.object.interpreter.is_none() {
                modules.push(path);
                continue;
            }
            // The kernel names a program by its real path.
            if let Candidate::Object(real) = self.candidate(&root.real.clone())? {
                root = real;
            }
            let objects = self.walk(&root, true)?;
            if self.process.program.is_none() {
                self.process = objects.into_process();
            }
        }
        for path in modules {
            let Candidate::Object(root) = self.candidate(&path)? else { continue };
            if !self.loaded.contains(&root.real) {
                self.walk(&root, false)?;
            }
        }
        Ok(())
    }

    /// Loads an object with all that it needs.
    fn walk(&mut self, root: &Rc<LocatedObject>, own_process: bool) -> Result<LoadedObjects, L::Error> {
        let mut objects = LoadedObjects::new(root.clone());
        self.starting = own_process && root.object.is_program();
        if own_process && let Some(path) = &root.object.interpreter {
            let wanted = LibraryRequest { raw: path, name: path, asker: Some(root), abi: root.object.abi };
            let loader = self.locate_path(&wanted)?;
            self.note(root, path, loader.as_ref().map(|found| &found.real), NeedKind::Needed, true);
            if let Some(loader) = loader {
                let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
                objects.add(Some(path), loader.clone(), Some(0));
                objects.add(Some(name), loader, Some(0));
            }
        }
        let mut from = 0;
        while let Some((at, member)) = objects.next(from) {
            self.visit(&mut objects, member, own_process)?;
            from = at;
        }
        Ok(objects)
    }

    /// Loads what one object needs.
    fn visit(&mut self, objects: &mut LoadedObjects, member: usize, own_process: bool) -> Result<(), L::Error> {
        let asker = objects.members[member].at.clone();
        let folder = asker.folder();
        let tokens = Tokens { origin: Some(&folder), architecture: self.closure.architecture };
        let process = self.closure.process;
        for need in &asker.object.needs {
            let alone = member == 0;
            let Some(name) = tokens.expand(&need.name) else { continue };
            if name.is_empty() {
                continue; // the program itself has no name
            }
            if objects.named(&name).is_none() {
                if let Some(path) = process.names.get(&name).filter(|_| !own_process) {
                    self.note(&asker, &need.name, Some(path), need.kind, alone);
                    continue;
                }
                let found = self.locate(&need.name, &name, objects, member)?;
                let real = found.as_ref().map(|found| found.real.clone());
                let Some(found) = found.filter(|found| own_process || !self.loaded.contains(&found.real)) else {
                    self.note(&asker, &need.name, real.as_ref(), need.kind, alone);
                    continue;
                };
                objects.add(Some(&name), found, Some(member));
            }
            let Some(to) = objects.named(&name) else { continue };
            match need.kind {
                NeedKind::Needed => objects.list(to),
                NeedKind::Filter | NeedKind::Auxiliary => {
                    // No image comes near: what does is made to waste time.
                    let Some(left) = self.probes.checked_sub(objects.members.len()) else { continue };
                    self.probes = left;
                    objects.list_filtee(to, member);
                }
            }
            let to = objects.members[to].at.real.clone();
            self.note(&asker, &need.name, Some(&to), need.kind, alone);
        }
        Ok(())
    }

    fn note(&mut self, from: &LocatedObject, soname: &[u8], to: Option<&RootPath>, kind: NeedKind, alone: bool) {
        let optional = kind == NeedKind::Auxiliary;
        if to.is_none() && !optional {
            let lack = self.missing.entry((from.real.clone(), soname.to_vec())).or_default();
            lack.alone &= alone;
            lack.at_start |= self.starting;
            lack.passed = lack.passed.take().or(self.passed.take());
        }
        let edge = Edge { from: from.real.clone(), soname: soname.to_vec(), to: to.cloned(), optional };
        *self.edges.entry(edge).or_insert(true) &= alone;
    }

    /// Takes a donor's library: links within its folder stay links, a
    /// link that leaves it becomes the file.
    pub fn take(
        &mut self,
        found: &RootPath,
        to: &RootPath,
        wanted: &LibraryRequest<'_>,
    ) -> Result<Option<Rc<LocatedObject>>, L::Error> {
        let Some(donor) = self.closure.donor else { return Ok(None) };
        let name = found.name().unwrap_or_default().to_vec();
        let files = chain(donor, found, to);
        for file in &files {
            let real = self.image.resolve_parent(&file.path).unwrap_or_else(|_| file.path.clone());
            self.image.to_mut().insert(real.clone(), file.entry.clone());
            self.origins.to_mut().insert(real, file.donor.clone());
        }
        self.known.forget();
        let needed_by = wanted.asker.map(|asker| asker.real.clone()).unwrap_or_default();
        let path = to.child(&name);
        self.taken.push(ResolvedLibrary { soname: name, files, needed_by });
        Ok(match self.candidate(&path)? {
            Candidate::Object(found) => Some(found),
            Candidate::Absent | Candidate::Loop | Candidate::Broken => None,
        })
    }
}

/// How something was missed.
struct LookupFailure {
    /// The object was itself the root of the walk, each time.
    alone: bool,
    at_start: bool,
    passed: Option<RootPath>,
}

impl Default for LookupFailure {
    fn default() -> Self {
        Self { alone: true, at_start: false, passed: None }
    }
}

/// The links and the file that a name of the donor leads to, each with its new place.
fn chain(donor: &Tree, found: &RootPath, to: &RootPath) -> Vec<LibraryFile> {
    let mut files: Vec<LibraryFile> = Vec::new();
    let mut at = donor.resolve_parent(found).unwrap_or_else(|_| found.clone());
    let folder = at.parent().unwrap_or_default();
    while let (Some(entry), Some(name)) = (donor.get(&at), at.name()) {
        let path = to.child(name);
        if let Kind::Link(target) = &entry.kind {
            let sibling = !target.contains(&b'/') && !matches!(target.as_slice(), b"" | b"." | b"..");
            if sibling && files.len() < LINKS {
                files.push(LibraryFile { path, donor: at.clone(), entry: entry.clone() });
                at = folder.child(target);
                continue;
            }
            if let Some((real, entry)) = donor.follow(&at) {
                files.push(LibraryFile { path, donor: real, entry: entry.clone() });
            }
        } else {
            files.push(LibraryFile { path, donor: at.clone(), entry: entry.clone() });
        }
        break;
    }
    files
}

#[cfg(test)]
mod tests;
