//! Reads ELF files of images and of local folders, each once.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::BuildError;
use super::run::Tars;
use crate::elf::{self, ElfError, Loader, Object};
use crate::layer::contents;
use crate::rootfs::{Content, RootPath};

/// A reader of ELF files that remembers them.
pub struct Objects {
    tars: Arc<Tars>,
    known: Mutex<HashMap<Content, Option<Arc<Object>>>>,
    broken: Mutex<BTreeSet<String>>,
}

impl Objects {
    pub fn new(tars: Arc<Tars>) -> Self {
        Self { tars, known: Mutex::default(), broken: Mutex::default() }
    }

    /// Files that begin as ELF and do not go on so: `path: cause`, sorted.
    pub fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn read(&self, content: &Content) -> io::Result<Result<Option<Object>, ElfError>> {
        if !elf::is_elf(contents::magic(content, self.tars.as_ref())?) {
            return Ok(Ok(None));
        }
        let file = contents::open(content, self.tars.as_ref())?;
        Ok(elf::parse(&object::ReadCache::new(file)))
    }
}

impl Loader for Objects {
    type Error = BuildError;

    fn object(&self, path: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, BuildError> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(content) {
            return Ok(known.clone());
        }
        let read = self.read(content);
        let read = read.map_err(|cause| BuildError::read(path, cause))?;
        let object = read.unwrap_or_else(|cause| {
            // What the loader could not load either is no object; the user hears of it.
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.insert(format!("{path}: {cause}"));
            None
        });
        let object = object.map(Arc::new);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(content.clone(), object.clone());
        Ok(object)
    }
}
