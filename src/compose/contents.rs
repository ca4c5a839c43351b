//! Reads the contents of files.

use std::fmt::Display;
use std::io::{self, Read as _};

use crate::diagnostic::{Code, Diagnostic};
use crate::rootfs::{Content, ReadSeek, RootPath, Tree};

/// The outcome of a step that stops at an error.
pub type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// The most bytes of a text file of an image: accounts, os-release.
const TEXT_LIMIT: u64 = 1 << 20;

/// Reads the contents of files. Bytes of pulled layers are verified before they are returned.
pub trait Contents: Send + Sync {
    /// Opens a file's content.
    ///
    /// # Errors
    /// A local file, a wheel or a layer's tar that is missing or damaged.
    fn open(&self, content: &Content) -> io::Result<Box<dyn ReadSeek>>;

    /// Reads the first four bytes, padded with zeros.
    ///
    /// # Errors
    /// As `open`.
    fn magic(&self, content: &Content) -> io::Result<[u8; 4]>;

    /// Reads the first bytes, `length` at most.
    ///
    /// # Errors
    /// As `open`.
    fn head(&self, content: &Content, length: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        self.open(content)?.take(length).read_to_end(&mut out)?;
        Ok(out)
    }

    /// Reads all bytes of a small file.
    ///
    /// # Errors
    /// `FileTooLarge` past `limit` bytes; as `open`.
    fn read(&self, content: &Content, limit: u64) -> io::Result<Vec<u8>> {
        if content.size() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.head(content, limit)
    }
}

/// Reads a small text file of an image; none if it does not exist. A file that exists and cannot
/// be read is an error, so that accounts are extended and never replaced.
///
/// # Errors
/// A file that is too large, cannot be read, or is not UTF-8.
pub(super) fn text(contents: &dyn Contents, tree: &Tree, path: &RootPath) -> Result<Option<String>> {
    let Some((_, entry)) = tree.follow(path) else { return Ok(None) };
    let Some(content) = entry.content() else { return Ok(None) };
    let bytes = contents.read(content, TEXT_LIMIT).map_err(|cause| unreadable(path, cause))?;
    String::from_utf8(bytes).map(Some).map_err(|cause| unreadable(path, cause))
}

/// Makes the error of an image's file that cannot be read.
pub(super) fn unreadable(path: impl Display, cause: impl Display) -> Box<Diagnostic> {
    let message = format!("cannot read `{path}` of the image");
    Box::new(Diagnostic {
        causes: vec![cause.to_string()],
        ..Diagnostic::error(Code::UnreadableFile, message).file(path)
    })
}

/// Adds an image's name to the error of a file that cannot be read.
pub(super) fn unreadable_in(image: &str, error: Box<Diagnostic>) -> Box<Diagnostic> {
    match (error.code, &error.subject.file) {
        (Code::UnreadableFile, Some(path)) => {
            let message = format!("cannot read `{path}` of {image}");
            Box::new(Diagnostic { message, ..*error }.image(image))
        }
        _ => error,
    }
}

/// Makes a path from a text that is known to be valid.
pub(super) fn root_path(name: &str) -> RootPath {
    RootPath::new(name).unwrap_or_default()
}
