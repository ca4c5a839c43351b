//! Reads the ELF files of images, wheels and local folders, each once.

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
    /// Its machine by its first bytes; none for a file that is neither a program nor a library.
    pub abi: Option<Abi>,
    /// The object that the dynamic loader opens, or the reason why it cannot.
    pub object: std::result::Result<Option<Object>, String>,
}

/// The ELF files of a wheel, by the offset of their data in it.
pub type WheelElfFiles = BTreeMap<u64, ElfFile>;

/// A reader of ELF files that remembers them: one for each build.
pub struct ElfReader {
    contents: Arc<dyn Contents>,
    objects: Mutex<HashMap<Content, Option<Arc<Object>>>>,
    /// The wheels whose ELF files are known, by digest.
    wheels: Mutex<HashMap<Digest, Arc<WheelElfFiles>>>,
    /// Files that begin as ELF files and are broken, with the cause.
    broken: Mutex<HashMap<Content, String>>,
}

impl ElfReader {
    /// A reader that remembers nothing yet.
    pub fn new(contents: Arc<dyn Contents>) -> Self {
        Self { contents, objects: Mutex::default(), wheels: Mutex::default(), broken: Mutex::default() }
    }

    /// Remembers the ELF files of a wheel.
    pub fn add_wheel(&self, wheel: Digest, files: WheelElfFiles) {
        self.wheels.lock().unwrap_or_else(PoisonError::into_inner).insert(wheel, Arc::new(files));
    }

    /// Whether the ELF files of a wheel are known.
    pub fn knows_wheel(&self, wheel: &Digest) -> bool {
        self.wheels.lock().unwrap_or_else(PoisonError::into_inner).contains_key(wheel)
    }

    /// Warns of the files of a tree that begin as ELF files and are broken.
    pub(super) fn broken_in(&self, tree: &Tree) -> Vec<Diagnostic> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.is_empty() {
            return Vec::new();
        }
        let files = tree.iter().filter_map(|(path, entry)| Some((path, broken.get(entry.content()?)?)));
        files.map(|(path, cause)| Diagnostic::warning(Code::BrokenElf, format!("{path}: {cause}")).file(path)).collect()
    }

    /// Whether a file begins as ELF files do.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn is_elf(&self, content: &Content) -> io::Result<bool> {
        match self.in_wheel(content) {
            Some((files, offset)) => Ok(files.contains_key(&offset)),
            None => Ok(elf::is_elf(self.contents.magic(content)?)),
        }
    }

    /// The machine of a program or a library, by its first bytes.
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

    /// Whether a file exports a function.
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

    /// The ELF files of the wheel that a file is in, and the file's offset there.
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
            // The loader cannot load a broken file either: it is no object, and is warned of.
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.insert(content.clone(), cause);
            None
        });
        let object = object.map(Arc::new);
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(content.clone(), object.clone());
        Ok(object)
    }
}
