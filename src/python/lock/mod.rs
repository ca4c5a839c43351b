//! What a lock file pins, in one form for all formats. Pure.
//!
//! Each format has a module that reads its text; what of it one platform gets is
//! chosen with that platform's [`Environment`]. Lock files are hostile: their size,
//! nesting and number of nested files are bounded, and no error tells credentials.

mod entry;
mod error;
mod format;
mod hash;
mod marker_context;
mod pipfile;
mod poetry;
mod pylock;
mod pyproject;
mod requirements;
#[cfg(test)]
pub(crate) mod testing;
mod urls;
mod uv;
pub mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pep440_rs::Version;

use super::marker::Environment;
use super::requirement::is_name;
use crate::diagnostic::Diagnostic;
use crate::oci::Digest;
use marker_context::MarkerContext;
use pyproject::Pyproject;

pub use error::LockError;
pub use format::Format;

/// The most bytes of one lock file. The largest that were seen have some 5 MiB; what is
/// read of one takes up to 100 times as much memory (measured).
pub const LIMIT: usize = 16 << 20;

/// The most folders that a lock file's own files are looked for in.
const FOLDERS: usize = 1000;

/// What of a lock file is wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LockSelection {
    /// Of the project, or of the member chosen. Normalised names.
    pub extras: Vec<String>,
    /// Dependency groups beside the project's own dependencies. Normalised names.
    pub groups: Vec<String>,
    /// A workspace member, instead of the project that the lock file lies with.
    pub member: Option<String>,
}

/// A distribution that an image gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// Normalised (PEP 503).
    pub name: String,
    /// None where only the distribution itself tells: a folder, a URL.
    pub version: Option<Version>,
    pub origin: PackageOrigin,
}

impl Pinned {
    /// As a requirement: `numpy==2.3.1`.
    #[must_use]
    pub fn requirement(&self) -> String {
        match &self.version {
            Some(version) => format!("{}=={version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Where a distribution comes from, as the lock file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PackageOrigin {
    /// An index.
    Index {
        /// The index's URL, where the lock file names one, without credentials.
        index: Option<String>,
        /// The files that are locked, sdists too. Empty where the lock file has hashes only.
        files: Vec<LockedFile>,
        /// Hashes of which a file must have one, where the lock file does not say whose
        /// they are. With neither files nor hashes anything of this version is taken.
        hashes: Vec<Hash>,
    },
    /// One archive at a URL.
    Url(LockedFile),
    /// One archive on the disk, relative to the lock file.
    File { path: PathBuf, hashes: Vec<Hash> },
    /// A project's folder, relative to the lock file.
    Folder { path: PathBuf },
    /// A repository, as it is written in the lock file.
    Git { url: String },
}

/// A file that a lock file names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedFile {
    /// `numpy-2.3.1-cp313-cp313-manylinux_2_28_x86_64.whl`, or an sdist's.
    pub name: String,
    /// Absolute; none where the lock file has names only.
    pub url: Option<String>,
    pub hashes: Vec<Hash>,
    /// In bytes.
    pub size: Option<u64>,
}

/// A hash of a whole file. Weaker kinds than these are not read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hash {
    Sha256(Digest),
    Sha384(Box<[u8; 48]>),
    Sha512(Box<[u8; 64]>),
}

/// Where a lock file says that distributions are looked for. URLs have the credentials
/// that they were written with. They have no names: the logins that this machine has
/// for a name would go wherever the lock file says that it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sources {
    /// Instead of the public one.
    pub index: Option<String>,
    pub extra_indexes: Vec<String>,
    /// URLs, or folders relative to the lock file.
    pub find_links: Vec<String>,
    /// Nothing but `find_links`.
    pub no_index: bool,
}

impl Sources {
    /// Adds a folder that files of the lock file are in.
    fn look_in(&mut self, folder: &Path) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = folder.to_string_lossy().into_owned();
        let few = self.find_links.len() < FOLDERS;
        if few && self.find_links.last() != Some(&folder) && !self.find_links.contains(&folder) {
            self.find_links.push(folder);
        }
    }
}

