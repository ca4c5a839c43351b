//! Reads the files of an sdist from its archive: `.tar.gz` or `.zip`.
//!
//! Source: PyPA, "Source distribution format". All files are below one directory. Sizes are
//! bounded; links are followed inside the sdist, as installers do.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::{DeflateDecoder, MultiGzDecoder};
use tar::EntryType;

use crate::python::sdist::files::{SdistFile, SdistFiles, join};

/// The most bytes of all files. Assumed: the largest pure sdists have some dozen megabytes.
const BYTES: u64 = 256 << 20;
/// The most entries.
const ENTRIES: usize = 50_000;
/// The most links that lead to a file.
const LINKS: usize = 8;

/// The content of an archive while it is read.
#[derive(Default)]
struct Reading {
    files: BTreeMap<String, SdistFile>,
    /// Links with their targets, both relative to the top directory.
    links: BTreeMap<String, String>,
    top: Option<String>,
    bytes: u64,
    entries: usize,
}

/// Returns the files of an sdist.
///
/// # Errors
/// The reason why the archive cannot be used.
pub fn read(path: &Path, name: &str) -> Result<SdistFiles, String> {
    let file = File::open(path).map_err(|cause| cause.to_string())?;
    let mut reading = Reading::default();
    if [".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end)) {
        reading.tar(MultiGzDecoder::new(io::BufReader::new(file)))?;
    } else if name.strip_suffix(".zip").is_some() {
        reading.zip(file)?;
    } else {
        return Err("it is neither a .tar.gz nor a .zip archive".to_owned());
    }
    reading.finish()
}

impl Reading {
    fn tar(&mut self, content: impl Read) -> Result<(), String> {
        let unreadable = |cause: io::Error| format!("the archive cannot be read: {cause}");
        // The headers and the padding are at most as large as the content of the most small files.
        let mut content = content.take(BYTES + ENTRIES as u64 * 2048);
        let mut archive = tar::Archive::new(&mut content);
        for entry in archive.entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            let path =
                std::str::from_utf8(&entry.path_bytes()).map_err(|_| "a name is not UTF-8".to_owned())?.to_owned();
            let kind = entry.header().entry_type();
            match kind {
                EntryType::Regular | EntryType::Continuous => {
                    let executable = entry.header().mode().map_err(unreadable)? & 0o111 != 0;
                    self.file(&path, executable, &mut entry)?;
                }
                EntryType::Symlink | EntryType::Link => {
                    let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
                    self.link(&path, &target.unwrap_or_default(), kind == EntryType::Symlink)?;
                }
                EntryType::Directory | EntryType::XGlobalHeader => self.count()?,
                _ => return Err(format!("`{path}` is neither a file nor a directory")),
            }
        }
        if content.limit() == 0 {
            return Err(format!("it has more than {} MiB", BYTES >> 20));
        }
        Ok(())
    }

    fn zip(&mut self, file: File) -> Result<(), String> {
        let unreadable = |cause: zip::result::ZipError| format!("the archive cannot be read: {cause}");
        let mut archive = zip::ZipArchive::new(file).map_err(unreadable)?;
        for at in 0..archive.len() {
            let entry = archive.by_index_raw(at).map_err(unreadable)?;
            let path = std::str::from_utf8(entry.name_raw()).map_err(|_| "a name is not UTF-8".to_owned())?.to_owned();
            if path.ends_with('/') {
                self.count()?;
                continue;
            }
            let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
            let compression = entry.compression();
            let mut content: Box<dyn Read> = match compression {
                zip::CompressionMethod::Stored => Box::new(entry),
                zip::CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(entry)),
                _ => return Err(format!("`{path}` has an unknown compression")),
            };
            self.file(&path, executable, &mut content)?;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), String> {
        self.entries += 1;
        if self.entries > ENTRIES { Err(format!("it has more than {ENTRIES} entries")) } else { Ok(()) }
    }

    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), String> {
        self.count()?;
        let Some(path) = self.inner(path)? else { return Ok(()) };
        let mut bytes = Vec::new();
        let left = BYTES - self.bytes;
        let read = content.take(left + 1).read_to_end(&mut bytes);
        self.bytes += read.map_err(|cause| format!("the archive cannot be read: {cause}"))? as u64;
        if self.bytes > BYTES {
            return Err(format!("its files have more than {} MiB", BYTES >> 20));
        }
        self.links.remove(&path);
        self.files.insert(path, SdistFile { bytes, executable });
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str, symbolic: bool) -> Result<(), String> {
        self.count()?;
        let outside = || format!("`{path}` is a link that leads outside");
        let Some(own) = self.inner(path)? else { return Err(outside()) };
        let target = if symbolic {
            let directory = own.rsplit_once('/').map_or("", |(directory, _)| directory);
            join(directory, target).ok_or_else(outside)?
        } else {
            self.inner(target)?.ok_or_else(outside)?
        };
        self.files.remove(&own);
        self.links.insert(own, target);
        Ok(())
    }

    /// Returns a path below the top directory; none for files beside it.
    fn inner(&mut self, path: &str) -> Result<Option<String>, String> {
        let strange = || format!("it has the path `{}`", path.escape_debug());
        let plain = path.strip_prefix("./").unwrap_or(path);
        let bad = |part: &str| {
            part.is_empty()
                || part == "."
                || part == ".."
                || part.contains(['\\', ':'])
                || part.chars().any(char::is_control)
        };
        if plain.split('/').any(bad) || plain.len() > 4096 {
            return Err(strange());
        }
        let Some((top, inner)) = plain.split_once('/') else { return Ok(None) };
        if self.top.get_or_insert_with(|| top.to_owned()) != top {
            return Err("its files are below several directories".to_owned());
        }
        Ok(Some(inner.to_owned()))
    }

    fn finish(mut self) -> Result<SdistFiles, String> {
        for (path, target) in &self.links {
            let mut target = target;
            for _ in 0..LINKS {
                match self.links.get(target) {
                    Some(next) => target = next,
                    None => break,
                }
            }
            let file = self
                .files
                .get(target)
                .ok_or_else(|| format!("`{path}` is a link to something that is not a file of it"))?;
            self.bytes = self.bytes.saturating_add(file.bytes.len() as u64);
            if self.bytes > BYTES {
                return Err(format!("its files have more than {} MiB", BYTES >> 20));
            }
            let file = file.clone();
            self.files.insert(path.clone(), file);
        }
        let is_file_and_directory =
            |path: &String| path.match_indices('/').any(|(at, _)| self.files.contains_key(&path[..at]));
        match self.files.keys().find(|path| is_file_and_directory(path)) {
            Some(path) => Err(format!("`{path}` is below a file")),
            None => Ok(SdistFiles::new(self.files)),
        }
    }
}
