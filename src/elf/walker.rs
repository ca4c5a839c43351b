//! The state of one closure: the image with all that was taken so far, and the edges found.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::candidate::{Candidate, CandidateCache, LocatedObject};
use super::closure::Closure;
use super::library_request::LibraryRequest;
use super::loaded_objects::LoaderState;
use super::loader::Loader;
use super::object::NeedKind;
use super::resolution::{Edge, LibraryFile, MissingLibrary, Resolution, ResolvedLibrary};
use super::search::trusted_folders;
use crate::rootfs::{Kind, RootPath, Tree};

/// The number of paths that one run opens before it reports all other libraries as missing. A
/// Python application with 300 modules needs some 10,000.
const PROBES: usize = 20_000_000;
/// The most links that are taken for one name.
const LINKS: usize = 40;

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
    /// The number of paths that may still be opened.
    pub probes: usize,
    /// The object of another machine that the last search passed over.
    pub passed: Option<RootPath>,
    known: CandidateCache,
    /// The real paths of the objects that the process has loaded.
    pub loaded: HashSet<RootPath>,
    taken: Vec<ResolvedLibrary>,
    /// Each edge; true if the object was the root of its walk each time.
    edges: BTreeMap<Edge, bool>,
    /// Missing libraries by the object that needs them and their soname.
    missing: BTreeMap<(RootPath, Vec<u8>), LookupFailure>,
    /// True while a program on its start is walked.
    pub starting: bool,
    pub process: LoaderState,
}

impl<'w, 'c, L: Loader> Walker<'w, 'c, L> {
    pub fn new(closure: &'w Closure<'c, L>) -> Result<Self, L::Error> {
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

    pub fn finish(self) -> Resolution {
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

    /// Opens a path of the image.
    pub fn candidate(&mut self, path: &RootPath) -> Result<Candidate<Rc<LocatedObject>>, L::Error> {
        let closure = self.closure;
        let trees = (&*self.image, closure.donor);
        self.known.candidate(trees, &self.origins, (closure.loader, closure.architecture), path)
    }

    pub fn note(&mut self, from: &LocatedObject, soname: &[u8], to: Option<&RootPath>, kind: NeedKind, alone: bool) {
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

/// The circumstances in which a library was not found.
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

/// Returns the links and the file that a name of the donor leads to, each with its new place.
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
