//! The ELF files of wheels, read once and kept by the wheel's SHA-256.
//!
//! An entry is an ELF file by its first bytes, and these have to be inflated. To reach the tables
//! of an ELF file, most of it has to be inflated. The result depends on the wheel's bytes alone.

use std::io::{self, Read};
use std::sync::Arc;

use super::error::BuildError;
use crate::compose::{ElfFile, ElfReader, WheelElfFiles};
use crate::elf::{self, header};
use crate::layer::zip_entry::{EntryReader, SeekableEntry};
use crate::oci::Digest;
use crate::python::wheel::Archive;
use crate::store::{Cache, CacheKind};

/// Raised whenever the same wheel gives another result.
const FORMAT: u32 = 2;

/// Adds the ELF files of wheels to a reader, from the cache or from the wheels.
pub struct WheelElfCache {
    cache: Arc<Cache>,
    reader: Arc<ElfReader>,
}

impl WheelElfCache {
    pub fn new(cache: Arc<Cache>, reader: Arc<ElfReader>) -> Self {
        Self { cache, reader }
    }

    /// Adds the ELF files of a wheel from the cache. Returns false if the cache has none.
    ///
    /// # Errors
    /// A cache that cannot be read.
    pub fn recall(&self, wheel: &Digest) -> Result<bool, BuildError> {
        if self.reader.knows_wheel(wheel) {
            return Ok(true);
        }
        let Some(record) = self.cache.record(CacheKind::Elf, &key(wheel))? else { return Ok(false) };
        let Ok(files) = serde_json::from_slice(&record) else { return Ok(false) };
        self.reader.add_wheel(*wheel, files);
        Ok(true)
    }

    /// Adds the ELF files of a wheel. Reads the wheel unless this or an earlier run read it. Leaves
    /// out a wheel with an entry that cannot be read: the reader of that entry reports it.
    ///
    /// # Errors
    /// A cache that cannot be used.
    pub fn read(&self, archive: &Archive) -> Result<(), BuildError> {
        let wheel = &archive.file.digest;
        if self.recall(wheel)? {
            return Ok(());
        }
        let Ok(files) = elf_files(archive) else { return Ok(()) };
        let record = serde_json::to_vec(&files).map_err(|cause| self.cache.failure(&cause.into()))?;
        self.cache.keep(CacheKind::Elf, &key(wheel), &record)?;
        self.reader.add_wheel(*wheel, files);
        Ok(())
    }
}

fn key(wheel: &Digest) -> Digest {
    Digest::of(format!("ELF files of {wheel}, {FORMAT}").as_bytes())
}

fn elf_files(archive: &Archive) -> io::Result<WheelElfFiles> {
    let mut out = WheelElfFiles::new();
    for raw in &archive.members {
        // Opening the entry uses its offset and sizes, not the digest of its content.
        let entry = Arc::new(archive.member(raw, Digest::of(b"")));
        let mut head = Vec::new();
        EntryReader::open(&entry)?.take(header::LENGTH as u64).read_to_end(&mut head)?;
        if head.first_chunk().is_some_and(|magic| elf::is_elf(*magic)) {
            let object = elf::parse(&object::ReadCache::new(SeekableEntry::open(&entry)?));
            let object = object.map_err(|cause| cause.to_string());
            out.insert(raw.offset, ElfFile { abi: head.first_chunk().and_then(header::abi), object });
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::assemble::layer_tars::LayerTars;
    use crate::python::wheel::RawZipEntry;
    use crate::rootfs::{ArchiveFile, Content};
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
        let cache: Arc<Cache> = Arc::new(Cache::new(folder.path().join("cache")).unwrap());
        let read = || {
            let reader = Arc::new(ElfReader::new(Arc::new(LayerTars::new(cache.clone()))));
            WheelElfCache::new(cache.clone(), reader.clone()).read(&archive).unwrap();
            let entry = |at: usize| Content::ZipEntry(Arc::new(archive.member(&archive.members[at], Digest::of(b""))));
            let kinds = [0, 1, 2].map(|at| reader.is_elf(&entry(at)).ok());
            (kinds, reader.abi(&entry(0)).ok().flatten().is_some(), reader.knows_wheel(&archive.file.digest))
        };
        let elf = ([Some(true), Some(true), Some(false)], true, true);
        assert_eq!(read(), elf);

        fs::remove_file(&path).unwrap();
        assert_eq!(read(), elf, "from the cache");
        for kept in fs::read_dir(folder.path().join("cache/elf")).unwrap() {
            fs::write(kept.unwrap().path(), "{").unwrap();
        }
        assert_eq!(read(), ([None, None, None], false, false), "neither the cache nor the wheel has them");
    }
}
