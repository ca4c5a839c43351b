//! A parsed lock file, in one form for all formats.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::error::{self, LockError};
use super::input::{LIMIT, LockInput, ReferencePolicy};
use super::marker_context::MarkerContext;
use super::pipfile::Pipfile;
use super::poetry::{self, Poetry};
use super::pylock::Pylock;
use super::pyproject::Pyproject;
use super::requirements::{self, Requirements};
use super::uv::{self, Uv};
use super::{
    Format, LockOffer, LockSelection, PackageOrigin, Pinned, Sources, StatedRequirements, checks, stale, urls,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::python::marker::Environment;
use crate::python::requirement::is_name;

/// A parsed lock file.
#[derive(Clone, Debug)]
pub struct Lock {
    file: String,
    format: Format,
    root: PathBuf,
    body: Body,
    sources: Sources,
    warnings: Vec<Diagnostic>,
    /// The difference between the file and the project that it was made for.
    stale: Option<String>,
    /// The names of the projects that are installed from their directories.
    folders: BTreeSet<String>,
    /// Paths that the policy refuses. Each is an error only if a pinned distribution uses it.
    refused: BTreeMap<PathBuf, LockError>,
}

#[derive(Clone, Debug)]
enum Body {
    Uv(Uv),
    Pylock(Pylock),
    Poetry(Poetry),
    Pipfile(Pipfile),
    Requirements(Requirements),
}

impl Body {
    /// Returns the origins of all entries, with their names; in requirements, with their lines.
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
    /// Parses a lock file.
    ///
    /// # Errors
    /// Returns an error for a file that is too large, of another version, or not of the format.
    pub fn parse(format: Format, input: &mut LockInput<'_>) -> Result<Self, LockError> {
        if input.text.len() > LIMIT {
            return Err(LockError::new(input.name, format!("has more than {} MiB", LIMIT >> 20)));
        }
        let project = Pyproject::parse(input.project)?;
        let mut sources = Sources::default();
        let body = match format {
            Format::Uv => Body::Uv(uv::read(input.name, input.text, &project, &mut sources)?),
            Format::Pylock => Body::Pylock(Pylock::parse(input.name, input.text, &mut sources)?),
            Format::Poetry => Body::Poetry(poetry::read(input.name, input.text, &project)?),
            Format::Pipfile => Body::Pipfile(Pipfile::parse(input.name, input.text, &mut sources)?),
            Format::Requirements => Body::Requirements(requirements::read(input, &project, &mut sources)?),
        };
        let (file, root) = (input.name.to_owned(), urls::joined(input.root, ""));
        let stale = stale::difference(format, input).map(|difference| error::clean(&difference));
        let (warnings, folders, refused) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        let mut out = Self { file, format, root, body, sources, warnings, stale, folders, refused };
        out.check(input.policy)?;
        if let Body::Requirements(body) = &out.body {
            out.warnings.clone_from(&body.warnings);
        }
        out.warnings.extend(out.unhashed());
        Ok(out)
    }

    /// Returns the distributions for an image of this environment, sorted by name, each name once.
    ///
    /// The project itself is left out. Distributions with a marker that depends on the kernel
    /// are included: see [`Lock::doubts`].
    ///
    /// # Errors
    /// Returns an error for two versions of one name; for extras, groups and members that do not
    /// exist; for a Python that the lock file excludes; for requirements without an exact version.
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

    /// Returns a warning for each distribution with a marker that depends on the kernel. An image
    /// gets such a distribution even if the kernel that runs it makes the marker false.
    ///
    /// # Errors
    /// Returns the errors of [`Lock::pinned`].
    pub fn doubts(&self, environment: &Environment, choice: &LockSelection) -> Result<Vec<String>, LockError> {
        let context = MarkerContext::possible(environment);
        let possible = self.select(&context, choice)?;
        let doubts = context.doubts();
        if doubts.is_empty() {
            return Ok(Vec::new());
        }
        // Another requirement may need the distribution without a marker. If the selection fails, all are in doubt.
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

    /// Returns the distributions that the markers of `context` select.
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
        // These formats list the project too, as a directory. In a uv.lock, a member may depend on it.
        if matches!(self.format, Format::Pylock | Format::Pipfile) {
            entries.retain(|one| !matches!(&one.origin, PackageOrigin::Folder { path } if *path == self.root));
        }
        if !choice.exclude.is_empty() {
            let names = self.offer(choice).names;
            if let Some(name) = choice.exclude.iter().find(|name| !names.contains(*name)) {
                return Err(checks::unknown(file, "distribution", name, names.iter().map(String::as_str)));
            }
            entries.retain(|one| !choice.exclude.contains(&one.name));
        }
        let pinned = checks::once_each(file, self.format, entries)?;
        let mut paths = pinned.iter().flat_map(|one| one.origin.paths());
        match paths.find_map(|path| self.refused.get(&path)) {
            Some(error) => Err(error.clone()),
            None => Ok(pinned),
        }
    }

    /// Returns what the file states about the requirements between distributions.
    #[must_use]
    pub fn stated(&self, environment: &Environment) -> StatedRequirements {
        let context = MarkerContext::possible(environment);
        let extras = |extras| StatedRequirements { extras, ..StatedRequirements::default() };
        match &self.body {
            Body::Uv(body) => body.stated.clone(),
            Body::Pipfile(body) => extras(body.extras(&context)),
            Body::Requirements(body) => extras(body.extras(&context)),
            Body::Pylock(_) | Body::Poetry(_) => StatedRequirements::default(),
        }
    }

    /// Returns the error about a file that was made for other dependencies than the project has now.
    #[must_use]
    pub fn stale(&self) -> Option<Diagnostic> {
        let difference = self.stale.as_ref()?;
        let command = self.format.lock_command().unwrap_or("uv lock");
        let message = format!("{} is out of date: {difference}", self.file);
        let hint = format!(
            "lock again: `{command}`; to install what is locked: --allow-stale-lock, or allow-stale-lock = true under \
             [dependencies]"
        );
        Some(Diagnostic::error(Code::StaleLockFile, message).file(&self.file).hint(hint))
    }

    /// Returns the command that locks the requirements of a requirements file again, with the
    /// setting that it needs; `None` for other formats.
    #[must_use]
    pub fn compile_hint(&self, python: Option<&str>) -> Option<String> {
        let Body::Requirements(body) = &self.body else { return None };
        Some(body.compile_hint(python))
    }

    /// Returns the format of the file.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the directory of a member of the workspace, relative to the lock file.
    ///
    /// # Errors
    /// Returns an error for an unknown member, and for a lock file of another kind than uv's.
    pub fn member_folder(&self, member: &str) -> Result<PathBuf, LockError> {
        match &self.body {
            Body::Uv(body) => body.member_folder(&self.file, member).map(PathBuf::from),
            _ => Err(checks::unknown(&self.file, "member", member, std::iter::empty())),
        }
    }

    /// Returns the names of the projects that are installed from their directories.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().map(String::as_str)
    }

    /// Returns the distributions of the file, and the groups and extras of the selected project.
    #[must_use]
    pub fn offer(&self, choice: &LockSelection) -> LockOffer {
        match &self.body {
            Body::Uv(body) => body.offer(choice),
            Body::Pylock(body) => body.offer(),
            Body::Poetry(body) => body.offer(),
            Body::Pipfile(body) => body.offer(),
            Body::Requirements(body) => body.offer(),
        }
    }

    /// Returns the path of the file as given to [`Lock::parse`].
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the warnings about the file.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns the indexes and directories that the file names for its distributions.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Expands the variables in all URLs, and collects the paths that the policy refuses.
    fn check(&mut self, policy: &dyn ReferencePolicy) -> Result<(), LockError> {
        let Sources { index, extra_indexes, find_links, no_index: _ } = &mut self.sources;
        for url in index.iter_mut().chain(extra_indexes).chain(find_links) {
            urls::expand(&self.file, url, policy)?;
            if let Some(path) = urls::local(url) {
                policy.admit(Path::new(&path)).map_err(|refusal| refusal.at(&self.file))?;
            }
        }
        for (name, origin) in self.body.origins() {
            let at = match self.format {
                Format::Requirements => name.to_owned(),
                _ => format!("{}: `{name}`", self.file),
            };
            origin.urls().try_for_each(|url| urls::expand(&at, url, policy))?;
            if let PackageOrigin::Index { index: Some(index), .. } = origin {
                *index = error::without_credentials(index);
            }
            if matches!(origin, PackageOrigin::Folder { .. }) {
                self.folders.insert(name.to_owned());
            }
            for path in origin.paths() {
                if let Err(refusal) = policy.admit(&path) {
                    self.refused.insert(path, refusal.at(&at));
                }
            }
        }
        Ok(())
    }

    /// Returns a warning about all distributions without a hash.
    fn unhashed(&self) -> Option<Diagnostic> {
        let names = match &self.body {
            Body::Uv(body) => body.unhashed(),
            Body::Pylock(body) => body.unhashed(),
            Body::Poetry(body) => body.unhashed(),
            Body::Pipfile(body) => body.unhashed(),
            Body::Requirements(body) => body.unhashed(),
        };
        let command = self.compile_hint(None).or_else(|| Some(format!("`{}`", self.format.lock_command()?)))?;
        checks::unhashed(&self.file, &command, &names)
    }
}
