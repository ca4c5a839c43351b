//! Finds modules in directories as `CPython`'s path-based finder does.
//!
//! Source: `Lib/importlib/_bootstrap_external.py` (`FileFinder.find_spec`, `PathFinder`); PEP 420
//! for namespace packages. Zip archives are not searched.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::facts::Facts;
use crate::rootfs::RootPath;

/// The names in a directory, and whether each is a directory. Links are followed.
pub type Listing = HashMap<Vec<u8>, bool>;

/// The owner of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The user's own code.
    Application,
    Distribution,
    StandardLibrary,
}

/// The files of an image, as the check of imports needs them.
pub trait Files {
    /// Lists a directory; none if there is none at the path.
    fn list(&self, folder: &RootPath) -> Option<Listing>;

    /// Returns the facts about a source; none if it cannot be read or judged.
    fn facts(&self, file: &RootPath) -> Option<Arc<Facts>>;

    fn owner(&self, file: &RootPath) -> Owner;

    /// Returns whether a mount provides the directory when the image runs.
    fn is_mounted(&self, folder: &RootPath) -> bool;

    /// Returns whether any directory of the image has a module of that name outside of the standard
    /// library, on the module path or not.
    fn has_anywhere(&self, name: &str) -> bool;
}

/// A module that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Compiled into the interpreter.
    Builtin,
    /// A file; of a package, its `__init__`.
    File { file: RootPath, is_source: bool, folder: Option<RootPath> },
    /// Directories without an `__init__`.
    Namespace(Vec<RootPath>),
}

impl Found {
    /// Returns the source file.
    pub fn source(&self) -> Option<&RootPath> {
        match self {
            Self::File { file, is_source: true, .. } => Some(file),
            _ => None,
        }
    }
}

/// Finds modules in directories.
pub struct Finder<'a> {
    files: &'a dyn Files,
    /// The suffixes of extension modules, in search order.
    extensions: Vec<String>,
    listings: RefCell<HashMap<RootPath, Option<Rc<Listing>>>>,
}

impl<'a> Finder<'a> {
    pub fn new(files: &'a dyn Files, extensions: Vec<String>) -> Self {
        Self { files, extensions, listings: RefCell::default() }
    }

    fn listing(&self, folder: &RootPath) -> Option<Rc<Listing>> {
        if let Some(known) = self.listings.borrow().get(folder) {
            return known.clone();
        }
        let listing = self.files.list(folder).map(Rc::new);
        self.listings.borrow_mut().insert(folder.clone(), listing.clone());
        listing
    }

    /// Finds a module by the last part of its name.
    pub fn find(&self, folders: &[RootPath], name: &str) -> Option<Found> {
        let mut portions = Vec::new();
        for folder in folders {
            let Some(listing) = self.listing(folder) else { continue };
            let is_folder = listing.get(name.as_bytes()) == Some(&true);
            if is_folder {
                let package = folder.child(name.as_bytes());
                if let Some((file, is_source)) = self.file(&package, "__init__") {
                    return Some(Found::File { file, is_source, folder: Some(package) });
                }
                portions.push(package);
            }
            if let Some((file, is_source)) = self.file(folder, name) {
                return Some(Found::File { file, is_source, folder: None });
            }
        }
        (!portions.is_empty()).then_some(Found::Namespace(portions))
    }

    /// Returns the directories of that name, with and without an `__init__`.
    pub fn portions(&self, folders: &[RootPath], name: &str) -> Vec<RootPath> {
        let has =
            |folder: &&RootPath| self.listing(folder).is_some_and(|names| names.get(name.as_bytes()) == Some(&true));
        folders.iter().filter(has).map(|folder| folder.child(name.as_bytes())).collect()
    }

    /// Returns the file of a module in a directory, and whether it is a source.
    fn file(&self, folder: &RootPath, stem: &str) -> Option<(RootPath, bool)> {
        let listing = self.listing(folder)?;
        let suffixes = self.extensions.iter().map(String::as_str).chain([".py", ".pyc"]);
        let is_file = |name: &String| listing.get(name.as_bytes()) == Some(&false);
        suffixes
            .map(|suffix| (format!("{stem}{suffix}"), suffix == ".py"))
            .find(|(name, _)| is_file(name))
            .map(|(name, is_source)| (folder.child(name.as_bytes()), is_source))
    }
}
