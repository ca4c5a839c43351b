//! The ignore files that apply at a path: `.gitignore` and `.carboyignore` of each directory on the
//! way, `.dockerignore` or its substitute in the walked directory.
//!
//! Sources: buildx uses the ignore file that is named after the Dockerfile in place of
//! `.dockerignore`; buildah and podman do too, and prefer `.containerignore` to `.dockerignore`
//! (`containerignore(5)`). `gitignore(5)`, without the files that belong to one machine
//! (`core.excludesFile`, `.git/info/exclude`), so that a build is the same on any other. A file in
//! `.dockerignore`'s syntax replaces `.gitignore`: git ignores what a build makes, and images need
//! it. `.carboyignore`, which is written for this tool alone, adds to either, and can take back (`!`)
//! their patterns. As in git, no file below an ignored directory is taken back.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fs_err::PathExt as _;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::dockerignore::DockerIgnore;
use super::local_path::{below, unreadable};
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::rootfs::IgnoreFile;

pub(super) const GIT: &str = ".gitignore";
const CARBOY: &str = ".carboyignore";
/// Files in `.dockerignore`'s syntax: the first that exists is read.
pub(super) const DOCKER: [&str; 6] = [
    "Dockerfile.dockerignore",
    "Dockerfile.containerignore",
    "Containerfile.containerignore",
    "Containerfile.dockerignore",
    ".containerignore",
    ".dockerignore",
];
/// The largest ignore file, in bytes.
const LARGEST: u64 = 1 << 20;
/// The most lines of an ignore file, each of which may be a pattern.
const MOST_LINES: usize = 10_000;
/// The most lines of all ignore files that apply at a path.
const MOST_IN_SUM: usize = 50_000;

/// The ignore files that apply at the walk's current path.
pub(super) struct Ignores {
    /// The repository's root, or else the walked directory: links of ignore files must stay in it.
    root: PathBuf,
    /// The path of the walked directory below its repository's root, with a slash at its end, or
    /// empty.
    base: Vec<u8>,
    git: Vec<Level>,
    carboy: Vec<Level>,
    docker: Option<(&'static str, DockerIgnore)>,
    /// The names of the files that were read anywhere.
    read: BTreeSet<&'static str>,
}

/// The patterns of one file, and the length of the path to its directory.
struct Level {
    strip: usize,
    lines: usize,
    patterns: Gitignore,
}

/// The number of levels of each kind.
pub(super) struct Depth {
    git: usize,
    carboy: usize,
}

impl Ignores {
    /// Reads the ignore files of a directory's parents, up to the repository's root, if it is in a
    /// repository.
    pub(super) fn new(folder: &Path) -> Result<Self, OperationError> {
        let found = folder.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok());
        let root = found.unwrap_or(folder).to_owned();
        let mut ignores =
            Self { root: root.clone(), base: vec![], git: vec![], carboy: vec![], docker: None, read: BTreeSet::new() };
        let mut at = root.clone();
        for name in folder.strip_prefix(&root).unwrap_or(Path::new("")) {
            let strip = ignores.base.len();
            let text = ignores.text(&at, GIT)?;
            ignores.read.extend(text.is_some().then_some(GIT));
            ignores.git.extend(text.map(|text| level(&at, GIT, strip, &text)).transpose()?);
            ignores.base.extend(name.as_encoded_bytes());
            ignores.base.push(b'/');
            at.push(name);
        }
        Ok(ignores)
    }

    /// Reads the ignore files in a directory, given its names.
    pub(super) fn enter(
        &mut self,
        path: &[u8],
        disk: &Path,
        has: impl Fn(&[u8]) -> bool,
    ) -> Result<Depth, OperationError> {
        let depth = Depth { git: self.git.len(), carboy: self.carboy.len() };
        let strip = self.base.len() + path.len() + usize::from(!path.is_empty());
        for name in [GIT, CARBOY].into_iter().filter(|name| has(name.as_bytes())) {
            let Some(text) = self.text(disk, name)? else { continue };
            self.read.insert(name);
            let levels = if name == GIT { &mut self.git } else { &mut self.carboy };
            levels.push(level(disk, name, strip, &text)?);
        }
        for name in DOCKER.into_iter().filter(|name| path.is_empty() && has(name.as_bytes())) {
            if let Some(text) = self.text(disk, name)? {
                self.docker = Some((name, docker(disk, name, &text)?));
                break;
            }
        }
        let lines: usize = self.git.iter().chain(&self.carboy).map(|level| level.lines).sum();
        if lines > MOST_IN_SUM {
            let message = format!("the ignore files of `{}` have more than {MOST_IN_SUM} lines", disk.display());
            return Err(OperationError::new(Code::LimitExceeded, message));
        }
        Ok(depth)
    }

