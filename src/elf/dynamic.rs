//! Reads what the dynamic loader reads of an ELF file.
//!
//! Source: gABI chapter 5, "Dynamic Linking". Program headers only: a file may
//! have no section table. Symbol versions are left to a later part.

use object::elf::{
    DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, ET_DYN, ET_EXEC, FileHeader32, FileHeader64,
    PT_LOAD,
};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{Endianness, ReadRef};

/// The most bytes of one string that is looked at: `PATH_MAX`.
const STRING: usize = 4096;
/// The most entries of a dynamic section, program headers and so on: real files
/// have some dozens.
const MANY: usize = 10_000;

/// The machine, class and byte order that objects in one process share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Abi {
    /// `e_machine`: 62 is x86-64, 183 is AArch64.
    pub machine: u16,
    pub is_64: bool,
    pub little_endian: bool,
}

/// An executable or shared library that takes part in dynamic linking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    pub abi: Abi,
    pub soname: Option<Vec<u8>>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<Vec<u8>>,
    /// `DT_RPATH`, split at colons.
    pub rpath: Vec<Vec<u8>>,
    /// `DT_RUNPATH`, split at colons; its presence counts, even when empty.
    pub runpath: Option<Vec<Vec<u8>>>,
    /// `PT_INTERP`: the loader's path.
    pub interpreter: Option<Vec<u8>>,
}

/// An ELF file that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sound ELF file: {0}")]
pub struct ElfError(pub String);

/// Whether a file's first bytes are ELF's.
#[must_use]
pub fn is_elf(magic: [u8; 4]) -> bool {
    magic == *b"\x7fELF"
}

/// Reads a file; none when it is no executable or shared library, or a static one.
///
/// # Errors
/// Offsets and sizes that lie.
pub fn parse<'data, R: ReadRef<'data>>(data: R) -> Result<Option<Object>, ElfError> {
    let ident = data.read_bytes_at(0, 16).unwrap_or_default();
    match ident.get(4) {
        Some(1) => parse_as::<FileHeader32<Endianness>, R>(data),
        Some(2) => parse_as::<FileHeader64<Endianness>, R>(data),
        _ => Err(ElfError("unknown class".to_owned())),
    }
}

fn parse_as<'data, H, R>(data: R) -> Result<Option<Object>, ElfError>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let error = |cause: object::read::Error| ElfError(cause.to_string());
    let header = H::parse(data).map_err(error)?;
    let endian = header.endian().map_err(error)?;
    if ![ET_EXEC, ET_DYN].contains(&header.e_type(endian)) {
        return Ok(None);
    }
    let segments = header.program_headers(endian, data).map_err(error)?;
    let mut interpreter = None;
    let mut tags = None;
    for segment in segments.iter().take(MANY) {
        if let Some(path) = segment.interpreter(endian, data).map_err(error)? {
            interpreter = Some(path.get(..STRING).unwrap_or(path).to_vec());
        }
        if let Some(found) = segment.dynamic(endian, data).map_err(error)? {
            tags = Some(found);
        }
    }
    let Some(tags) = tags else { return Ok(None) };
    let tags: Vec<_> = tags
        .iter()
        .take(MANY)
        .map(|tag| (tag.d_tag(endian), Into::<u64>::into(tag.d_val(endian))))
        .take_while(|(tag, _)| tag.0 != 0)
        .collect();
    let value = |wanted| tags.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let mut object = Object {
        abi: Abi {
            machine: header.e_machine(endian).0,
            is_64: header.is_type_64(),
            little_endian: endian == Endianness::Little,
        },
        soname: None,
        needed: Vec::new(),
        rpath: Vec::new(),
        runpath: None,
        interpreter,
    };
    let Some(table) = value(DT_STRTAB) else { return Ok(Some(object)) };
    let mut loads = segments.iter().take(MANY).filter(|segment| segment.p_type(endian) == PT_LOAD);
    let start = loads
        .find_map(|segment| {
            let (address, size): (u64, u64) = (segment.p_vaddr(endian).into(), segment.p_filesz(endian).into());
            let offset: u64 = segment.p_offset(endian).into();
            let inside = table.checked_sub(address).filter(|inside| *inside < size)?;
            offset.checked_add(inside)
        })
        .ok_or_else(|| ElfError("its string table is in no segment".to_owned()))?;
    let size = value(DT_STRSZ).unwrap_or(u64::MAX);
    let end = data.len().map_err(|()| ElfError("its length is not known".to_owned()))?;
    let string = |at: u64| {
        let from = start.checked_add(at).filter(|_| at < size);
        let bytes =
            from.and_then(|from| data.read_bytes_at_until(from..end.min(from.saturating_add(STRING as u64)), 0).ok());
        bytes.map(<[u8]>::to_vec).ok_or_else(|| ElfError("a string lies outside of its string table".to_owned()))
    };
    for (tag, at) in &tags {
        match *tag {
            DT_NEEDED => object.needed.push(string(*at)?),
            DT_SONAME => object.soname = Some(string(*at)?),
            DT_RPATH => object.rpath.extend(split(&string(*at)?)),
            DT_RUNPATH => object.runpath.get_or_insert_default().extend(split(&string(*at)?)),
            _ => {}
        }
    }
    Ok(Some(object))
}

fn split(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&b| b == b':').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")] // elsewhere the running program is no ELF file
    #[test]
    fn this_test_is_an_elf_file_and_needs_libc() {
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let cache = object::ReadCache::new(file);
        let object = parse(&cache).unwrap().unwrap();
        assert!(object.needed.iter().any(|name| name == b"libc.so.6"), "{object:?}");
        assert!(object.interpreter.is_some_and(|path| path.starts_with(b"/lib")));
        assert!(object.abi.is_64 && object.abi.little_endian);
    }

    #[test]
    fn rubbish_is_an_error() {
        for bytes in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", &[0xff; 4096]] {
            assert!(parse(bytes).is_err());
        }
    }
}
