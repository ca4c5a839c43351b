//! Lists the files of a wheel's zip archive, whose data is read in place.
//!
//! Source: PKWARE's APPNOTE (6.3.10); "Preventing ZIP parser confusion attacks on Python
//! package installers" (`PyPI`'s blog, 2025) for what indexes and installers refuse:
//! several ends, data before, behind or between the members, names that are listed twice,
//! local headers that tell other things than the central directory. Wheels are refused
//! here that pip takes: who reads the archive from the front and who reads it from its
//! end shall see the same files.
//!
//! The central directory is read by the `zip` crate, once its end says how much it is.
//! Nothing is inflated here; sizes are enforced where data is read (`zip_entry`).

mod end;
mod error;
mod local;
mod number;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::Crc;
use zip::read::{ArchiveOffset, Config, ZipArchiveMetadata, ZipFileEntry};
use zip::{CompressionMethod, ZipArchive};

use super::zip_entry::EntryReader;
use crate::oci::Digest;
use crate::python::wheel::{Archive, RawZipEntry};
use crate::rootfs::ArchiveFile;
use crate::rootfs::path::nested;
pub use error::{ArchiveFault, EntryFault, ZipError};
use local::{CentralHeader, LocalError};
use number::number;

/// The most members of an archive: of 109 popular wheels, none has more than 5,786
/// (measured), and no wheel has more than some tens of thousands (assumed).
const MEMBERS: u64 = 200_000;
/// The most bytes of a central directory, which is held in memory: names, comments and
/// extra fields may have 64 KiB each.
const DIRECTORY: u64 = 64 << 20;
/// The most bytes of all files, unpacked.
const SIZE: u64 = 16 << 30;
/// Deflate holds no more than 1,032 times its size (zlib's technical details).
const DENSEST: u64 = 1032;
/// The most times its own size that an archive may hold (measured: 11 times at most, single files
/// 224 times), and the size in bytes that any archive may hold.
const RATIO: u64 = 100;
const ANYWAY: u64 = 64 << 20;
/// Encrypted, strongly so, or with masked headers (4.4.4: bits 0, 6, 13).
const ENCRYPTED: u16 = 0x2041;
/// The name is UTF-8 (bit 11).
const UTF8: u16 = 0x0800;
/// Linux opens no path above this, and has no longer name in it (`limits.h`).
const PATH_LENGTH: usize = 4095;
const NAME_LENGTH: usize = 255;

/// Lists a wheel's members. `name` is the wheel's file name, for the archive and errors.
///
/// # Errors
/// Files that are not zip archives, and archives that no build tool makes.
pub fn list(wheel: ArchiveFile) -> Result<Archive, ZipError> {
    let name = wheel.name.as_str();
    let read = |cause: io::Error| ZipError::read(name, &cause);
    let file = File::open(&wheel.path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    let whole = |fault| ZipError::archive(name, fault);
    let directory = end::find(&file, length).map_err(whole)?;
    if directory.members > MEMBERS {
        return Err(whole(ArchiveFault::Many(directory.members)));
    }
    if directory.end - directory.start > DIRECTORY {
        return Err(whole(ArchiveFault::Large(directory.end - directory.start)));
    }
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let archive = ZipArchive::with_config(config, BufReader::new(&file));
    let archive = archive.map_err(|cause| whole(ArchiveFault::Broken(cause.to_string())))?;
    if archive.central_directory_start() != directory.start {
        return Err(whole(ArchiveFault::DirectoryLocation));
    }
    let listing = CentralDirectory { wheel: name, file: &file, directory, metadata: archive.metadata() };
    let members = listing.members()?;
    let (packed, size) = members.iter().fold((0, 0), |(packed, size): (u64, u64), member| {
        (packed.saturating_add(member.packed), size.saturating_add(member.size))
    });
    if size > SIZE || size > ANYWAY.max(packed.saturating_mul(RATIO)) {
        return Err(whole(ArchiveFault::Bomb { size, packed }));
    }
    Ok(Archive { file: Arc::new(wheel), members })
}

/// Opens a member's content, whose checksum is compared at its end.
///
/// # Errors
/// An archive that is not there any more.
pub fn open(archive: &Archive, raw: &RawZipEntry) -> io::Result<ChecksumReader> {
    let member = archive.member(raw, Digest::of(b"")); // the digest is not used
    Ok(ChecksumReader { inner: EntryReader::open(&member)?, crc: Crc::new(), want: raw.crc })
}

/// Content on its way, compared with the archive's checksum at its end.
pub struct ChecksumReader {
    inner: EntryReader,
    crc: Crc,
    want: u32,
}

impl Read for ChecksumReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() && self.crc.sum() != self.want {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is another than the archive says"));
        }
        Ok(count)
    }
}

/// An archive whose central directory was read.
struct CentralDirectory<'a> {
    wheel: &'a str,
    file: &'a File,
    directory: end::DirectoryLocation,
    metadata: Arc<ZipArchiveMetadata>,
}

/// A member on the way to being placed.
struct UnplacedEntry<'a> {
    central: CentralHeader<'a>,
    name: String,
    executable: bool,
    folder: bool,
}

