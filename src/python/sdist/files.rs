//! The files of an unpacked sdist.

use std::collections::BTreeMap;

/// One file of an sdist.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SdistFile {
    pub bytes: Vec<u8>,
    /// Whether the archive marks the file as executable.
    pub executable: bool,
}

/// The files of an sdist by path below its top directory, with `/` between the parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SdistFiles(BTreeMap<String, SdistFile>);

impl SdistFiles {
    /// Creates the set of files. Paths are relative, without `.`, `..` and empty parts.
    #[must_use]
    pub fn new(files: BTreeMap<String, SdistFile>) -> Self {
        Self(files)
    }

    /// Returns a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&SdistFile> {
        self.0.get(path)
    }

    /// Returns whether there is a file.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Returns whether there is a directory. The top directory is the empty string.
    #[must_use]
    pub fn has_directory(&self, path: &str) -> bool {
        path.is_empty() || self.below(path).next().is_some()
    }

    /// Returns all files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SdistFile)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Returns the paths of all files, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the files at any depth below a directory, as paths relative to it.
    pub fn below(&self, directory: &str) -> impl Iterator<Item = &str> {
        let start = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let skip = start.len();
        let prefix = start.clone();
        self.0
            .range(start..)
            .map(|(path, _)| path)
            .take_while(move |path| path.starts_with(&prefix))
            .map(move |path| &path[skip..])
    }

    /// Returns the names of the directories in a directory, sorted.
    #[must_use]
    pub fn directories(&self, directory: &str) -> Vec<&str> {
        let mut names: Vec<_> = self.below(directory).filter_map(|path| Some(path.split_once('/')?.0)).collect();
        names.dedup();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the names of the files in a directory, sorted.
    #[must_use]
    pub fn names(&self, directory: &str) -> Vec<&str> {
        self.below(directory).filter(|path| !path.contains('/')).collect()
    }

    /// Returns a text file as Python's text mode reads it: UTF-8, with `\n` as the only line end.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let text = std::str::from_utf8(&self.get(path)?.bytes).ok()?;
        Some(universal_newlines(text))
    }
}

/// Replaces `\r\n` and `\r` by `\n`.
#[must_use]
pub fn universal_newlines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

/// Joins two relative paths and resolves `.` and `..`. Returns none for a path that leads outside.
#[must_use]
pub fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    if path.starts_with('/') || path.contains('\\') {
        return None;
    }
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
