//! Reads a requirements file and the files that it includes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::compile::Compile;
use super::item::{Item, PinnedBy};
use super::lines::{self, Line};
use super::options::{self, Setting};
use super::requirements_file::Requirements;
use crate::diagnostic::{Code, Diagnostic};
use crate::python::lock::error::{LockError, clean};
use crate::python::lock::pyproject::Pyproject;
use crate::python::lock::{Hash, LIMIT, LockInput, PackageOrigin, ReferencePolicy, Sources, checks, hash, urls};
use crate::python::marker::Marker;
use crate::python::normalised;
use crate::python::requirement::{self, Requirement, VersionOrUrl};

/// The largest depth of nested files, and the largest number of files.
const DEEPEST: usize = 20;
const MOST: usize = 500;
/// Files of a project directory. A directory with one of them is a project.
const PROJECTS: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];
/// Files and directories with credentials. They are never requirements files.
const SECRETS: [&str; 14] = [
    ".netrc",
    "_netrc",
    ".pypirc",
    ".npmrc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".vault-token",
    ".git",
    ".ssh",
    ".aws",
    ".docker",
    ".kube",
    ".gnupg",
];

struct Reader<'r> {
    read: &'r mut dyn FnMut(&Path) -> Result<String, String>,
    is_file: &'r dyn Fn(&Path) -> bool,
    policy: &'r dyn ReferencePolicy,
    /// The directory of the project, relative to the lock file.
    root: PathBuf,
    /// The name of the project.
    own: Option<String>,
    sources: &'r mut Sources,
    out: Requirements,
    /// The chain of files that include the current file.
    open: Vec<PathBuf>,
    /// The names of projects by their directories.
    names: BTreeMap<PathBuf, Option<String>>,
    files: usize,
    bytes: usize,
}

/// A requirements file that is being read.
struct RequirementsFile<'p> {
    /// The name for errors.
    name: &'p str,
    /// The directory, relative to the lock file.
    folder: &'p Path,
    constraints: bool,
    /// Whether `-r` or `-c` names the file. These may name any file below the root of the project.
    /// The text of a file that is not a requirements file must not get into a log.
    included: bool,
}

/// Reads a requirements file and the files that it includes.
pub(in crate::python::lock) fn read(
    input: &mut LockInput<'_>,
    project: &Pyproject,
    sources: &mut Sources,
) -> Result<Requirements, LockError> {
    let out = Requirements {
        items: Vec::new(),
        constraints: Vec::new(),
        require_hashes: false,
        warnings: Vec::new(),
        compile: Compile::of(input),
    };
    let own = Path::new(input.name).file_name().map(PathBuf::from);
    let mut reader = Reader {
        read: input.read,
        is_file: input.is_file,
        policy: input.policy,
        root: urls::joined(input.root, ""),
        own: project.name(),
        sources,
        out,
        open: own.into_iter().collect(),
        names: BTreeMap::new(),
        files: 0,
        bytes: 0,
    };
    let file_context =
        RequirementsFile { name: input.name, folder: Path::new(""), constraints: false, included: false };
    reader.file(&file_context, input.text)?;
    Ok(reader.out)
}

