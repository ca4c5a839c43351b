//! What pip, uv, poetry and carboy are told about indexes, as one [`Settings`].
//!
//! What is this machine's configuration comes before the lock file's URLs. Of several
//! sources the first that names an index in `PyPI`'s place, or says that there is none,
//! ends the search; those before it add their further indexes:
//!
//! 1. carboy's own `[dependencies] index`, or its flag;
//! 2. `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, `UV_INDEX`, `UV_EXTRA_INDEX_URL`, `UV_NO_INDEX`;
//! 3. `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL`, `PIP_NO_INDEX`;
//! 4. uv's files of the user and the system;
//! 5. pip's files.
//!
//! `find-links` come from the first of the sources 2 to 5 that has any. What the
//! project's own files name is where its lock file was made from: it is asked for what
//! has no URL there.
//!
//! Logins: `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, `POETRY_HTTP_BASIC_<NAME>_…` for
//! indexes with names, then those in URLs, then netrc's. A lock file's indexes have no
//! names here: it would decide which host gets somebody's login. Which hosts get logins
//! that only the project names is in [`trust`].
//!
//! Files of 4 and 5 may lie in the project, where `HOME` is the checkout or a variable
//! names a committed file. Their indexes count in their place, but as the project's: they
//! name no host for [`trust`], and their folders stay in the project. netrc is not read there.

mod ini;
mod pip;
mod project;
mod trust;
mod uv;
mod variables;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use url::Url;

use super::credentials::{Credentials, Login, login_of, without_login};
use super::netrc::{self, Netrc};
use super::settings::{Index, Links, Settings};
use crate::http::failure::other;
use crate::http::hosts::same_origin;
use crate::plan::By;
use crate::ports::PortError;
use crate::python::lock::Sources;
pub use trust::Trust;
pub use variables::put_in;

/// The most bytes of a file of settings.
const LIMIT: u64 = 1 << 20;

/// Where settings are looked for.
pub struct Around<'a> {
    /// A variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub home: Option<&'a Path>,
    /// The working directory, where relative paths of the environment begin.
    pub folder: &'a Path,
    /// `/etc`.
    pub system: &'a Path,
    /// The folders of the project and of its lock file, whose `pyproject.toml` counts.
    pub projects: &'a [&'a Path],
    /// Whether a file of the project may name a path, which is relative to a folder.
    pub admit: &'a dyn Fn(&Path, &Path) -> Result<(), PortError>,
    /// Whether a file of settings is one that whoever changes the project may write.
    pub is_projects: &'a dyn Fn(&Path) -> bool,
}

/// What carboy itself and the lock file say.
#[derive(Default)]
pub struct Own {
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: By,
    pub index: Option<(By, String)>,
    /// What the lock file says.
    pub sources: Sources,
    /// The lock file's folder.
    pub folder: PathBuf,
}

/// An index as somebody wrote it: perhaps with a login in it, so not to be shown.
#[derive(Clone)]
struct Given {
    name: Option<String>,
    url: String,
    /// Where it is written.
    what: String,
    by: By,
}

/// What one place says.
#[derive(Default)]
struct Source {
    what: String,
    /// Who wrote its links. Its indexes may come from another file.
    by: By,
    /// Stands in `PyPI`'s place.
    index: Option<Given>,
    /// Asked before it.
    extra: Vec<Given>,
    /// None comes before others, as in pip.
    equal: bool,
    links: Vec<String>,
    /// Those of its indexes that have names, the ones for single distributions too.
    named: Vec<Given>,
    no_index: Option<bool>,
    /// Where its relative paths begin.
    folder: PathBuf,
}

/// Where an index or a link leads.
enum Place {
    Web(Url),
    /// As it is named: absolute, or relative to where its source's paths begin.
    Folder(PathBuf),
}

impl Around<'_> {
    /// A variable that says something.
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    /// `~/.config`, or what takes its place.
    fn user_folder(&self) -> Option<PathBuf> {
        let named = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        named.or_else(|| Some(self.home?.join(".config")))
    }

    /// `/etc/xdg`, or what takes its place; the first counts most.
    fn system_folders(&self) -> Vec<PathBuf> {
        match self.get("XDG_CONFIG_DIRS") {
            Some(folders) => folders.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from).collect(),
            None => vec![self.system.join("xdg")],
        }
    }
}

