//! A tar that is written to a file, member by member.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _, SeekFrom, Write};

/// 1980-01-01T00:00:00Z, the time of every member.
const TIME: u64 = 315_532_800;
const BLOCK: usize = 512;

/// A tar in the making.
pub(super) struct TarFile {
    out: BufWriter<File>,
    /// The number of bytes so far.
    position: u64,
}

/// A member whose bytes are written.
struct Member<'a> {
    tar: &'a mut TarFile,
    size: u64,
}

impl TarFile {
    /// Begins a tar at the start of a file.
    pub(super) fn new(file: File) -> Self {
        Self { out: BufWriter::with_capacity(128 << 10, file), position: 0 }
    }

    /// Adds a directory.
    pub(super) fn folder(&mut self, name: &str) -> io::Result<()> {
        let mut header = header(name, 0, 0o755)?;
        header.set_entry_type(tar::EntryType::Directory);
        header.set_cksum();
        self.write(header.as_bytes())
    }

    /// Adds a file with this content.
    pub(super) fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.streamed(name, |out| out.write_all(content))?
    }

    /// Adds a file with the content that `fill` writes. Its size need not be known before.
    ///
    /// # Errors
    /// A file that cannot be written; inside, the error of `fill`.
    pub(super) fn streamed<E>(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> io::Result<Result<(), E>> {
        let start = self.position;
        self.write(header(name, 0, 0o644)?.as_bytes())?;
        let mut member = Member { tar: self, size: 0 };
        if let Err(error) = fill(&mut member) {
            return Ok(Err(error));
        }
        let size = member.size;
        let rest = usize::try_from(size.wrapping_neg() % BLOCK as u64).unwrap_or(0);
        self.write(&[0; BLOCK][..rest])?;
        // The header is written again with the size.
        self.out.seek(SeekFrom::Start(start))?;
        self.out.write_all(header(name, size, 0o644)?.as_bytes())?;
        self.out.seek(SeekFrom::Start(self.position))?;
        Ok(Ok(()))
    }

    /// Writes the end of the tar, and returns its size.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.write(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.position)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

impl Write for Member<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tar.write(bytes)?;
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn header(name: &str, size: u64, mode: u32) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(TIME);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// Reads at most `limit` bytes.
///
/// # Errors
/// `InvalidData` for more.
pub(in crate::store) fn read_bounded(from: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_get_their_sizes_afterwards() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tar = TarFile::new(file.reopen().unwrap());
        tar.folder("d/").unwrap();
        tar.file("d/a", b"carboy").unwrap();
        let parts = |out: &mut dyn Write| (0..300).try_for_each(|_| out.write_all(b"piece"));
        tar.streamed("d/b", parts).unwrap().unwrap();
        tar.file("d/c", b"").unwrap();
        tar.file("d/d", &[1; 512]).unwrap();
        let size = tar.finish().unwrap();
        assert_eq!(size, file.as_file().metadata().unwrap().len());
        let mut archive = tar::Archive::new(file.reopen().unwrap());
        let members: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                (entry.path().unwrap().display().to_string(), content)
            })
            .collect();
        let want = [
            ("d/", vec![]),
            ("d/a", b"carboy".to_vec()),
            ("d/b", b"piece".repeat(300)),
            ("d/c", vec![]),
            ("d/d", vec![1; 512]),
        ];
        assert_eq!(members, want.map(|(name, content)| (name.to_owned(), content)));
    }
}
