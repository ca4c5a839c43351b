//! The ELF files of wheels, read once and kept by the wheel's SHA-256.
//!
//! That a member is no ELF file, its first bytes tell, and they have to be inflated; of
//! one that is, most is inflated until its tables are reached. What is found depends on
//! the wheel's bytes alone.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::BuildError;
use crate::elf::{self, Abi, Object, header};
use crate::layer::zip_entry::{EntryReader, SeekableEntry};
use crate::oci::Digest;
use crate::python::wheel::Archive;
use crate::rootfs::ZipEntry;
use crate::store::{Cache, CacheKind};

/// Raised whenever other things are found in the same wheel.
const FORMAT: u32 = 2;

/// An ELF file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Elf {
    /// By its first bytes; none for what is neither a program nor a library.
    pub abi: Option<Abi>,
    /// As the loader opens it, or why it cannot.
    pub object: Result<Option<Object>, String>,
}

/// A wheel's ELF files, by where their data begins in it.
pub type Elves = BTreeMap<u64, Elf>;

/// The wheels that were looked at.
pub struct Members {
    cache: Arc<Cache>,
    known: Mutex<HashMap<Digest, Arc<Elves>>>,
}

impl Members {
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache, known: Mutex::default() }
    }

    /// The ELF files of a member's wheel, when that was looked at.
    pub fn beside(&self, member: &ZipEntry) -> Option<Arc<Elves>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&member.archive.digest).cloned()
    }

    /// Whether an earlier run looked at a wheel.
    fn recall(&self, wheel: &Digest) -> Result<bool, BuildError> {
        let Some(record) = self.cache.record(CacheKind::Elf, &key(wheel))? else { return Ok(false) };
        let kept = serde_json::from_slice(&record);
        Ok(kept.map(|elves| self.know(*wheel, elves)).is_ok())
    }

    /// Looks at a wheel, unless that was done, in this run or an earlier one. A member
    /// that cannot be read leaves it unknown: whoever needs that one tells what is wrong.
    ///
    /// # Errors
    /// A cache that cannot be used.
    pub fn look(&self, archive: &Archive) -> Result<(), BuildError> {
        let wheel = &archive.file.digest;
        let is_known = self.known.lock().unwrap_or_else(PoisonError::into_inner).contains_key(wheel);
        if is_known || self.recall(wheel)? {
            return Ok(());
        }
        let Ok(elves) = read(archive) else { return Ok(()) };
        let record = serde_json::to_vec(&elves).map_err(|cause| self.cache.failure(&cause.into()))?;
        self.cache.keep(CacheKind::Elf, &key(wheel), &record)?;
        self.know(*wheel, elves);
        Ok(())
    }

    fn know(&self, wheel: Digest, elves: Elves) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(wheel, Arc::new(elves));
    }
}

fn key(wheel: &Digest) -> Digest {
    Digest::of(format!("ELF files of {wheel}, {FORMAT}").as_bytes())
}

fn read(archive: &Archive) -> io::Result<Elves> {
    let mut out = Elves::new();
    for raw in &archive.members {
        let member = Arc::new(archive.member(raw, Digest::of(b""))); // which nobody asks for here
        let mut head = Vec::new();
        EntryReader::open(&member)?.take(header::LENGTH as u64).read_to_end(&mut head)?;
        if head.first_chunk().is_some_and(|magic| elf::is_elf(*magic)) {
            let object = elf::parse(&object::ReadCache::new(SeekableEntry::open(&member)?));
            let object = object.map_err(|cause| cause.to_string());
            out.insert(raw.offset, Elf { abi: head.first_chunk().and_then(header::abi), object });
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::python::wheel::RawZipEntry;
    use crate::rootfs::ArchiveFile;
    use crate::store::Cache;

    #[test]
    fn a_wheel_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let contents = [program.as_slice(), b"\x7fELF and so on", b"text"];
        let path = folder.path().join("wheel");
        fs::write(&path, contents.concat()).unwrap();
        let mut offset = 0;
        let member = |content: &&[u8]| {
            let size = content.len() as u64;
            offset += size;
            let offset = offset - size;
            RawZipEntry { name: String::new(), offset, packed: size, size, deflated: false, executable: false, crc: 0 }
        };
        let members: Vec<_> = contents.iter().map(member).collect();
        let file = ArchiveFile { name: "x".to_owned(), path: path.clone(), digest: Digest::of(b"wheel") };
        let archive = Archive { file: Arc::new(file), members };
        let cache = Arc::new(Cache::new(folder.path().join("cache")).unwrap());
        let looked_at = || {
            let members = Members::new(cache.clone());
            members.look(&archive).unwrap();
            members.beside(&archive.member(&archive.members[2], Digest::of(b"text")))
        };

        let elves = looked_at().unwrap();
        assert_eq!(elves.keys().copied().collect::<Vec<_>>(), [0, program.len() as u64]);
        let object = elves[&0].object.clone().unwrap().unwrap();
        assert!(object.needed().any(|name| name == b"libc.so.6"));
        assert_eq!(elves[&0].abi, Some(object.abi));
        let broken = &elves[&(program.len() as u64)];
        assert!(broken.abi.is_none() && broken.object.is_err());

        fs::remove_file(&path).unwrap();
        assert_eq!(looked_at().unwrap(), elves);
        for kept in fs::read_dir(folder.path().join("cache/elf")).unwrap() {
            fs::write(kept.unwrap().path(), "{").unwrap();
        }
        assert!(looked_at().is_none()); // neither the cache nor the wheel tells
    }
}
