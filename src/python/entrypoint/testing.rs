//! A project in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Query, find};
use crate::python::project::ProjectMetadata;

/// A project with these files, and what it starts.
#[derive(Default)]
pub struct Sample {
    files: BTreeMap<String, String>,
    names: Option<BTreeSet<String>>,
}

impl Sample {
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// Adds empty files.
    pub fn files(self, paths: &[&str]) -> Self {
        paths.iter().fold(self, |sample, path| sample.file(path, ""))
    }

    /// Locks distributions.
    pub fn locks(mut self, names: &[&str]) -> Self {
        self.names = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    pub fn found(&self) -> Found {
        let text = |path: &str| self.files.get(path).map(String::as_str);
        let project = text("pyproject.toml").map(|text| ProjectMetadata::parse(text).unwrap());
        let files: Vec<_> = self.files.keys().map(String::as_str).collect();
        find(&Query {
            project: project.as_ref(),
            files: &files,
            read: &|path| self.files.get(path).cloned(),
            names: self.names.as_ref(),
            dockerfile: text("Dockerfile").map(|text| ("Dockerfile", text)),
            procfile: text("Procfile"),
            folder: "/app",
            port: None,
        })
    }

    /// Returns `ENTRYPOINT | CMD | ORIGIN`, or the lines of the candidates; then the reasons for
    /// unused commands.
    pub fn told(&self) -> String {
        let found = self.found();
        let start = match &found.start {
            Ok(start) => {
                let folder = if start.folder.is_empty() { String::new() } else { format!(" in {}", start.folder) };
                format!("{} | {} | {}{folder}", start.entrypoint.join(" "), start.cmd.join(" "), start.origin)
            }
            Err(candidates) => candidates.0.iter().map(|start| start.line() + "; ").collect(),
        };
        found.unused.iter().fold(start, |told, unused| format!("{told} ({}: {})", unused.file, unused.reason))
    }
}
