//! The ignore files that hold at a place: `.gitignore` and `.carboyignore` of
//! each folder on the way, `.dockerignore` of the folder walked.
//!
//! Sources: `gitignore(5)`, without the files that belong to one machine
//! (`core.excludesFile`, `.git/info/exclude`): a build is the same on any other.
//! Each kind of file is read by its own rules and a file stays out if one says
//! so; only `.carboyignore` can take back (`!`) what the others say, since it is
//! written for this tool alone. As in git, nothing is taken back from below a
//! folder that is ignored itself.

use std::io;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::dockerignore::DockerIgnore;
use super::{other, unreadable};
use crate::ports::PortError;

const GIT: &str = ".gitignore";
const DOCKER: &str = ".dockerignore";
const CARBOY: &str = ".carboyignore";

/// The ignore files that hold where the walk is.
pub(super) struct Ignores {
    /// The path of the folder walked below its repository's root, with a slash
    /// at its end, or nothing.
    base: Vec<u8>,
    git: Vec<Level>,
    carboy: Vec<Level>,
    docker: Option<DockerIgnore>,
}

/// One file's patterns, and how much of a path leads to that file's folder.
struct Level {
    strip: usize,
    patterns: Gitignore,
}

/// How many levels there are of each kind.
pub(super) struct Depth {
    git: usize,
    carboy: usize,
}

impl Ignores {
    /// What holds in a folder before its own files are read: those of its
    /// parents, up to the repository's root, if it is in a repository.
    pub(super) fn new(folder: &Path) -> Result<Self, PortError> {
        let mut ignores = Self { base: vec![], git: vec![], carboy: vec![], docker: None };
        let Some(root) = folder.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok()) else {
            return Ok(ignores);
        };
        let mut at = root.to_owned();
        for name in folder.strip_prefix(root).unwrap_or(Path::new("")) {
            let strip = ignores.base.len();
            ignores.git.extend(level(&at, GIT, strip)?);
            ignores.base.extend(name.as_encoded_bytes());
            ignores.base.push(b'/');
            at.push(name);
        }
        Ok(ignores)
    }

    /// Reads the ignore files among a folder's names.
    pub(super) fn enter(&mut self, path: &[u8], disk: &Path, has: impl Fn(&[u8]) -> bool) -> Result<Depth, PortError> {
        let depth = Depth { git: self.git.len(), carboy: self.carboy.len() };
        let strip = self.base.len() + path.len() + usize::from(!path.is_empty());
        if has(GIT.as_bytes()) {
            self.git.extend(level(disk, GIT, strip)?);
        }
        if has(CARBOY.as_bytes()) {
            self.carboy.extend(level(disk, CARBOY, strip)?);
        }
        if path.is_empty() && has(DOCKER.as_bytes()) {
            self.docker = docker(disk)?;
        }
        Ok(depth)
    }

    /// Forgets what [`enter`](Self::enter) read.
    pub(super) fn leave(&mut self, depth: &Depth) {
        self.git.truncate(depth.git);
        self.carboy.truncate(depth.carboy);
    }

    /// The kind of file that keeps a path out, if one does.
    pub(super) fn rule(&self, path: &[u8], is_folder: bool) -> Option<&'static str> {
        let full = if self.base.is_empty() { path } else { &[&self.base, path].concat() };
        match decide(&self.carboy, full, is_folder) {
            Some(true) => return Some(CARBOY),
            Some(false) => return None,
            None => {}
        }
        if decide(&self.git, full, is_folder) == Some(true) {
            return Some(GIT);
        }
        let by_docker = !is_folder && self.docker.as_ref().is_some_and(|docker| docker.ignores(path));
        by_docker.then_some(DOCKER)
    }
}

/// What the innermost file with a matching pattern says: out, in, or nothing.
fn decide(levels: &[Level], full: &[u8], is_folder: bool) -> Option<bool> {
    levels.iter().rev().find_map(|level| {
        let path = super::below(Path::new(""), &full[level.strip..]);
        match level.patterns.matched(path, is_folder) {
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
            Match::None => None,
        }
    })
}

/// Reads a file in gitignore's syntax. A `.gitignore`'s bad lines match nothing,
/// as in git; a `.carboyignore`'s are errors.
fn level(folder: &Path, name: &str, strip: usize) -> Result<Option<Level>, PortError> {
    let Some(text) = text(folder, name)? else { return Ok(None) };
    let mut builder = GitignoreBuilder::new("");
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let added = builder.add_line(None, line);
        if let (Err(cause), true) = (added, name == CARBOY) {
            return Err(bad_line(folder, name, number + 1, &cause));
        }
    }
    let patterns = builder.build().map_err(|cause| other(format!("`{}`: {cause}", folder.join(name).display())))?;
    Ok(Some(Level { strip, patterns }))
}

fn docker(folder: &Path) -> Result<Option<DockerIgnore>, PortError> {
    let Some(text) = text(folder, DOCKER)? else { return Ok(None) };
    DockerIgnore::parse(&text).map(Some).map_err(|bad| bad_line(folder, DOCKER, bad.number, bad.cause.kind()))
}

fn text(folder: &Path, name: &str) -> Result<Option<String>, PortError> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(None);
    }
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unreadable(&cause)),
    }
}

fn bad_line(folder: &Path, name: &str, number: usize, cause: &dyn std::fmt::Display) -> PortError {
    other(format!("`{}`, line {number}: {cause}", folder.join(name).display()))
}
