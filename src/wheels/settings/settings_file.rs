//! Reads files of settings.

use std::io::{self, Read as _};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// The most bytes of a file of settings.
const LIMIT: u64 = 1 << 20;

/// Reads a file of settings; none if it does not exist.
pub fn read(path: &Path) -> Result<Option<String>, OperationError> {
    read_up_to(path, LIMIT)
}

pub fn read_up_to(path: &Path, limit: u64) -> Result<Option<String>, OperationError> {
    let failed = |cause: &dyn std::fmt::Display| {
        OperationError::new(Code::UnreadableFile, format!("cannot read `{}`", path.display()))
            .because(cause.to_string())
    };
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(cause) => return Err(failed(&cause)),
    };
    if path == Path::new("/dev/null") {
        return Ok(None);
    }
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
        return Err(failed(&format!("it is {what}")));
    }
    let file = std::fs::File::open(path).map_err(|cause| failed(&cause))?;
    let mut bytes = Vec::new();
    let length = file.take(limit + 1).read_to_end(&mut bytes).map_err(|cause| failed(&cause))?;
    if length as u64 > limit {
        return Err(failed(&format!("it is longer than {} MiB", limit >> 20)));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| failed(&"it is not UTF-8"))
}

/// Parses a TOML file; none if it does not exist.
pub fn parsed<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, OperationError> {
    let Some(text) = read(path)? else { return Ok(None) };
    // The parser's message quotes the line or its values, which may be secret.
    let wrong = |cause: &toml::de::Error| {
        let line = cause.span().map(|span| text[..span.start].lines().count().max(1));
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        OperationError::new(Code::InvalidConfiguration, format!("cannot parse `{}`{line}", path.display()))
    };
    toml::from_str(&text).map(Some).map_err(|cause| wrong(&cause))
}