impl Reader<'_> {
    fn file(&mut self, file_context: &RequirementsFile<'_>, text: &str) -> Result<(), LockError> {
        self.count(file_context.name, text)?;
        lines::lines(text).iter().try_for_each(|line| self.line(file_context, line))
    }

    /// Counts a file that was read, up to the limits.
    fn count(&mut self, at: &str, text: &str) -> Result<(), LockError> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(text.len());
        if self.files > MOST || self.bytes > LIMIT {
            let cause = format!("includes more than {MOST} files or {} MiB", LIMIT >> 20);
            return Err(LockError::new(at, cause));
        }
        Ok(())
    }

    fn line(&mut self, file_context: &RequirementsFile<'_>, line: &Line) -> Result<(), LockError> {
        let at = format!("{}:{}", file_context.name, line.number);
        if let Some(name) = lines::variable(&line.text) {
            let error = LockError::new(&at, format!("has `${{{name}}}`: environment variables are put into URLs only"));
            return Err(error.with_hint("write what it stands for"));
        }
        let (text, rest) = lines::split(&line.text);
        if let Some(editable) = options::editable(rest).filter(|_| text.is_empty()) {
            return self.item(file_context, at, editable, Vec::new());
        }
        let words = lines::words(rest).ok_or_else(|| LockError::new(&at, "has a quote without end"))?;
        let mut hashes = Vec::new();
        let settings = options::read(words).map_err(|cause| file_context.wrong(&at, LockError::new(&at, cause)))?;
        for setting in settings {
            match setting {
                Setting::Hash(hash) if !text.is_empty() => hashes.push(hash),
                Setting::Other => {}
                _ if !text.is_empty() => {
                    let cause = format!("`{text}` has an option that needs a line of its own");
                    return Err(file_context.wrong(&at, LockError::new(&at, cause)));
                }
                Setting::Hash(_) => return Err(LockError::new(&at, "has a hash of nothing")),
                setting => self.setting(file_context, &at, setting)?,
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        let hashes =
            hash::hashes(&at, hashes.iter().map(String::as_str)).map_err(|error| file_context.wrong(&at, error))?;
        self.item(file_context, at, text, hashes)
    }

    fn setting(&mut self, file_context: &RequirementsFile<'_>, at: &str, setting: Setting) -> Result<(), LockError> {
        match setting {
            Setting::Requirements(file) => self.include(file_context, at, &file, false)?,
            Setting::Constraints(file) => self.include(file_context, at, &file, true)?,
            Setting::Editable(text) => self.item(file_context, at.to_owned(), &text, Vec::new())?,
            Setting::Index(url) => self.sources.index = Some(self.expand(at, url)?),
            Setting::ExtraIndex(url) => {
                let url = self.expand(at, url)?;
                self.sources.extra_indexes.push(url);
            }
            Setting::FindLinks(links) if urls::is_url(&links) => {
                let links = self.expand(at, links)?;
                self.sources.find_links.push(links);
            }
            Setting::FindLinks(links) => self.sources.add_directory(&urls::joined(file_context.folder, &links)),
            Setting::NoIndex => self.sources.no_index = true,
            Setting::RequireHashes => self.out.require_hashes = true,
            Setting::NoBinary(names) if names == ":none:" => {}
            Setting::NoBinary(names) => {
                let text = format!("{at}: `--no-binary {names}` is ignored: carboy installs wheels and builds nothing");
                self.out.warnings.push(Diagnostic::warning(Code::LockFileDoubt, clean(&text)));
            }
            Setting::Hash(_) | Setting::Other => {}
        }
        Ok(())
    }

    /// Returns the URL of an option with expanded variables.
    fn expand(&self, at: &str, mut url: String) -> Result<String, LockError> {
        urls::expand(at, &mut url, self.policy)?;
        Ok(url)
    }

    fn include(
        &mut self,
        file_context: &RequirementsFile<'_>,
        at: &str,
        file: &str,
        constraints: bool,
    ) -> Result<(), LockError> {
        if urls::is_url(file) {
            let error = LockError::new(at, format!("includes `{file}`, and only files are read"));
            return Err(error.with_hint("save it beside the requirements"));
        }
        let path = urls::joined(file_context.folder, file);
        let name = path.display().to_string();
        if self.open.contains(&path) {
            return Err(LockError::new(at, format!("includes `{name}`, which includes this file")));
        }
        if self.open.len() >= DEEPEST {
            return Err(LockError::new(at, format!("more than {DEEPEST} files include one another")));
        }
        if path.iter().any(|part| is_secret(&part.to_string_lossy())) {
            return Err(LockError::new(at, format!("includes `{name}`, which is not a requirements file")));
        }
        self.policy.admit(&path).map_err(|refusal| refusal.at(at))?;
        let text = (self.read)(&path).map_err(|cause| LockError::new(at, format!("includes `{name}`: {cause}")))?;
        self.open.push(path.clone());
        let folder = path.parent().unwrap_or(Path::new(""));
        self.file(&RequirementsFile { name: &name, folder, constraints, included: true }, &text)?;
        self.open.pop();
        Ok(())
    }

    fn item(
        &mut self,
        file_context: &RequirementsFile<'_>,
        at: String,
        text: &str,
        hashes: Vec<Hash>,
    ) -> Result<(), LockError> {
        let wrong = |error| file_context.wrong(&at, error);
        let item = match self.named(file_context, &at, text, &hashes).map_err(wrong)? {
            Some((name, pinned_by, marker)) => {
                Item { text: file_context.shown(text), at, name, pinned_by, marker, hashes }
            }
            None => match self.unnamed(file_context, at.clone(), text, hashes).map_err(wrong)? {
                Some(item) => item,
                None => return Ok(()),
            },
        };
        let folder = matches!(item.pinned_by, PinnedBy::Reference(PackageOrigin::Folder { .. }));
        if folder && self.own.as_ref() == Some(&item.name) {
            return Ok(());
        }
        let list = if file_context.constraints { &mut self.out.constraints } else { &mut self.out.items };
        list.push(item);
        Ok(())
    }

    /// Reads a line that is only a URL or a path; `None` for the directory of the project.
    fn unnamed(
        &mut self,
        file_context: &RequirementsFile<'_>,
        at: String,
        text: &str,
        hashes: Vec<Hash>,
    ) -> Result<Option<Item>, LockError> {
        let cut = text.find(" ;").map(|at| (at, at + 2)).or_else(|| text.find("; ").map(|at| (at, at + 1)));
        let (target, marker) = cut.map_or((text, None), |(end, begin)| (&text[..end], Some(&text[begin..])));
        let marker = marker.map(|text| checks::parse_marker(&at, text)).transpose()?;
        let target = target.trim();
        // Extras after a path: `./lib[fast]`.
        let target = match target.strip_suffix(']').and_then(|target| target.rsplit_once('[')) {
            Some((target, _)) => target,
            None => target,
        };
        let origin = self.origin(file_context, &at, target, &hashes)?;
        if file_context.included && !self.is_there(&origin) {
            return Err(LockError::new(&at, "is not there"));
        }
        let egg = target.split_once('#').and_then(|(_, fragment)| {
            fragment
                .split('&')
                .find_map(|pair| pair.strip_prefix("egg="))
                .map(|egg| egg.split('[').next().unwrap_or(egg))
        });
        let from_path = match &origin {
            PackageOrigin::Folder { path } if *path == self.root => return Ok(None),
            PackageOrigin::Folder { path } => self.name_of(&at, path)?,
            PackageOrigin::File { path, .. } => path.file_name().and_then(|name| urls::distribution(name.to_str()?)),
            PackageOrigin::Url(file) => urls::distribution(&file.name),
            PackageOrigin::Index { .. } | PackageOrigin::Git { .. } => None,
        };
        let name = egg.map(str::to_owned).or(from_path).filter(|name| requirement::is_name(name));
        let Some(name) = name else {
            let error = LockError::new(&at, format!("`{text}` does not name a distribution"));
            return Err(error.with_hint("write its name before it: `NAME @ URL`"));
        };
        let name = normalised(&name);
        Ok(Some(Item { at, text: format!("`{text}`"), name, pinned_by: PinnedBy::Reference(origin), marker, hashes }))
    }

    /// Reads a requirement with a name; `None` for a line that is only a path or URL.
    fn named(
        &self,
        file_context: &RequirementsFile<'_>,
        at: &str,
        text: &str,
        hashes: &[Hash],
    ) -> Result<Option<(String, PinnedBy, Option<Marker>)>, LockError> {
        let first = text.split([' ', '\t', ';']).next().unwrap_or_default();
        let alone = first.starts_with(['.', '/']) || urls::is_archive(first) || urls::is_url(first);
        if (alone || first.starts_with("file:")) && !is_direct(first) {
            return Ok(None);
        }
        match Requirement::parse(text) {
            Ok(requirement) => {
                let (name, marker) = (requirement.name.clone(), requirement.marker.clone());
                let pinned_by = match &requirement.wanted {
                    VersionOrUrl::Url(url) => PinnedBy::Reference(self.origin(file_context, at, url, hashes)?),
                    VersionOrUrl::Versions(_) => PinnedBy::Versions(requirement),
                };
                Ok(Some((name, pinned_by, marker)))
            }
            Err(_) if first.contains('/') => Ok(None),
            Err(error) => Err(LockError::new(at, format!("`{text}` is not a requirement: {error}"))),
        }
    }

    /// Returns the origin at a URL or path. Paths are relative to the directory where the tool of
    /// the file runs: the directory of the project. If nothing exists there, they are relative to
    /// the file that has them.
    fn origin(
        &self,
        file_context: &RequirementsFile<'_>,
        at: &str,
        target: &str,
        hashes: &[Hash],
    ) -> Result<PackageOrigin, LockError> {
        let from = |folder: &Path| urls::origin(at, target, hashes.to_vec(), folder);
        let origin = from(&self.root)?;
        if self.is_there(&origin) { Ok(origin) } else { from(file_context.folder) }
    }

    fn is_there(&self, origin: &PackageOrigin) -> bool {
        match origin {
            PackageOrigin::Folder { path } if *path == self.root => true,
            PackageOrigin::Folder { path } => PROJECTS.iter().any(|name| (self.is_file)(&path.join(name))),
            PackageOrigin::File { path, .. } => (self.is_file)(path),
            PackageOrigin::Index { .. } | PackageOrigin::Url(_) | PackageOrigin::Git { .. } => true,
        }
    }

    /// Returns the name of the project in a directory: its own name, or else the name of the
    /// directory.
    fn name_of(&mut self, at: &str, folder: &Path) -> Result<Option<String>, LockError> {
        if let Some(known) = self.names.get(folder) {
            return Ok(known.clone());
        }
        let path = folder.join("pyproject.toml");
        // Refused paths are not read either.
        let text = self.policy.admit(&path).ok().and_then(|()| (self.read)(&path).ok()).unwrap_or_default();
        self.count(at, &text)?;
        let name = Pyproject::parse(Some(&text)).ok().and_then(|project| project.name());
        let name = name.or_else(|| folder.file_name()?.to_str().map(str::to_owned));
        self.names.insert(folder.to_owned(), name.clone());
        Ok(name)
    }
}

impl RequirementsFile<'_> {
    /// Creates an error about a line. The error omits the text if the file may be any file.
    fn wrong(&self, at: &str, error: LockError) -> LockError {
        if !self.included {
            return error;
        }
        let error = LockError::new(at, "is not a requirement");
        error.with_hint("include requirements files only: the line is not shown, as it may be anything")
    }

    /// Returns a requirement for an error message. A single word may be a password.
    fn shown(&self, text: &str) -> String {
        let is_word = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if self.included && is_word { "the requirement".to_owned() } else { format!("`{text}`") }
    }
}

/// Returns whether a file or directory of this name holds secrets.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with(".env") || SECRETS.contains(&name.as_str())
}

/// Returns whether a word is a name with a URL: `shop@https://…`, `shop[web]@https://…`.
fn is_direct(word: &str) -> bool {
    let is_name = |name: &str| requirement::is_name(name.split('[').next().unwrap_or_default());
    word.split_once('@').is_some_and(|(name, url)| is_name(name) && urls::is_url(url))
}
