//! The result of a closure: libraries to take, missing libraries, and edges between objects.

use super::loaded_objects::LoaderState;
use crate::rootfs::{Entry, RootPath};

/// A library taken, and the first object that asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedLibrary {
    pub soname: Vec<u8>,
    /// The files and links to add: the name that was searched for, and the files that it links to.
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
    /// A program loads it before it runs, so nothing can load it earlier.
    pub at_start: bool,
    /// An object of another machine that the loader passes over on its way.
    pub passed: Option<RootPath>,
}

/// An object, a library that it needs, and the file that is loaded for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edge {
    /// The real path of the object; the root for what is opened by name.
    pub from: RootPath,
    /// The name as the object has it. For the interpreter of a program, its path.
    pub soname: Vec<u8>,
    /// The real path of what is loaded; none if neither image nor donor has it.
    pub to: Option<RootPath>,
    /// The loader goes on without it (`DT_AUXILIARY`).
    pub optional: bool,
}

/// The result of a walk.
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