impl CentralDirectory<'_> {
    fn members(&self) -> Result<Vec<RawZipEntry>, ZipError> {
        let whole = |fault| ZipError::archive(self.wheel, fault);
        if self.metadata.has_duplicate_names() {
            return Err(whole(ArchiveFault::Twice));
        }
        if self.metadata.len() as u64 != self.directory.members {
            return Err(whole(ArchiveFault::DirectoryLocation));
        }
        let mut entries = Vec::new();
        for at in 0..self.metadata.len() {
            let entry = self.metadata.entry(at);
            entries.push(entry.map_err(|cause| whole(ArchiveFault::Broken(cause.to_string())))?);
        }
        self.check_end(entries.last())?;
        let mut listed = Vec::new();
        for entry in &entries {
            let of = member(entry);
            listed.push(of.map_err(|fault| ZipError::member(self.wheel, entry.name_raw(), fault))?);
        }
        let mut names: Vec<_> = listed.iter().map(|listed| listed.name.as_bytes()).collect();
        let folders: BTreeSet<_> =
            listed.iter().filter(|listed| listed.folder).map(|listed| listed.name.as_bytes()).collect();
        if let Some((above, below)) = nested(&mut names, |path| folders.contains(path)) {
            let fault = if above == below {
                EntryFault::Twice
            } else {
                EntryFault::Below(String::from_utf8_lossy(above).into_owned())
            };
            return Err(ZipError::member(self.wheel, below, fault));
        }
        self.placed(listed)
    }

    /// Checks that the central directory ends with its last entry.
    fn check_end(&self, last: Option<&ZipFileEntry>) -> Result<(), ZipError> {
        let mut end = self.directory.start;
        if let Some(last) = last {
            let mut header = [0; 46];
            let read = self.file.read_exact_at(&mut header, last.central_header_start());
            read.map_err(|cause| ZipError::read(self.wheel, &cause))?;
            let variable = [28, 30, 32].iter().map(|&at| number(&header, at, 2)).sum::<u64>();
            end = last.central_header_start() + header.len() as u64 + variable;
        }
        if end == self.directory.end {
            return Ok(());
        }
        Err(ZipError::archive(self.wheel, ArchiveFault::DirectoryLocation))
    }

    /// Returns the entries with the offset of their data. Entries must follow each other without
    /// gaps from the archive's first byte to the central directory.
    fn placed(&self, mut listed: Vec<UnplacedEntry>) -> Result<Vec<RawZipEntry>, ZipError> {
        listed.sort_by_key(|listed| listed.central.header);
        let headers = listed.iter().map(|listed| listed.central.header);
        let nexts: Vec<_> = headers.chain([self.directory.start]).collect();
        if nexts.first() != Some(&0) {
            return Err(ZipError::archive(self.wheel, ArchiveFault::Before));
        }
        let mut out = Vec::new();
        for (UnplacedEntry { central, name, executable, folder }, next) in
            listed.into_iter().zip(nexts.into_iter().skip(1))
        {
            let place = central.place(self.file).and_then(|place| {
                central.closes(self.file, place.end, next)?;
                Ok(place)
            });
            let place = place.map_err(|error| match error {
                LocalError::Read(cause) => ZipError::read(self.wheel, &cause),
                LocalError::Fault(fault) => ZipError::member(self.wheel, central.name, fault),
            })?;
            if !folder {
                let CentralHeader { packed, size, crc, .. } = central;
                out.push(RawZipEntry {
                    name,
                    offset: place.data,
                    packed,
                    size,
                    deflated: central.is_deflated(),
                    executable,
                    crc,
                });
            }
        }
        Ok(out)
    }
}

/// Reads a header of the central directory, if it can be a wheel's.
fn member<'a>(entry: &'a ZipFileEntry<'_>) -> Result<UnplacedEntry<'a>, EntryFault> {
    let raw = entry.name_raw();
    let flags = entry.flags().as_u16();
    if flags & ENCRYPTED != 0 {
        return Err(EntryFault::Encrypted);
    }
    let name = path_of(raw, flags & UTF8 != 0)?;
    let folder = raw.ends_with(b"/");
    let mode = entry.external_attributes() >> 16;
    match mode & 0o170_000 {
        0 => {}
        0o100_000 if !folder => {}
        0o040_000 if folder => {}
        _ => return Err(EntryFault::Special),
    }
    let method = match entry.compression() {
        CompressionMethod::Stored => 0,
        CompressionMethod::DEFLATE => 8,
        _ => return Err(EntryFault::Method),
    };
    let (packed, size) = (entry.compressed_size(), entry.size());
    let central =
        CentralHeader { name: raw, header: entry.header_start(), flags, method, crc: entry.crc32(), packed, size };
    if folder && size > 0 {
        return Err(EntryFault::Folder);
    }
    if !central.is_deflated() && packed != size {
        return Err(EntryFault::Stored);
    }
    if size > packed.saturating_mul(DENSEST) {
        return Err(EntryFault::Bomb(size));
    }
    Ok(UnplacedEntry { central, name, executable: mode & 0o111 != 0, folder })
}

/// Reads a member's name, without a folder's last slash.
fn path_of(raw: &[u8], is_utf8: bool) -> Result<String, EntryFault> {
    let name = std::str::from_utf8(raw).ok().filter(|name| is_utf8 || name.is_ascii()).ok_or(EntryFault::Encoding)?;
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.len() > PATH_LENGTH || name.split('/').any(|part| part.len() > NAME_LENGTH) {
        return Err(EntryFault::Long);
    }
    let drive = name.as_bytes().get(1) == Some(&b':') && name.starts_with(|c: char| c.is_ascii_alphabetic());
    let odd = drive || name.contains(|c: char| c == '\\' || c.is_control());
    if odd || name.split('/').any(|part| matches!(part, "" | "." | "..") || part.starts_with(".wh.")) {
        return Err(EntryFault::Name);
    }
    Ok(name.to_owned())
}
