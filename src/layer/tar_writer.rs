//! Writes the entries of a layer as a tar archive.

use std::io::{self, Read, Write};

use super::checked_content::open;
use super::pack_error::PackError;
use super::tar_files::TarFiles;
use crate::rootfs::{Entry, Kind, RootPath};

/// A tar archive that is being written.
pub struct TarWriter<'a, W: Write> {
    builder: tar::Builder<W>,
    /// Seconds since 1970 that every entry carries.
    timestamp: u64,
    tars: &'a dyn TarFiles,
    /// Called with the number of content bytes of each read.
    advanced: &'a dyn Fn(u64),
}

impl<'a, W: Write> TarWriter<'a, W> {
    /// Makes an archive without entries.
    pub fn new(out: W, timestamp: u64, tars: &'a dyn TarFiles, advanced: &'a dyn Fn(u64)) -> Self {
        Self { builder: tar::Builder::new(out), timestamp, tars, advanced }
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// Content that cannot be read or has another digest than the entry; a failing writer.
    pub fn append(&mut self, path: &RootPath, entry: &Entry) -> Result<(), PackError> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(entry.meta.mode);
        header.set_uid(u64::from(entry.meta.uid));
        header.set_gid(u64::from(entry.meta.gid));
        header.set_mtime(self.timestamp);
        header.set_size(0);
        append_xattrs(&mut self.builder, entry)?;
        let name = path.as_bytes();
        match &entry.kind {
            Kind::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                self.builder.append_data(&mut header, os_path(&[name, b"/"].concat()), io::empty())?;
            }
            Kind::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                self.builder.append_link(&mut header, os_path(name), os_path(target))?;
            }
            Kind::File(content) => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(content.size());
                let mut data =
                    CountingReader { inner: open(content, path, self.tars)?, advanced: self.advanced, broken: false };
                let appended = self.builder.append_data(&mut header, os_path(name), &mut data);
                appended.map_err(
                    |cause| if data.broken { data.inner.blame(path, cause, self.tars) } else { cause.into() },
                )?;
                data.inner.check(path, self.tars)?;
            }
            Kind::Special => {} // `Recipe::put` refuses them
        }
        Ok(())
    }

    /// Writes the archive's end and returns the writer below.
    ///
    /// # Errors
    /// A failing writer.
    pub fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }
}

/// Writes an extended header with an entry's attributes. Their names are bytes, which the `tar`
/// crate's own does not take.
fn append_xattrs(builder: &mut tar::Builder<impl Write>, entry: &Entry) -> io::Result<()> {
    let mut records = Vec::new();
    for (name, value) in &entry.meta.xattrs {
        let body = [b" SCHILY.xattr.", name.as_slice(), b"=", value.as_slice(), b"\n"].concat();
        // A record's length counts its own digits.
        let digits = |length: usize| length.to_string().len();
        let length = body.len() + digits(body.len());
        records.extend_from_slice((body.len() + digits(length)).to_string().as_bytes());
        records.extend_from_slice(&body);
    }
    if records.is_empty() {
        return Ok(());
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_size(records.len() as u64);
    header.set_cksum();
    builder.append(&header, records.as_slice())
}

fn os_path(bytes: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// A reader that reports the bytes that pass.
struct CountingReader<'a, R> {
    inner: R,
    advanced: &'a dyn Fn(u64),
    /// True if reading failed.
    broken: bool,
}

impl<R: Read> Read for CountingReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer).inspect_err(|_| self.broken = true)?;
        (self.advanced)(count as u64);
        Ok(count)
    }
}