    /// Reads an ignore file; none if it is not a file. A `.gitignore` that is a link is not read,
    /// as in git.
    ///
    /// # Errors
    /// Other ignore files that are links out of the project, because their patterns would be lost.
    fn text(&self, folder: &Path, name: &str) -> Result<Option<String>, OperationError> {
        let path = folder.join(name);
        let is_link = path.is_symlink();
        if !path.is_file() || is_link && name == GIT {
            return Ok(None);
        }
        if is_link && !path.fs_err_canonicalize().is_ok_and(|real| real.starts_with(&self.root)) {
            let message = format!("`{}` is a link that leads out of the project", path.display());
            let hint = "replace the link by a copy of its target";
            return Err(OperationError::new(Code::OutsideProject, message).with_hint(hint));
        }
        text(&path)
    }

    /// Drops the files that [`enter`](Self::enter) read.
    pub(super) fn leave(&mut self, depth: &Depth) {
        self.git.truncate(depth.git);
        self.carboy.truncate(depth.carboy);
    }

    /// Returns the kind of file that ignores a path, if one does.
    pub(super) fn rule(&self, path: &[u8], is_folder: bool) -> Option<&'static str> {
        match decide(&self.carboy, &self.full(path), is_folder) {
            Some(true) => return Some(CARBOY),
            Some(false) => return None,
            None => {}
        }
        let Some((name, docker)) = &self.docker else {
            return self.git_ignores(path, is_folder).then_some(GIT);
        };
        let is_out = if is_folder { docker.ignores_folder(path) } else { docker.ignores(path) };
        is_out.then_some(*name)
    }

    /// Returns whether a `.gitignore` ignores a path itself, whichever file decides.
    pub(super) fn git_ignores(&self, path: &[u8], is_folder: bool) -> bool {
        decide(&self.git, &self.full(path), is_folder) == Some(true)
    }

    /// Returns whether another file is read in place of `.gitignore`.
    pub(super) fn replaces_git(&self) -> bool {
        self.docker.is_some()
    }

    /// Returns the files that decided, after the walk.
    pub(super) fn deciding(&self) -> Vec<IgnoreFile> {
        let has_git = self.read.contains(GIT);
        let first = match &self.docker {
            Some((name, _)) => Some(IgnoreFile { path: (*name).to_owned(), replaces_git: has_git }),
            None => has_git.then(|| IgnoreFile { path: GIT.to_owned(), replaces_git: false }),
        };
        let own = self.read.contains(CARBOY).then(|| IgnoreFile { path: CARBOY.to_owned(), replaces_git: false });
        first.into_iter().chain(own).collect()
    }

    /// Returns a path below the repository's root.
    fn full<'p>(&self, path: &'p [u8]) -> Cow<'p, [u8]> {
        if self.base.is_empty() { path.into() } else { [&self.base, path].concat().into() }
    }
}

/// Returns the decision of the innermost file with a matching pattern: ignored, kept, or none.
fn decide(levels: &[Level], full: &[u8], is_folder: bool) -> Option<bool> {
    levels.iter().rev().find_map(|level| {
        let path = below(Path::new(""), &full[level.strip..]);
        match level.patterns.matched(path, is_folder) {
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
            Match::None => None,
        }
    })
}

/// Parses a file in gitignore's syntax. Invalid lines of a `.gitignore` match nothing, as in git;
/// those of a `.carboyignore` are errors.
fn level(folder: &Path, name: &str, strip: usize, text: &str) -> Result<Level, OperationError> {
    let mut builder = GitignoreBuilder::new("");
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let added = builder.add_line(None, line);
        if let (Err(cause), true) = (added, name == CARBOY) {
            return Err(bad_line(folder, name, number + 1, &cause));
        }
    }
    let patterns = builder.build().map_err(|cause| {
        OperationError::new(Code::InvalidConfiguration, format!("`{}` is invalid", folder.join(name).display()))
            .because(&cause)
    })?;
    Ok(Level { strip, lines: text.lines().count(), patterns })
}

fn docker(folder: &Path, name: &str, text: &str) -> Result<DockerIgnore, OperationError> {
    DockerIgnore::parse(text).map_err(|bad| bad_line(folder, name, bad.number, bad.cause.kind()))
}

fn text(path: &Path) -> Result<Option<String>, OperationError> {
    let mut bytes = vec![];
    let read = fs_err::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => {}
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(unreadable(&cause)),
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if bytes.len() as u64 > LARGEST || text.lines().count() > MOST_LINES {
        let message = format!("`{}` has more than {LARGEST} bytes or {MOST_LINES} lines", path.display());
        let hint = "name directories instead of single files in it";
        return Err(OperationError::new(Code::LimitExceeded, message).with_hint(hint));
    }
    Ok(Some(text))
}

fn bad_line(folder: &Path, name: &str, number: usize, cause: &dyn std::fmt::Display) -> OperationError {
    let message = format!("`{}`, line {number}: {cause}", folder.join(name).display());
    OperationError::new(Code::InvalidConfiguration, message)
}
