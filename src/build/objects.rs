//! Reads ELF files of images and of local folders, each once.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::BuildError;
use super::members::{Elves, Members};
use super::tars::Tars;
use crate::elf::{self, Abi, Loader, Object, header};
use crate::layer::contents;
use crate::rootfs::{Content, RootPath};

/// A reader of ELF files that remembers them.
pub struct Objects {
    tars: Arc<Tars>,
    members: Arc<Members>,
    known: Mutex<HashMap<Content, Option<Arc<Object>>>>,
    broken: Mutex<BTreeSet<String>>,
}

impl Objects {
    pub fn new(tars: Arc<Tars>, members: Arc<Members>) -> Self {
        Self { tars, members, known: Mutex::default(), broken: Mutex::default() }
    }

    /// Files that begin as ELF and do not go on so: `path: cause`, sorted.
    pub fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether a file begins as ELF files do.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn is_elf(&self, content: &Content) -> io::Result<bool> {
        match self.beside(content) {
            Some((elves, at)) => Ok(elves.contains_key(&at)),
            None => Ok(elf::is_elf(contents::magic(content, self.tars.as_ref())?)),
        }
    }

    /// What a program or a library is, by its first bytes.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn abi(&self, content: &Content) -> io::Result<Option<Abi>> {
        if let Some((elves, at)) = self.beside(content) {
            return Ok(elves.get(&at).and_then(|elf| elf.abi));
        }
        let head = contents::head(content, self.tars.as_ref(), header::LENGTH as u64)?;
        Ok(head.first_chunk().and_then(header::abi))
    }

    fn read(&self, content: &Content) -> io::Result<Result<Option<Object>, String>> {
        if let Some((elves, at)) = self.beside(content) {
            return Ok(elves.get(&at).map_or(Ok(None), |elf| elf.object.clone()));
        }
        if !self.is_elf(content)? {
            return Ok(Ok(None));
        }
        let file = contents::open(content, self.tars.as_ref())?;
        Ok(elf::parse(&object::ReadCache::new(file)).map_err(|cause| cause.to_string()))
    }

    /// For a member of a wheel that was looked at: the wheel's ELF files, and which it
    /// would be.
    fn beside(&self, content: &Content) -> Option<(Arc<Elves>, u64)> {
        let Content::ZipEntry(member) = content else { return None };
        Some((self.members.beside(member)?, member.offset))
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