/// A lock file's text, and what is needed to understand it.
pub struct LockInput<'i> {
    /// Its path, for errors.
    pub name: &'i str,
    pub text: &'i str,
    /// The text of the project's own `pyproject.toml`.
    pub project: Option<&'i str>,
    /// Reads another file, by its path relative to the lock file's folder: those that
    /// `-r` and `-c` name, the `pyproject.toml` of folders that have no name of their own.
    pub read: &'i mut dyn FnMut(&Path) -> Result<String, String>,
    /// Whether a file is there, by its path relative to the lock file's folder.
    pub is_file: &'i dyn Fn(&Path) -> bool,
    /// The project's folder, relative to the lock file's: mostly `.`.
    pub root: &'i Path,
    pub policy: &'i dyn ReferencePolicy,
}

/// What is decided about the places that a lock file names.
pub trait ReferencePolicy {
    /// A URL with its [`variables`] put in.
    ///
    /// # Errors
    /// A URL that they are not put into.
    fn put_in(&self, url: &str) -> Result<String, Refusal>;

    /// Whether a path may be used, which is relative to the lock file's folder.
    ///
    /// # Errors
    /// A path that leads to where the file may not lead.
    fn admit(&self, path: &Path) -> Result<(), Refusal>;
}

/// Why a place is not used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub cause: String,
    pub hint: Option<String>,
}

/// A lock file that was read.
#[derive(Clone, Debug)]
pub struct Lock {
    file: String,
    format: Format,
    root: PathBuf,
    body: Body,
    sources: Sources,
    warnings: Vec<Diagnostic>,
    /// Paths that may not be used: an error once they are pinned.
    refused: BTreeMap<PathBuf, LockError>,
}

#[derive(Clone, Debug)]
enum Body {
    Uv(uv::Uv),
    Pylock(pylock::Pylock),
    Poetry(poetry::Poetry),
    Pipfile(pipfile::Pipfile),
    Requirements(requirements::Requirements),
}

