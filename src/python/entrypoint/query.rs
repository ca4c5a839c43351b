//! The facts about a project that decide on its command.

use super::DEFAULT_PORT;
use super::server::Names;
use crate::python::project::ProjectMetadata;

/// The facts about a project that decide on its command.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    pub project: Option<&'a ProjectMetadata>,
    /// The project's files, as paths below its directory, sorted.
    pub files: &'a [&'a str],
    /// Reads a file of the project; none for a file that is too large or not UTF-8.
    pub read: &'a dyn Fn(&str) -> Option<String>,
    /// The names of the locked distributions, normalised; none if they are not known.
    pub names: Names<'a>,
    /// The name and the text of the `Dockerfile`.
    pub dockerfile: Option<(&'a str, &'a str)>,
    /// The text of the `Procfile`.
    pub procfile: Option<&'a str>,
    /// The directory of the project in the image: `/app`.
    pub folder: &'a str,
    /// The port of servers that the configuration names.
    pub port: Option<u16>,
}

impl<'a> Query<'a> {
    /// Returns a file of the project by its path.
    pub(super) fn file(&self, path: &str) -> Option<&'a str> {
        self.files.binary_search(&path).ok().map(|at| self.files[at])
    }

    /// Returns the port of servers.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// Returns whether the project has a file.
    pub(super) fn has(&self, file: &str) -> bool {
        self.file(file).is_some()
    }

    /// Returns whether the project has a file below a directory.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        let start = format!("{folder}/");
        let at = self.files.partition_point(|file| *file < start.as_str());
        self.files.get(at).is_some_and(|file| file.starts_with(&start))
    }

    /// Returns whether a distribution is locked, or may be.
    pub(super) fn may_have(&self, distribution: &str) -> bool {
        self.names.is_none_or(|names| names.contains(distribution))
    }
}