/// This machine's own configuration: what it says of indexes, and the hosts that it names.
pub struct Machine {
    sources: Vec<Source>,
    trust: Trust,
    netrc: Option<Netrc>,
    /// A netrc that lies in the project.
    unread: Option<PathBuf>,
}

impl Machine {
    /// Reads it. `index` is the one of the command line or of `CARBOY_INDEX`.
    ///
    /// # Errors
    /// Files that cannot be read or understood; what is no URL.
    pub fn read(index: Option<&str>, around: &Around<'_>) -> Result<Self, PortError> {
        let mut sources = vec![uv::environment(around), pip::environment(around)];
        sources.extend(uv::files(around)?);
        sources.push(pip::files(around)?);
        sources.insert(0, Source::own(index, around.folder, By::User));
        // Empty, it lists no host: a variable that is not set in CI must not lift the restriction.
        let mut trust = Trust::new((around.variable)(trust::LOGIN_HOSTS))?;
        for source in &sources {
            for given in source.all().filter(|given| given.by == By::User) {
                if let Place::Web(url) = given.place()? {
                    trust.add(given.name.as_deref(), &url);
                }
            }
        }
        let path = netrc_path(around);
        let (unread, path) = path.map_or((None, None), |path| {
            if (around.is_projects)(&path) {
                (Some(path).filter(|path| path.exists()), None)
            } else {
                (None, Some(path))
            }
        });
        Ok(Self { sources, trust, netrc: path.map(|path| netrc(&path)).transpose()?.flatten(), unread })
    }

    /// Whether it names a URL's host. netrc has hosts without a scheme: they are meant to
    /// get logins over HTTPS.
    pub fn names(&self, url: &Url) -> bool {
        let known = |netrc: &Netrc| url.host_str().is_some_and(|host| netrc.machine(host, None).is_some());
        self.trust.names(url) || trust::is_private(url) && self.netrc.as_ref().is_some_and(known)
    }

    /// The place in a file of settings that names a URL's host and does not count, for the
    /// file is one of the project's.
    fn distrusted(&self, url: &Url) -> Option<String> {
        let mut all = self.sources.iter().flat_map(Source::all).filter(|given| given.by == By::Project);
        let given = all.find(|given| matches!(given.place(), Ok(Place::Web(named)) if same_origin(&named, url)));
        given.map(|given| given.what).or_else(|| Some(self.unread.as_ref()?.display().to_string()))
    }
}

/// All settings.
///
/// # Errors
/// Files that cannot be read or understood; what is no URL. No error shows a URL, for
/// there may be a password in it.
pub fn settings(own: &Own, around: &Around<'_>) -> Result<Settings, PortError> {
    let (wheelhouses, wheelhouses_by) = (own.wheelhouses.clone(), own.wheelhouses_by);
    let mut settings = Settings { wheelhouses, wheelhouses_by, ..Settings::default() };
    settings.certificates = pip::certificates(around);
    let flag = own.index.as_ref().filter(|(by, _)| *by == By::User).map(|(_, url)| url.as_str());
    let Machine { mut sources, trust, netrc, unread } = Machine::read(flag, around)?;
    settings.warnings.extend(unread.map(|path| {
        format!(
            "{} is not read: it lies in the project, and whoever changes that could name hosts in it",
            path.display()
        )
    }));
    let mut logins = Logins { around, credentials: Credentials::new(trust, netrc) };
    for source in &sources {
        logins.learn(source)?;
    }

    let configured = own.index.as_ref().filter(|(by, _)| *by == By::Project).map(|(_, url)| url.as_str());
    let configured = Source::own(configured, around.projects.first().unwrap_or(&around.folder), By::Project);
    logins.learn(&configured)?;
    sources.insert(0, configured);
    if let Some(source) = sources.iter().find(|source| !source.links.is_empty()) {
        settings.find_links = source.links(around)?;
    }
    for source in &sources {
        if source.no_index == Some(true) {
            settings.indexes.clear();
            settings.no_index = true;
            break;
        }
        source.add_indexes(around, &mut settings.indexes, &mut settings.find_links)?;
        if source.index.is_some() {
            settings.pypi = false;
            break;
        }
    }

    let machines = machines_folders(&sources)?;
    for folder in around.projects {
        let project = project::read(folder, around)?;
        logins.learn(&project)?;
        project.add_indexes(around, &mut settings.project_indexes, &mut settings.find_links)?;
        settings.find_links.extend(project.links(around)?);
        settings.pypi &= project.index.is_none();
    }
    let lock = own.lock();
    logins.learn(&lock)?;
    lock.add_indexes(around, &mut settings.lock_indexes, &mut settings.lock_links)?;
    settings.lock_links.extend(lock.links(around)?);
    settings.pypi &= lock.index.is_none();
    settings.no_index |= own.sources.no_index;
    let folders = settings.find_links.iter().chain(&settings.lock_links).filter_map(Links::folder);
    let projects = folders.filter(|folder| !machines.iter().any(|known| known == folder));
    settings.projects_links = projects.map(Path::to_owned).collect();
    settings.folder.clone_from(&own.folder);
    settings.credentials = logins.credentials;
    Ok(settings)
}

