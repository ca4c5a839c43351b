//! The ignore files that hold at a place: `.gitignore` and `.carboyignore` of
//! each folder on the way, `.dockerignore` or what stands for it of the folder walked.
//!
//! Sources: buildx takes the ignore file that is named after the Dockerfile in place of
//! `.dockerignore`; buildah and podman do too, and prefer `.containerignore` to
//! `.dockerignore` (`containerignore(5)`). `gitignore(5)`, without the files that belong to one machine
//! (`core.excludesFile`, `.git/info/exclude`): a build is the same on any other.
//! Each kind of file is read by its own rules and a file stays out if one says
//! so; only `.carboyignore` can take back (`!`) what the others say, since it is
//! written for this tool alone. As in git, nothing is taken back from below a
//! folder that is ignored itself.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fs_err::PathExt as _;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::dockerignore::DockerIgnore;
use super::local_path::{below, unreadable};
use crate::diagnostic::Code;
use crate::operation_error::OperationError;

pub(super) const GIT: &str = ".gitignore";
const CARBOY: &str = ".carboyignore";
/// Files in `.dockerignore`'s syntax: the first that is there is read.
pub(super) const DOCKER: [&str; 6] = [
    "Dockerfile.dockerignore",
    "Dockerfile.containerignore",
    "Containerfile.containerignore",
    "Containerfile.dockerignore",
    ".containerignore",
    ".dockerignore",
];
/// The most bytes of an ignore file.
const LARGEST: u64 = 1 << 20;
/// The most lines of an ignore file, each of which may be a pattern.
const MOST_LINES: usize = 10_000;
/// The most lines of all ignore files that hold at a place.
const MOST_IN_SUM: usize = 50_000;

/// The ignore files that hold where the walk is.
pub(super) struct Ignores {
    /// The repository's root, or else the folder walked: links of ignore files stay in it.
    root: PathBuf,
    /// The path of the folder walked below its repository's root, with a slash
    /// at its end, or nothing.
    base: Vec<u8>,
    git: Vec<Level>,
    carboy: Vec<Level>,
    docker: Option<(&'static str, DockerIgnore)>,
}

/// One file's patterns, and how much of a path leads to that file's folder.
struct Level {
    strip: usize,
    lines: usize,
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
    pub(super) fn new(folder: &Path) -> Result<Self, OperationError> {
        let found = folder.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok());
        let root = found.unwrap_or(folder).to_owned();
        let mut ignores = Self { root: root.clone(), base: vec![], git: vec![], carboy: vec![], docker: None };
        let mut at = root.clone();
        for name in folder.strip_prefix(&root).unwrap_or(Path::new("")) {
            let strip = ignores.base.len();
            let text = ignores.text(&at, GIT)?;
            ignores.git.extend(text.map(|text| level(&at, GIT, strip, &text)).transpose()?);
            ignores.base.extend(name.as_encoded_bytes());
            ignores.base.push(b'/');
            at.push(name);
        }
        Ok(ignores)
    }

    /// Reads the ignore files among a folder's names.
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

    /// The text of an ignore file; none of what is no file. A `.gitignore` that is a link is
    /// not read, as git does it.
    ///
    /// # Errors
    /// Other ignore files that are links out of the project: what they would leave out,
    /// nobody knows.
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
        let (name, docker) = self.docker.as_ref()?;
        let is_out = if is_folder { docker.ignores_folder(path) } else { docker.ignores(path) };
        is_out.then_some(*name)
    }
}

/// What the innermost file with a matching pattern says: out, in, or nothing.
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

/// Reads a file in gitignore's syntax. A `.gitignore`'s bad lines match nothing,
/// as in git; a `.carboyignore`'s are errors.
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
