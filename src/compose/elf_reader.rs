//! Reads the ELF files of images, wheels and local directories, each once.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::contents::unreadable;
use super::contents::{Contents, Result};
use crate::diagnostic::{Code, Diagnostic};
use crate::elf::{self, Abi, Loader, Object, header};
use crate::oci::Digest;
use crate::rootfs::{Content, RootPath, Tree};

/// An ELF file of a wheel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ElfFile {
    /// The machine in its header; none for a file that is neither a program nor a library.
    pub abi: Option<Abi>,
    /// The object that the dynamic loader opens, or the error in the file.
    pub object: std::result::Result<Option<Object>, String>,
}

/// The ELF files of a wheel, by the offset of their data in it.
pub type WheelElfFiles = BTreeMap<u64, ElfFile>;

/// A caching reader of ELF files. Each build has one.
pub struct ElfReader {
    contents: Arc<dyn Contents>,
    objects: Mutex<HashMap<Content, Option<Arc<Object>>>>,
    /// The ELF files of known wheels, by the wheel's digest.
    wheels: Mutex<HashMap<Digest, Arc<WheelElfFiles>>>,
    /// Broken files with an ELF header, with the cause.
    broken: Mutex<HashMap<Content, String>>,
}

impl ElfReader {
    /// Makes an empty reader.
    pub fn new(contents: Arc<dyn Contents>) -> Self {
        Self { contents, objects: Mutex::default(), wheels: Mutex::default(), broken: Mutex::default() }
    }

    /// Adds the ELF files of a wheel.
    pub fn add_wheel(&self, wheel: Digest, files: WheelElfFiles) {
        self.wheels.lock().unwrap_or_else(PoisonError::into_inner).insert(wheel, Arc::new(files));
    }

    /// Returns whether the ELF files of a wheel are known.
    pub fn knows_wheel(&self, wheel: &Digest) -> bool {
        self.wheels.lock().unwrap_or_else(PoisonError::into_inner).contains_key(wheel)
    }

    /// Warns about broken files of a tree that have an ELF header.
    pub(super) fn broken_in(&self, tree: &Tree) -> Vec<Diagnostic> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.is_empty() {
            return Vec::new();
        }
        let files = tree.iter().filter_map(|(path, entry)| Some((path, broken.get(entry.content()?)?)));
        files.map(|(path, cause)| Diagnostic::warning(Code::BrokenElf, format!("{path}: {cause}")).file(path)).collect()
    }

    /// Returns whether a file starts with the ELF magic number.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn is_elf(&self, content: &Content) -> io::Result<bool> {
        match self.in_wheel(content) {
            Some((files, offset)) => Ok(files.contains_key(&offset)),
            None => Ok(elf::is_elf(self.contents.magic(content)?)),
        }
    }

    /// Returns the machine of a program or a library, by its header.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn abi(&self, content: &Content) -> io::Result<Option<Abi>> {
        if let Some((files, offset)) = self.in_wheel(content) {
            return Ok(files.get(&offset).and_then(|file| file.abi));
        }
        let head = self.contents.head(content, header::LENGTH as u64)?;
        Ok(head.first_chunk().and_then(header::abi))
    }

    /// Returns whether a file exports a function.
    ///
    /// # Errors
    /// A file that cannot be read. A broken file exports nothing.
    pub(super) fn exports(&self, content: &Content, function: &str) -> io::Result<bool> {
        let file = self.contents.open(content)?;
        Ok(elf::exports(&object::ReadCache::new(file), function.as_bytes()).unwrap_or_default())
    }

    fn read(&self, content: &Content) -> io::Result<std::result::Result<Option<Object>, String>> {
        if let Some((files, offset)) = self.in_wheel(content) {
            return Ok(files.get(&offset).map_or(Ok(None), |file| file.object.clone()));
        }
        if !self.is_elf(content)? {
            return Ok(Ok(None));
        }
        let file = self.contents.open(content)?;
        Ok(elf::parse(&object::ReadCache::new(file)).map_err(|cause| cause.to_string()))
    }

    /// Returns the ELF files of the wheel that a file is in, and the file's offset there.
    fn in_wheel(&self, content: &Content) -> Option<(Arc<WheelElfFiles>, u64)> {
        let Content::ZipEntry(member) = content else { return None };
        let wheels = self.wheels.lock().unwrap_or_else(PoisonError::into_inner);
        Some((wheels.get(&member.archive.digest)?.clone(), member.offset))
    }
}

impl Loader for ElfReader {
    type Error = Box<Diagnostic>;

    fn object(&self, path: &RootPath, content: &Content) -> Result<Option<Arc<Object>>> {
        if let Some(known) = self.objects.lock().unwrap_or_else(PoisonError::into_inner).get(content) {
            return Ok(known.clone());
        }
        let read = self.read(content).map_err(|cause| unreadable(path, cause))?;
        let object = read.unwrap_or_else(|cause| {
            // The loader cannot load a broken file either: it is not an object. `broken_in` warns about it.
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.insert(content.clone(), cause);
            None
        });
        let object = object.map(Arc::new);
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(content.clone(), object.clone());
        Ok(object)
    }
}