/// The folders that whoever runs carboy names.
fn machines_folders(sources: &[Source]) -> Result<Vec<PathBuf>, PortError> {
    let mut folders = Vec::new();
    for source in sources {
        for given in source.all().filter(|given| given.by == By::User) {
            if let Place::Folder(named) = given.place()? {
                folders.push(source.folder.join(named));
            }
        }
    }
    Ok(folders)
}

fn netrc_path(around: &Around<'_>) -> Option<PathBuf> {
    let named = around.get("NETRC").map(|path| around.folder.join(path));
    named.or_else(|| Some(around.home?.join(".netrc")))
}

/// The logins of netrc, if there is one.
fn netrc(path: &Path) -> Result<Option<Netrc>, PortError> {
    let text = read_up_to(path, netrc::LIMIT)?;
    Ok(text.map(|text| Netrc::read(&text, &path.display().to_string())))
}

impl Own {
    /// What the lock file says.
    fn lock(&self) -> Source {
        let what = "the lock file".to_owned();
        let given = |url: &String| Given { name: None, url: url.clone(), what: what.clone(), by: By::Project };
        let (index, extra) = (self.sources.index.as_ref().map(given), &self.sources.extra_indexes);
        let (extra, links) = (extra.iter().map(given).collect(), self.sources.find_links.clone());
        let (folder, by) = (self.folder.clone(), By::Project);
        Source { what, by, index, extra, equal: true, links, folder, ..Source::default() }
    }
}

impl Source {
    /// carboy's own index.
    fn own(index: Option<&str>, folder: &Path, by: By) -> Self {
        let what = match by {
            By::User => "--index".to_owned(),
            By::Project => "[dependencies] index".to_owned(),
        };
        let index = index.map(|url| Given { name: None, url: url.to_owned(), what: what.clone(), by });
        Self { what, by, index, folder: folder.to_owned(), ..Self::default() }
    }

    /// The same, as somebody else's.
    fn written_by(mut self, by: By) -> Self {
        self.index.iter_mut().chain(&mut self.extra).chain(&mut self.named).for_each(|given| given.by = by);
        Self { by, ..self }
    }

    /// Everything that it names: indexes and links.
    fn all(&self) -> impl Iterator<Item = Given> {
        let links = self.links.iter().map(|url| self.link(url));
        self.index.iter().chain(&self.extra).chain(&self.named).cloned().chain(links)
    }

    fn link(&self, url: &str) -> Given {
        Given { name: None, url: url.to_owned(), what: self.what.clone(), by: self.by }
    }

    fn links(&self, around: &Around<'_>) -> Result<Vec<Links>, PortError> {
        let one = |text: &String| {
            let given = self.link(text);
            Ok(match given.place()? {
                Place::Web(url) => Links::Page(without_login(&url)),
                Place::Folder(named) => Links::Folder(self.folder(&named, given.by, around)?),
            })
        };
        self.links.iter().map(one).collect()
    }

    /// Adds its indexes, in their order.
    fn add_indexes(
        &self,
        around: &Around<'_>,
        indexes: &mut Vec<Index>,
        links: &mut Vec<Links>,
    ) -> Result<(), PortError> {
        for given in self.indexes() {
            match self.index_place(given)? {
                Place::Web(url) if indexes.iter().any(|known| known.is_at(&without_login(&url))) => {}
                Place::Web(url) => indexes.push(given.index(&url)),
                Place::Folder(named) => links.push(Links::Tree(self.folder(&named, given.by, around)?)),
            }
        }
        Ok(())
    }

    /// A folder that it names.
    fn folder(&self, named: &Path, by: By, around: &Around<'_>) -> Result<PathBuf, PortError> {
        if by == By::Project {
            (around.admit)(&self.folder, named)
                .map_err(|error| PortError { message: format!("{}: {}", self.what, error.message), ..error })?;
        }
        Ok(self.folder.join(named))
    }

