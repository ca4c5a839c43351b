//! Reads the symbol versions that a file needs of others, and those that it has.
//!
//! Source: LSB core, "Symbol Versioning"; glibc's `elf/dl-version.c`, which follows
//! the offsets from record to record and counts nothing. Offsets go forward only,
//! so that lists end; all records of a file together are bounded.

use object::elf::{VER_DEF_CURRENT, VER_FLG_WEAK, VER_NEED_CURRENT, Verdaux, Verdef, Vernaux, Verneed, VersionFlags};
use object::{Endianness, ReadRef};

use super::error::ElfError;
use super::segments::{Memory, record};
use super::version_need::VersionNeed;

/// The most records of one kind in a file: real ones have some dozens.
const MANY: usize = 10_000;

/// The string table of a file.
pub(super) struct Strings<'a, R> {
    memory: &'a mut Memory<R>,
    table: u64,
    size: u64,
}

impl<'a, 'data, R: ReadRef<'data>> Strings<'a, R> {
    pub fn new(memory: &'a mut Memory<R>, table: u64, size: u64) -> Self {
        Self { memory, table, size }
    }

    fn at(&mut self, at: u32) -> Result<Vec<u8>, ElfError> {
        self.memory.string(self.table, self.size, at.into())
    }
}

/// Counts records, and where the next one is.
struct Steps(usize);

impl Steps {
    fn next(&mut self, at: usize, step: u32) -> Result<Option<usize>, ElfError> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| ElfError::new("it has too many symbol versions"))?;
        Ok(if step == 0 { None } else { Some(inside(at, step)) })
    }
}

fn inside(at: usize, step: u32) -> usize {
    at.saturating_add(usize::try_from(step).unwrap_or(usize::MAX))
}

/// Reads the table that `DT_VERNEED` points to.
pub(super) fn needed<'data, R: ReadRef<'data>>(
    strings: &mut Strings<'_, R>,
    address: u64,
    endian: Endianness,
) -> Result<Vec<VersionNeed>, ElfError> {
    let table = strings.memory.table(address)?;
    let mut out = Vec::new();
    let mut steps = Steps(MANY);
    let mut next = Some(0);
    while let Some(at) = next {
        let entry: &Verneed<Endianness> = record(table, at)?;
        if entry.vn_version.get(endian) != VER_NEED_CURRENT {
            return Err(ElfError::new("its needed versions are of an unknown kind"));
        }
        let file = strings.at(entry.vn_file.get(endian))?;
        let mut next_aux = Some(inside(at, entry.vn_aux.get(endian)));
        while let Some(at) = next_aux {
            let aux: &Vernaux<Endianness> = record(table, at)?;
            let version = strings.at(aux.vna_name.get(endian))?;
            let weak = has(aux.vna_flags.get(endian), VER_FLG_WEAK);
            strings.memory.count(&file)?; // it is kept once more
            out.push(VersionNeed { file: file.clone(), version, weak });
            next_aux = steps.next(at, aux.vna_next.get(endian))?;
        }
        next = steps.next(at, entry.vn_next.get(endian))?;
    }
    Ok(out)
}

/// Reads the table that `DT_VERDEF` points to: the names of the versions, the file's own among
/// them.
pub(super) fn defined<'data, R: ReadRef<'data>>(
    strings: &mut Strings<'_, R>,
    address: u64,
    endian: Endianness,
) -> Result<Vec<Vec<u8>>, ElfError> {
    let table = strings.memory.table(address)?;
    let mut out = Vec::new();
    let mut steps = Steps(MANY);
    let mut next = Some(0);
    while let Some(at) = next {
        let entry: &Verdef<Endianness> = record(table, at)?;
        if entry.vd_version.get(endian) != VER_DEF_CURRENT {
            return Err(ElfError::new("its own versions are of an unknown kind"));
        }
        // The first name is the version's, those after it are its parents'.
        let aux: &Verdaux<Endianness> = record(table, inside(at, entry.vd_aux.get(endian)))?;
        out.push(strings.at(aux.vda_name.get(endian))?);
        next = steps.next(at, entry.vd_next.get(endian))?;
    }
    Ok(out)
}

fn has(flags: VersionFlags, flag: VersionFlags) -> bool {
    flags.0 & flag.0 != 0
}
