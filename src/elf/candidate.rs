//! Candidates: the objects that a loader finds at a path of a tree while it searches a library.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::abi::Abi;
use super::loader::Loader;
use super::object::Object;
use super::search::Tokens;
use crate::oci::Architecture;
use crate::rootfs::{RootPath, Tree};

/// An object of the image.
pub(super) struct LocatedObject {
    /// The path as it was found: directories resolved, the last link not. `$ORIGIN` is its
    /// directory.
    pub path: RootPath,
    pub real: RootPath,
    pub object: Arc<Object>,
    /// Its `DT_RPATH`.
    pub rpath: Vec<SearchFolder>,
    /// Its `DT_RUNPATH`.
    pub runpath: Vec<SearchFolder>,
}

impl LocatedObject {
    pub fn folder(&self) -> RootPath {
        self.path.parent().unwrap_or_default()
    }
}

/// One entry of a search path: a folder of the image, and the same in the donor.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct SearchFolder {
    pub image: Option<RootPath>,
    pub donor: Option<RootPath>,
}

/// The result of opening a path.
#[derive(Clone)]
pub(super) enum Candidate<T> {
    /// Nothing that could be opened.
    Absent,
    /// A link that leads nowhere but to itself: the loader leaves this search path.
    Loop,
    /// A folder, or a file that is no object: the loader stops with an error.
    Broken,
    Object(T),
}

/// The decision of the loader about a candidate.
pub(super) enum Fit<T> {
    /// It looks on.
    Pass,
    /// It looks on, but not in the folders after this one on the same search path.
    Leave,
    /// It gives up.
    Stop,
    Take(T),
}

/// Returns whether an object of one kind can be loaded into a process of another: classes and
/// machines that differ are passed over (`open_verify` in `elf/dl-load.c`).
pub(super) fn fit<T>(candidate: Candidate<T>, object: impl Fn(&T) -> &Object, abi: Abi) -> Fit<T> {
    match candidate {
        Candidate::Absent => Fit::Pass,
        Candidate::Loop => Fit::Leave,
        Candidate::Broken => Fit::Stop,
        Candidate::Object(found) => {
            let object = object(&found);
            if object.abi.is_64 != abi.is_64 {
                Fit::Pass
            } else if object.abi.little_endian != abi.little_endian {
                Fit::Stop
            } else if object.abi.machine != abi.machine {
                Fit::Pass
            } else if object.only_program {
                Fit::Stop
            } else {
                Fit::Take(found)
            }
        }
    }
}

/// The object at a path of a tree, its path with folders resolved, and its real path.
pub(super) type OpenedObject = (RootPath, RootPath, Arc<Object>);

/// Reads what is at a path.
pub(super) fn open<L: Loader>(tree: &Tree, loader: &L, path: &RootPath) -> Result<Candidate<OpenedObject>, L::Error> {
    let Ok(at) = tree.resolve_parent(path) else { return Ok(Candidate::Absent) };
    let Ok(real) = tree.resolve(&at) else { return Ok(Candidate::Loop) };
    let Some(entry) = tree.get(&real) else {
        return Ok(if real.is_root() { Candidate::Broken } else { Candidate::Absent });
    };
    let Some(content) = entry.content() else { return Ok(Candidate::Broken) };
    let object = loader.object(&real, content)?;
    Ok(object.map_or(Candidate::Broken, |object| Candidate::Object((at, real, object))))
}

/// Candidates by path of the image; emptied when the image changes.
#[derive(Default)]
pub(super) struct CandidateCache(HashMap<RootPath, Candidate<Rc<LocatedObject>>>);

impl CandidateCache {
    /// Opens a path of the image.
    pub fn candidate<L: Loader>(
        &mut self,
        (image, donor): (&Tree, Option<&Tree>),
        origins: &BTreeMap<RootPath, RootPath>,
        (loader, architecture): (&L, &'static Architecture),
        path: &RootPath,
    ) -> Result<Candidate<Rc<LocatedObject>>, L::Error> {
        if let Some(known) = self.0.get(path) {
            return Ok(known.clone());
        }
        let candidate = match open(image, loader, path)? {
            Candidate::Absent => Candidate::Absent,
            Candidate::Loop => Candidate::Loop,
            Candidate::Broken => Candidate::Broken,
            Candidate::Object((at, real, object)) => {
                let origin = at.parent().unwrap_or_default();
                // Where it came from decides what $ORIGIN was over there.
                let donor_origin = origins.get(&at).or_else(|| origins.get(&real)).and_then(RootPath::parent);
                let here = Tokens { origin: Some(&origin), architecture };
                let there = Tokens { origin: donor_origin.as_ref(), architecture };
                let places = |entries: &[Vec<u8>]| -> Vec<SearchFolder> {
                    let place = |entry: &Vec<u8>| SearchFolder {
                        image: here.folder(entry, image),
                        donor: donor
                            .and_then(|donor| there.folder(entry, donor).filter(|folder| donor.is_folder(folder))),
                    };
                    // Directories that neither tree has are left out.
                    let any = |place: &SearchFolder| {
                        place.donor.is_some() || place.image.as_ref().is_some_and(|folder| image.is_folder(folder))
                    };
                    entries.iter().map(place).filter(any).collect()
                };
                let (rpath, runpath) = (places(&object.rpath), places(object.runpath.as_deref().unwrap_or_default()));
                Candidate::Object(Rc::new(LocatedObject { path: at, real, object, rpath, runpath }))
            }
        };
        self.0.insert(path.clone(), candidate.clone());
        Ok(candidate)
    }

    /// The image has changed.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