    /// Where an index is: a path has to look like one, or lead to a folder.
    fn index_place(&self, given: &Given) -> Result<Place, PortError> {
        match given.place()? {
            Place::Folder(named) if !given.url.contains("://") => {
                let is_path = given.url.trim_start().starts_with(['/', '.']) || self.folder.join(&named).is_dir();
                if is_path { Ok(Place::Folder(named)) } else { Err(given.wrong()) }
            }
            place => Ok(place),
        }
    }

    /// Its indexes in their order. Of equal ones `PyPI` is the last: without a hash a
    /// stranger's package of the same name would be taken from there.
    fn indexes(&self) -> Vec<&Given> {
        if !self.equal {
            return self.extra.iter().chain(&self.index).collect();
        }
        let mut all: Vec<_> = self.index.iter().chain(&self.extra).collect();
        all.sort_by_key(|given| Url::parse(&given.url).is_ok_and(|url| url.host_str() == Some("pypi.org")));
        all
    }
}

impl Given {
    fn index(&self, url: &Url) -> Index {
        Index { name: self.name.clone(), url: without_login(url) }
    }

    fn place(&self) -> Result<Place, PortError> {
        let text = self.url.trim();
        if text.contains("://") && text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(other(format!("{} has a URL with a blank or a line's end in it", self.what)));
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Place::Web(url)),
            Ok(url) if url.scheme() == "file" => Ok(Place::Folder(url.to_file_path().map_err(|()| self.wrong())?)),
            Err(url::ParseError::RelativeUrlWithoutBase) => Ok(Place::Folder(text.into())),
            Ok(_) | Err(_) => Err(self.wrong()),
        }
    }

    fn wrong(&self) -> PortError {
        let mut error = other(format!("{} has an index that is neither a URL nor a folder", self.what));
        error.hint = Some("write it as in https://pypi.org/simple".to_owned());
        error
    }
}

/// Logins, as they are found.
struct Logins<'a> {
    around: &'a Around<'a>,
    credentials: Credentials,
}

impl Logins<'_> {
    /// The logins of what a source names.
    fn learn(&mut self, source: &Source) -> Result<(), PortError> {
        for given in source.all() {
            let Place::Web(url) = given.place()? else { continue };
            let trust = self.credentials.trust();
            let permits = |name: &&str| match given.by {
                By::User => trust.permits(&url),
                By::Project => trust.permits_named(name, &url),
            };
            let named = given.name.as_deref().filter(permits).and_then(|name| self.named(name));
            if let Some(login) = named.or_else(|| login_of(&url, &given.what)) {
                self.credentials.add(&url, login);
            }
        }
        Ok(())
    }

    /// The login that the environment has for a name.
    fn named(&self, name: &str) -> Option<Login> {
        let part = variable_part(name);
        ["UV_INDEX", "POETRY_HTTP_BASIC"].iter().find_map(|prefix| {
            let variable = format!("{prefix}_{part}_USERNAME");
            let user = self.around.get(&variable);
            let password = self.around.get(&format!("{prefix}_{part}_PASSWORD"));
            if user.is_none() && password.is_none() {
                return None;
            }
            Some(Login { user: user.unwrap_or_default(), password: password.unwrap_or_default(), source: variable })
        })
    }
}

/// An index's name as it stands in the names of variables: `my-index` is `MY_INDEX`.
#[must_use]
pub fn variable_part(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A file of settings; none when it is not there.
fn read(path: &Path) -> Result<Option<String>, PortError> {
    read_up_to(path, LIMIT)
}

fn read_up_to(path: &Path, limit: u64) -> Result<Option<String>, PortError> {
    let failed = |cause: &dyn std::fmt::Display| other(format!("cannot read {}: {cause}", path.display()));
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

/// A TOML file; none when it is not there.
fn parsed<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, PortError> {
    let Some(text) = read(path)? else { return Ok(None) };
    // What the parser says quotes the line or its values, and what is secret in them.
    let wrong = |cause: &toml::de::Error| {
        let line = cause.span().map(|span| text[..span.start].lines().count().max(1));
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        other(format!("cannot understand {}{line}", path.display()))
    };
    toml::from_str(&text).map(Some).map_err(|cause| wrong(&cause))
}

#[cfg(test)]
mod tests;
