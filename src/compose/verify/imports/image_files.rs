//! The Python files of an image.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::compose::composition::Composition;
use crate::compose::contents::{Result, unreadable};
use crate::compose::reasons::Because;
use crate::diagnostic::Diagnostic;
use crate::python::imports::facts::Facts;
use crate::python::imports::finder::{Files, Listing, Owner};
use crate::python::imports::source;
use crate::python::{Cpython, Interpreter};
use crate::rootfs::{Entry, RootPath};

/// The most bytes of all sources that are read for one platform. The largest known programs have
/// some 100 MB (assumed).
const TOTAL: u64 = 1 << 30;

/// The Python files of an image. Each source is read once.
pub(super) struct ImageFiles<'a> {
    composition: &'a Composition<'a>,
    interpreter: &'a Interpreter,
    version: (u8, u8),
    /// The directories that are mounted when the image runs.
    mounted: BTreeSet<RootPath>,
    /// The files of distributions that were installed from their directories.
    local: HashSet<&'a RootPath>,
    facts: RefCell<HashMap<RootPath, Option<Arc<Facts>>>>,
    left: RefCell<u64>,
    /// The names of all modules outside of the standard library.
    names: OnceCell<BTreeSet<Vec<u8>>>,
    /// The first file that could not be read.
    error: RefCell<Option<Box<Diagnostic>>>,
}

impl<'a> ImageFiles<'a> {
    pub fn new(
        composition: &'a Composition<'a>,
        interpreter: &'a Interpreter,
        python: Cpython,
        mounted: BTreeSet<RootPath>,
    ) -> Self {
        let number = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        let installed = composition.facts().flat_map(|facts| &facts.distributions);
        let local = installed.filter(|distribution| distribution.wheel.is_none()).flat_map(|one| &one.files);
        Self {
            composition,
            interpreter,
            version: (number(python.major), number(python.minor)),
            mounted,
            local: local.collect(),
            facts: RefCell::default(),
            left: RefCell::new(TOTAL),
            names: OnceCell::new(),
            error: RefCell::default(),
        }
    }

    /// Returns the error of the first file that could not be read.
    pub fn finish(self) -> Result<()> {
        self.error.into_inner().map_or(Ok(()), Err)
    }

    fn read(&self, file: &RootPath) -> Option<Facts> {
        let (real, entry) = self.composition.image.tree.follow(file)?;
        let content = entry.content()?;
        let left = self.left.borrow().checked_sub(content.size())?;
        if content.size() > source::LIMIT {
            return None;
        }
        *self.left.borrow_mut() = left;
        match self.composition.cx.contents.read(content, source::LIMIT) {
            Ok(bytes) => source::read(&bytes, self.version),
            Err(cause) => {
                self.error.borrow_mut().get_or_insert_with(|| unreadable(&real, cause));
                None
            }
        }
    }

    fn is_of_stdlib(&self, path: &RootPath) -> bool {
        let Interpreter { stdlib, purelib, platlib, .. } = self.interpreter;
        path.strip(stdlib).is_some() && [purelib, platlib].iter().all(|site| path.strip(site).is_none())
    }

    /// Returns the application's source or package of that name that is not on the module path.
    pub fn elsewhere(&self, name: &str) -> Option<RootPath> {
        let reasons = &self.composition.image.reasons;
        let (file, init) = (format!("{name}.py"), format!("{name}/__init__.py"));
        let is_it = |path: &&RootPath| {
            let bytes = path.as_bytes();
            path.name() == Some(file.as_bytes()) || bytes.ends_with(format!("/{init}").as_bytes())
        };
        let own = reasons.iter().filter(|(_, reason)| reason.because == Because::Application).map(|(path, _)| path);
        own.filter(is_it).min_by_key(|path| path.as_bytes().len()).cloned()
    }
}

impl Files for ImageFiles<'_> {
    fn list(&self, folder: &RootPath) -> Option<Listing> {
        let tree = &self.composition.image.tree;
        let real = tree.resolve(folder).ok().filter(|real| tree.is_folder(real))?;
        let kind = |path: &RootPath, entry: &Entry| match entry.is_folder() {
            true => Some(true),
            false if entry.content().is_some() => Some(false),
            false => tree.follow(path).map(|(_, entry)| entry.is_folder()),
        };
        let names = tree.children(&real).filter_map(|(path, entry)| Some((path.name()?.to_vec(), kind(path, entry)?)));
        Some(names.collect())
    }

    fn facts(&self, file: &RootPath) -> Option<Arc<Facts>> {
        if let Some(known) = self.facts.borrow().get(file) {
            return known.clone();
        }
        let facts = self.read(file).map(Arc::new);
        self.facts.borrow_mut().insert(file.clone(), facts.clone());
        facts
    }

    fn owner(&self, file: &RootPath) -> Owner {
        let real = self.composition.image.tree.resolve(file).unwrap_or_else(|_| file.clone());
        let reason = self.composition.image.reasons.get(&real).map(|reason| &reason.because);
        match reason {
            Some(Because::Application) => Owner::Application,
            _ if self.local.contains(&real) => Owner::Application,
            _ if self.is_of_stdlib(&real) => Owner::StandardLibrary,
            _ => Owner::Distribution,
        }
    }

    fn is_mounted(&self, folder: &RootPath) -> bool {
        self.mounted.contains(folder) || folder.ancestors().iter().any(|above| self.mounted.contains(above))
    }

    fn has_anywhere(&self, name: &str) -> bool {
        let names = self.names.get_or_init(|| {
            let all = self.composition.image.tree.iter().filter(|(path, _)| !self.is_of_stdlib(path));
            let stem = |name: &[u8]| name.split(|&byte| byte == b'.').next().unwrap_or_default().to_vec();
            all.filter_map(|(path, _)| path.name().map(stem)).collect()
        });
        names.contains(name.as_bytes())
    }
}
