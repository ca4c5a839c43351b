//! The members of an OCI archive, and where their bytes are. The archive is not unpacked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::tar_file::read_bounded;
use crate::diagnostic::Code;
use crate::oci::{Digest, manifest};
use crate::operation_error::OperationError;

/// The most members: images have few hundred layers at most.
const MOST: usize = 65_536;

/// The members of an OCI archive.
pub(in crate::store) struct Members {
    /// Offset and size of each blob.
    pub blobs: BTreeMap<Digest, (u64, u64)>,
    pub marker: Vec<u8>,
    pub index: Vec<u8>,
}

impl Members {
    /// Finds the members of an archive.
    ///
    /// # Errors
    /// A file that is no uncompressed tar of a layout.
    pub fn find(path: &Path) -> Result<Self, OperationError> {
        let shown = path.display();
        let file = File::open(path).map_err(|cause| {
            let code = if cause.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::UnreadableFile };
            OperationError::new(code, format!("cannot read `{shown}`")).because(&cause)
        })?;
        let members = Self::read(&file).map_err(|cause| {
            let error = OperationError::new(Code::InvalidImage, format!("`{shown}` is not an OCI archive"));
            error
                .because(&cause)
                .with_hint("it has to be an uncompressed tar of an OCI layout, as carboy and skopeo write it")
        })?;
        if members.marker.is_empty() || members.index.is_empty() {
            let message = format!("`{shown}` is not an OCI archive: it has no `oci-layout` or no `index.json`");
            return Err(OperationError::new(Code::InvalidImage, message));
        }
        Ok(members)
    }

    fn read(file: &File) -> io::Result<Self> {
        let mut found = Self { blobs: BTreeMap::new(), marker: Vec::new(), index: Vec::new() };
        let mut archive = tar::Archive::new(file);
        for (count, entry) in archive.entries_with_seek()?.enumerate() {
            let entry = entry?;
            if count >= MOST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {MOST} members")));
            }
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path_bytes().into_owned();
            match path.strip_prefix(b"./").unwrap_or(&path) {
                b"oci-layout" => found.marker = read_bounded(entry, manifest::LIMIT)?,
                b"index.json" => found.index = read_bounded(entry, manifest::LIMIT)?,
                other => {
                    let hex = other.strip_prefix(b"blobs/sha256/").and_then(|hex| std::str::from_utf8(hex).ok());
                    if let Some(digest) = hex.and_then(|hex| format!("sha256:{hex}").parse().ok()) {
                        found.blobs.insert(digest, (entry.raw_file_position(), entry.size()));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Opens a part of a file.
pub(in crate::store) fn open_part(path: &Path, offset: u64, size: u64) -> io::Result<io::Take<File>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(file.take(size))
}