impl Refusal {
    /// An error about what stands at a place of the file.
    fn at(self, at: &str) -> LockError {
        let error = LockError::new(at, self.cause);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl Body {
    /// The origins of all that is pinned, with names; in requirements, with their lines.
    fn origins(&mut self) -> Vec<(&str, &mut PackageOrigin)> {
        match self {
            Self::Uv(body) => body.origins().collect(),
            Self::Pylock(body) => body.origins().collect(),
            Self::Poetry(body) => body.origins().collect(),
            Self::Pipfile(body) => body.origins().collect(),
            Self::Requirements(body) => body.origins().collect(),
        }
    }
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// Files that are too large, of another version, or not of the format.
    pub fn parse(format: Format, input: &mut LockInput<'_>) -> Result<Self, LockError> {
        if input.text.len() > LIMIT {
            return Err(LockError::new(input.name, format!("has more than {} MiB", LIMIT >> 20)));
        }
        let project = Pyproject::parse(input.project)?;
        let mut sources = Sources::default();
        let body = match format {
            Format::Uv => Body::Uv(uv::Uv::parse(input.name, input.text, &project, &mut sources)?),
            Format::Pylock => Body::Pylock(pylock::Pylock::parse(input.name, input.text, &mut sources)?),
            Format::Poetry => Body::Poetry(poetry::Poetry::parse(input.name, input.text, &project)?),
            Format::Pipfile => Body::Pipfile(pipfile::Pipfile::parse(input.name, input.text, &mut sources)?),
            Format::Requirements => {
                Body::Requirements(requirements::Requirements::parse(input, &project, &mut sources)?)
            }
        };
        let (file, root) = (input.name.to_owned(), urls::joined(input.root, ""));
        let mut out = Self { file, format, root, body, sources, warnings: Vec::new(), refused: BTreeMap::new() };
        out.check(input.policy)?;
        if let Body::Requirements(body) = &out.body {
            out.warnings.clone_from(&body.warnings);
        }
        out.warnings.extend(out.unhashed());
        Ok(out)
    }

    /// What an image of this environment gets, sorted by name, each name once. The
    /// project itself is not among it. A distribution whose marker depends on the kernel
    /// is: see [`Lock::doubts`].
    ///
    /// # Errors
    /// Two versions of one name; extras, groups and members that are not there; a Python
    /// that the lock file excludes; requirements that name no one version.
    pub fn pinned(&self, environment: &Environment, choice: &LockSelection) -> Result<Vec<Pinned>, LockError> {
        let context = MarkerContext::possible(environment);
        self.select(&context, choice).map_err(|error| {
            let named = |(name, _): &(&String, &String)| error.names(name);
            let doubts = context.doubts();
            match doubts.iter().find(named) {
                Some((name, comparison)) => {
                    let hint = format!("whether `{comparison}` holds is not known before the image runs: lock `{name}` without that marker");
                    error.with_hint(hint)
                }
                None => error,
            }
        })
    }

    /// What is said of distributions that an image of this environment gets although only
    /// the kernel that will run it knows whether they are needed: a sentence for each.
    ///
    /// # Errors
    /// As `pinned`.
    pub fn doubts(&self, environment: &Environment, choice: &LockSelection) -> Result<Vec<String>, LockError> {
        let context = MarkerContext::possible(environment);
        let possible = self.select(&context, choice)?;
        let doubts = context.doubts();
        if doubts.is_empty() {
            return Ok(Vec::new());
        }
        // Another requirement may bring it anyhow. Where that cannot be told, all are in doubt.
        let certain = self.select(&MarkerContext::certain(environment), choice).unwrap_or_default();
        let is_in = |all: &[Pinned], name: &str| all.iter().any(|one| one.name == name);
        let open = doubts.iter().filter(|(name, _)| is_in(&possible, name) && !is_in(&certain, name));
        let sentence = |(name, comparison): (&String, &String)| {
            error::clean(&format!(
                "{}: `{name}` is installed: whether `{comparison}` holds depends on the kernel that will run the image",
                self.file
            ))
        };
        Ok(open.map(sentence).collect())
    }

    fn select(&self, context: &MarkerContext<'_>, choice: &LockSelection) -> Result<Vec<Pinned>, LockError> {
        let file = self.file.as_str();
        let mut entries = match &self.body {
            Body::Uv(body) => body.pinned(file, context, choice)?,
            Body::Pylock(body) => body.pinned(file, context, choice)?,
            Body::Poetry(body) => body.pinned(file, context, choice)?,
            Body::Pipfile(body) => body.pinned(file, context, choice)?,
            Body::Requirements(body) => body.pinned(file, context, choice)?,
        };
        if let Some(odd) = entries.iter().find(|one| !is_name(&one.name)) {
            return Err(LockError::new(file, format!("`{}` is not the name of a distribution", odd.name)));
        }
        // These list the project too, as a folder; of a uv.lock it may be what a member needs.
        if matches!(self.format, Format::Pylock | Format::Pipfile) {
            entries.retain(|one| !matches!(&one.origin, PackageOrigin::Folder { path } if *path == self.root));
        }
        let pinned = entry::once_each(file, self.format, entries)?;
        let mut paths = pinned.iter().flat_map(|one| one.origin.paths());
        match paths.find_map(|path| self.refused.get(&path)) {
            Some(error) => Err(error.clone()),
            None => Ok(pinned),
        }
    }

    /// Its path, as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Warnings about the file.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Where the file says that distributions are looked for.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Puts variables into all URLs, and notes the paths that may not be used.
    fn check(&mut self, policy: &dyn ReferencePolicy) -> Result<(), LockError> {
        let Sources { index, extra_indexes, find_links, no_index: _ } = &mut self.sources;
        for url in index.iter_mut().chain(extra_indexes).chain(find_links) {
            urls::put_in(&self.file, url, policy)?;
            if let Some(path) = urls::local(url) {
                policy.admit(Path::new(&path)).map_err(|refusal| refusal.at(&self.file))?;
            }
        }
        for (name, origin) in self.body.origins() {
            let at = match self.format {
                Format::Requirements => name.to_owned(),
                _ => format!("{}: `{name}`", self.file),
            };
            origin.urls().try_for_each(|url| urls::put_in(&at, url, policy))?;
            if let PackageOrigin::Index { index: Some(index), .. } = origin {
                *index = error::without_credentials(index);
            }
            for path in origin.paths() {
                if let Err(refusal) = policy.admit(&path) {
                    self.refused.insert(path, refusal.at(&at));
                }
            }
        }
        Ok(())
    }

    /// One sentence about all distributions that have no hash.
    fn unhashed(&self) -> Option<Diagnostic> {
        let names = match &self.body {
            Body::Uv(body) => body.unhashed(),
            Body::Pylock(body) => body.unhashed(),
            Body::Poetry(body) => body.unhashed(),
            Body::Pipfile(body) => body.unhashed(),
            Body::Requirements(body) => body.unhashed(),
        };
        entry::unhashed(&self.file, self.format, &names)
    }
}
