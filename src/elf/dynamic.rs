//! Reads what the dynamic loader reads of an ELF file.
//!
//! Source: gABI chapter 5, "Dynamic Linking"; which of several entries of a tag
//! counts: glibc's `elf/get-dynamic-info.h` (the last). Program headers only: a
//! file may have no section table.

use object::elf::{
    DF_1_NODEFLIB, DF_1_PIE, DT_AUXILIARY, DT_FILTER, DT_FLAGS_1, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ,
    DT_STRTAB, DT_VERDEF, DT_VERNEED, ET_DYN, ET_EXEC, FileHeader32, FileHeader64, PT_INTERP,
};
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{Endianness, ReadRef};

use super::abi::Abi;
use super::error::ElfError;
use super::file::File;
use super::object::{Need, NeedKind, Object};
use super::segments::STRING;
use super::version_records::{Strings, defined, needed};

/// Reads a file; none when it is no executable or shared library, or a static one.
///
/// # Errors
/// Offsets and sizes that lie, or are out of all proportion.
pub fn parse<'data, R: ReadRef<'data>>(data: R) -> Result<Option<Object>, ElfError> {
    let ident = data.read_bytes_at(0, 16).unwrap_or_default();
    match ident.get(4) {
        Some(1) => parse_as::<FileHeader32<Endianness>, R>(data),
        Some(2) => parse_as::<FileHeader64<Endianness>, R>(data),
        _ => Err(ElfError::new("unknown class")),
    }
}

fn parse_as<'data, H, R>(data: R) -> Result<Option<Object>, ElfError>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let file = File::<H, R>::open(data)?;
    let (header, endian) = (file.header, file.endian);
    if ![ET_EXEC, ET_DYN].contains(&header.e_type(endian)) {
        return Ok(None);
    }
    let headers = file.program_headers()?;
    let interpreter = interpreter::<H, R>(data, headers, endian)?;
    let Some(mut dynamic) = file.dynamic(headers)? else { return Ok(None) };
    let flags = dynamic.last(DT_FLAGS_1.0).unwrap_or_default();
    let mut object = Object {
        abi: Abi {
            machine: header.e_machine(endian).0,
            is_64: header.is_type_64(),
            little_endian: endian == Endianness::Little,
        },
        interpreter,
        no_default_folders: flags & DF_1_NODEFLIB.0 != 0,
        only_program: header.e_type(endian) == ET_EXEC || flags & DF_1_PIE.0 != 0,
        ..Object::default()
    };
    let Some(table) = dynamic.last(DT_STRTAB.0) else { return Ok(Some(object)) };
    let size = dynamic.last(DT_STRSZ.0).unwrap_or(u64::MAX);
    for (tag, at) in &dynamic.tags {
        let kind = match *tag {
            tag if tag == DT_NEEDED.0 => NeedKind::Needed,
            tag if tag == DT_FILTER.0 => NeedKind::Filter,
            tag if tag == DT_AUXILIARY.0 => NeedKind::Auxiliary,
            _ => continue,
        };
        object.needs.push(Need { name: dynamic.memory.string(table, size, *at)?, kind });
    }
    let [soname, runpath, rpath] = [DT_SONAME, DT_RUNPATH, DT_RPATH].map(|tag| dynamic.last(tag.0));
    let [needs, defines] = [DT_VERNEED, DT_VERDEF].map(|tag| dynamic.last(tag.0));
    let memory = &mut dynamic.memory;
    object.soname = soname.map(|at| memory.string(table, size, at)).transpose()?;
    let mut folders = |at: Option<u64>| at.map(|at| memory.search_path(table, size, at)).transpose();
    object.runpath = folders(runpath)?.map(|path| split(&path));
    if object.runpath.is_none() {
        object.rpath = folders(rpath)?.map(|path| split(&path)).unwrap_or_default();
    }
    let mut strings = Strings::new(memory, table, size);
    if let Some(address) = needs {
        object.version_needs = needed(&mut strings, address, endian)?;
    }
    if let Some(address) = defines {
        object.versions = Some(defined(&mut strings, address, endian)?);
    }
    Ok(Some(object))
}

/// Returns the path in the first `PT_INTERP`, as the kernel takes it.
fn interpreter<'data, H, R>(
    data: R,
    headers: &[H::ProgramHeader],
    endian: Endianness,
) -> Result<Option<Vec<u8>>, ElfError>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let Some(header) = headers.iter().find(|header| header.p_type(endian) == PT_INTERP) else { return Ok(None) };
    let (from, size): (u64, u64) = (header.p_offset(endian).into(), header.p_filesz(endian).into());
    let outside = |()| ElfError::new("its interpreter's name lies outside of the file");
    let bytes = data.read_bytes_at(from, size.min(STRING)).map_err(outside)?;
    Ok(Some(bytes.split(|&b| b == 0).next().unwrap_or_default().to_vec()))
}

/// Splits a search path at colons. Empty entries mean the working directory of the process,
/// which is not known when an image is built, so they are left out.
fn split(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&b| b == b':').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::VersionNeed;

    #[cfg(target_os = "linux")] // elsewhere the running program is no ELF file
    #[test]
    fn this_test_is_an_elf_file_and_needs_libc() {
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let cache = object::ReadCache::new(file);
        let object = parse(&cache).unwrap().unwrap();
        assert!(object.needed().any(|name| name == b"libc.so.6"), "{object:?}");
        assert!(object.interpreter.is_some_and(|path| path.starts_with(b"/lib")));
        assert!(object.abi.is_64 && object.abi.little_endian && object.only_program);
        let version = |need: &VersionNeed| need.file == b"libc.so.6" && need.version.starts_with(b"GLIBC_2.");
        assert!(object.version_needs.iter().any(version), "{:?}", object.version_needs);
        assert_eq!(object.versions, None);
    }

    #[test]
    fn rubbish_is_an_error() {
        for bytes in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", &[0xff; 4096]] {
            assert!(parse(bytes).is_err());
        }
    }
}
