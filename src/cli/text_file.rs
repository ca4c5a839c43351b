//! Reads configuration and lock files: regular files of bounded size.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The most bytes of a configuration: `carboy.toml`, `pyproject.toml`, `.python-version`.
pub const CONFIGURATION: usize = 1 << 20;

/// Returns a file's text. `/dev/null` is an empty file.
///
/// # Errors
/// `InvalidInput` for a file that is not regular and may have no end, for more than `limit` bytes,
/// and for text that is not UTF-8; errors of the system.
pub fn text(path: &Path, limit: usize) -> io::Result<String> {
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    let metadata = path.metadata()?;
    if path == Path::new("/dev/null") {
        return Ok(String::new());
    }
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
        return refused(format!("it is {what}"));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return refused(format!("it has more than {} MiB", limit >> 20));
    }
    String::from_utf8(bytes).or_else(|_| refused("it is not UTF-8".to_owned()))
}

/// Returns a file's text; none if the file does not exist.
///
/// # Errors
/// The errors of `text`.
pub fn text_if_any(path: &Path, limit: usize) -> io::Result<Option<String>> {
    match text(path, limit) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_some_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("text"), "x").unwrap();
        std::fs::write(at("bytes"), [0xff]).unwrap();
        File::create(at("large")).unwrap().set_len(1 + CONFIGURATION as u64).unwrap();
        File::create(at("full")).unwrap().set_len(CONFIGURATION as u64).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let read = |path: &Path| text_if_any(path, CONFIGURATION).map_err(|cause| cause.to_string());
        assert_eq!(read(&at("text")), Ok(Some("x".to_owned())));
        assert_eq!(read(&at("nothing")), Ok(None));
        assert_eq!(read(Path::new("/dev/null")), Ok(Some(String::new())));
        assert_eq!(read(&at("full")).map(|text| text.map(|text| text.len())), Ok(Some(CONFIGURATION)));
        for (path, cause) in [
            (at("bytes"), "it is not UTF-8"),
            (at("large"), "it has more than 1 MiB"),
            (at("socket"), "it is not a regular file"),
            ("/dev/zero".into(), "it is not a regular file"),
            (folder.path().to_owned(), "it is a directory"),
        ] {
            assert_eq!(read(&path), Err(cause.to_owned()), "{}", path.display());
        }
    }
}
