//! What pip, uv, poetry and carboy are told about indexes, as one [`WheelSources`].
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
//! that only the project names is in [`login_policy`].
//!
//! Files of 4 and 5 may lie in the project, where `HOME` is the checkout or a variable
//! names a committed file. Their indexes count in their place, but as the project's: they
//! name no host for [`login_policy`], and their folders stay in the project. netrc is not read there.

mod host;
mod ini;
mod login_policy;
mod pip;
mod project;
mod uv;
mod variables;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use url::Url;

use super::credentials::{Credentials, Login, login_of, without_login};
use super::netrc::{self, Netrc};
use super::sources::{FindLinks, Index, WheelSources};
use crate::diagnostic::{Code, Diagnostic};
use crate::http::failure::other;
use crate::http::hosts::same_origin;
use crate::operation_error::OperationError;
use crate::plan::{Author, PathBounds};
use crate::python::lock::Sources;
pub use host::Host;
pub use login_policy::LoginPolicy;
pub use variables::put_in;

/// The most bytes of a file of settings.
const LIMIT: u64 = 1 << 20;

/// Where settings are looked for.
pub struct HostEnvironment<'a> {
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
    pub admit: &'a dyn Fn(&Path, &Path) -> Result<(), OperationError>,
    /// Whether a file of settings is one that whoever changes the project may write.
    pub is_projects: &'a dyn Fn(&Path) -> bool,
}

/// Where carboy's configuration and the lock file look for the wheels of one project.
#[derive(Clone, Debug, Default)]
pub struct ProjectSources {
    /// Looked in first, in this order.
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: Author,
    /// The index that a flag or the project's configuration names.
    pub index: Option<(Author, String)>,
    /// The lock file's indexes and links.
    pub sources: Sources,
    /// The lock file's folder.
    pub folder: PathBuf,
    /// The project's folder.
    pub project: PathBuf,
    /// Where paths of the project's files may lead.
    pub bounds: Arc<PathBounds>,
}

/// An index as somebody wrote it: perhaps with a login in it, so not to be shown.
#[derive(Clone)]
struct IndexUrl {
    name: Option<String>,
    url: String,
    /// Where it is written.
    what: String,
    by: Author,
}

/// What one place says.
#[derive(Default)]
struct SettingsSource {
    what: String,
    /// Who wrote its links. Its indexes may come from another file.
    by: Author,
    /// Stands in `PyPI`'s place.
    index: Option<IndexUrl>,
    /// Asked before it.
    extra: Vec<IndexUrl>,
    /// None comes before others, as in pip.
    equal: bool,
    links: Vec<String>,
    /// Those of its indexes that have names, the ones for single distributions too.
    named: Vec<IndexUrl>,
    no_index: Option<bool>,
    /// Where its relative paths begin.
    folder: PathBuf,
}

/// Where an index or a link leads.
enum IndexLocation {
    Web(Url),
    /// As it is named: absolute, or relative to where its source's paths begin.
    Folder(PathBuf),
}

impl HostEnvironment<'_> {
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
pub struct HostSettings {
    sources: Vec<SettingsSource>,
    login_policy: LoginPolicy,
    netrc: Option<Netrc>,
    /// A netrc that lies in the project.
    unread: Option<PathBuf>,
}

impl HostSettings {
    /// Reads it. `index` is the one of the command line or of `CARBOY_INDEX`.
    ///
    /// # Errors
    /// Files that cannot be read or understood; what is no URL.
    pub fn read(index: Option<&str>, host: &HostEnvironment<'_>) -> Result<Self, OperationError> {
        let mut sources = vec![uv::environment(host), pip::environment(host)];
        sources.extend(uv::files(host)?);
        sources.push(pip::files(host)?);
        sources.insert(0, SettingsSource::own(index, host.folder, Author::User));
        // Empty, it lists no host: a variable that is not set in CI must not lift the restriction.
        let mut login_policy = LoginPolicy::new((host.variable)(login_policy::LOGIN_HOSTS))?;
        for source in &sources {
            for given in source.all().filter(|given| given.by == Author::User) {
                if let IndexLocation::Web(url) = given.place()? {
                    login_policy.add(given.name.as_deref(), &url);
                }
            }
        }
        let path = netrc_path(host);
        let (unread, path) = path.map_or((None, None), |path| {
            if (host.is_projects)(&path) { (Some(path).filter(|path| path.exists()), None) } else { (None, Some(path)) }
        });
        Ok(Self { sources, login_policy, netrc: path.map(|path| netrc(&path)).transpose()?.flatten(), unread })
    }

    /// Whether it names a URL's host. netrc has hosts without a scheme: they are meant to
    /// get logins over HTTPS.
    pub fn names(&self, url: &Url) -> bool {
        let known = |netrc: &Netrc| url.host_str().is_some_and(|host| netrc.machine(host, None).is_some());
        self.login_policy.names(url) || login_policy::is_private(url) && self.netrc.as_ref().is_some_and(known)
    }

    /// The place in a file of settings that names a URL's host and does not count, for the
    /// file is one of the project's.
    fn distrusted(&self, url: &Url) -> Option<String> {
        let mut all = self.sources.iter().flat_map(SettingsSource::all).filter(|given| given.by == Author::Project);
        let given =
            all.find(|given| matches!(given.place(), Ok(IndexLocation::Web(named)) if same_origin(&named, url)));
        given.map(|given| given.what).or_else(|| Some(self.unread.as_ref()?.display().to_string()))
    }
}

/// All settings.
///
/// # Errors
/// Files that cannot be read or understood; what is no URL. No error shows a URL, for
/// there may be a password in it.
pub fn settings(own: &ProjectSources, host: &HostEnvironment<'_>) -> Result<WheelSources, OperationError> {
    let (wheelhouses, wheelhouses_by) = (own.wheelhouses.clone(), own.wheelhouses_by);
    let mut settings = WheelSources { wheelhouses, wheelhouses_by, ..WheelSources::default() };
    settings.certificates = pip::certificates(host);
    let flag = own.index.as_ref().filter(|(by, _)| *by == Author::User).map(|(_, url)| url.as_str());
    let HostSettings { mut sources, login_policy, netrc, unread } = HostSettings::read(flag, host)?;
    settings.warnings.extend(unread.map(|path| {
        let text = format!("`{}` is not read because it is inside the project", path.display());
        let warning = Diagnostic::warning(Code::UntrustedSetting, text).file(path.display());
        warning.hint(
            "a login in it would be sent to the hosts that the project names: move it out of the project".to_owned(),
        )
    }));
    let mut logins = LoginCollector { host, credentials: Credentials::new(login_policy, netrc) };
    for source in &sources {
        logins.learn(source)?;
    }

    let configured = own.index.as_ref().filter(|(by, _)| *by == Author::Project).map(|(_, url)| url.as_str());
    let configured = SettingsSource::own(configured, host.projects.first().unwrap_or(&host.folder), Author::Project);
    logins.learn(&configured)?;
    sources.insert(0, configured);
    if let Some(source) = sources.iter().find(|source| !source.links.is_empty()) {
        settings.find_links = source.links(host)?;
    }
    for source in &sources {
        if source.no_index == Some(true) {
            settings.indexes.clear();
            settings.no_index = true;
            break;
        }
        source.add_indexes(host, &mut settings.indexes, &mut settings.find_links)?;
        if source.index.is_some() {
            settings.pypi = false;
            break;
        }
    }

    let machines = machines_folders(&sources)?;
    for folder in host.projects {
        let project = project::read(folder, host)?;
        logins.learn(&project)?;
        project.add_indexes(host, &mut settings.project_indexes, &mut settings.find_links)?;
        settings.find_links.extend(project.links(host)?);
        settings.pypi &= project.index.is_none();
    }
    let lock = own.lock();
    logins.learn(&lock)?;
    lock.add_indexes(host, &mut settings.lock_indexes, &mut settings.lock_links)?;
    settings.lock_links.extend(lock.links(host)?);
    settings.pypi &= lock.index.is_none();
    settings.no_index |= own.sources.no_index;
    let folders = settings.find_links.iter().chain(&settings.lock_links).filter_map(FindLinks::folder);
    let projects = folders.filter(|folder| !machines.iter().any(|known| known == folder));
    settings.projects_links = projects.map(Path::to_owned).collect();
    settings.folder.clone_from(&own.folder);
    settings.credentials = logins.credentials;
    Ok(settings)
}

/// The folders that whoever runs carboy names.
fn machines_folders(sources: &[SettingsSource]) -> Result<Vec<PathBuf>, OperationError> {
    let mut folders = Vec::new();
    for source in sources {
        for given in source.all().filter(|given| given.by == Author::User) {
            if let IndexLocation::Folder(named) = given.place()? {
                folders.push(source.folder.join(named));
            }
        }
    }
    Ok(folders)
}

fn netrc_path(host: &HostEnvironment<'_>) -> Option<PathBuf> {
    let named = host.get("NETRC").map(|path| host.folder.join(path));
    named.or_else(|| Some(host.home?.join(".netrc")))
}

/// The logins of netrc, if there is one.
fn netrc(path: &Path) -> Result<Option<Netrc>, OperationError> {
    let text = read_up_to(path, netrc::LIMIT)?;
    Ok(text.map(|text| Netrc::read(&text, &path.display().to_string())))
}

impl ProjectSources {
    /// What the lock file says.
    fn lock(&self) -> SettingsSource {
        let what = "the lock file".to_owned();
        let given = |url: &String| IndexUrl { name: None, url: url.clone(), what: what.clone(), by: Author::Project };
        let (index, extra) = (self.sources.index.as_ref().map(given), &self.sources.extra_indexes);
        let (extra, links) = (extra.iter().map(given).collect(), self.sources.find_links.clone());
        let (folder, by) = (self.folder.clone(), Author::Project);
        SettingsSource { what, by, index, extra, equal: true, links, folder, ..SettingsSource::default() }
    }
}

impl SettingsSource {
    /// carboy's own index.
    fn own(index: Option<&str>, folder: &Path, by: Author) -> Self {
        let what = match by {
            Author::User => "--index".to_owned(),
            Author::Project => "[dependencies] index".to_owned(),
        };
        let index = index.map(|url| IndexUrl { name: None, url: url.to_owned(), what: what.clone(), by });
        Self { what, by, index, folder: folder.to_owned(), ..Self::default() }
    }

    /// The same, as somebody else's.
    fn written_by(mut self, by: Author) -> Self {
        self.index.iter_mut().chain(&mut self.extra).chain(&mut self.named).for_each(|given| given.by = by);
        Self { by, ..self }
    }

    /// Everything that it names: indexes and links.
    fn all(&self) -> impl Iterator<Item = IndexUrl> {
        let links = self.links.iter().map(|url| self.link(url));
        self.index.iter().chain(&self.extra).chain(&self.named).cloned().chain(links)
    }

    fn link(&self, url: &str) -> IndexUrl {
        IndexUrl { name: None, url: url.to_owned(), what: self.what.clone(), by: self.by }
    }

    fn links(&self, host: &HostEnvironment<'_>) -> Result<Vec<FindLinks>, OperationError> {
        let one = |text: &String| {
            let given = self.link(text);
            Ok(match given.place()? {
                IndexLocation::Web(url) => FindLinks::Page(without_login(&url)),
                IndexLocation::Folder(named) => FindLinks::Folder(self.folder(&named, given.by, host)?),
            })
        };
        self.links.iter().map(one).collect()
    }

    /// Adds its indexes, in their order.
    fn add_indexes(
        &self,
        host: &HostEnvironment<'_>,
        indexes: &mut Vec<Index>,
        links: &mut Vec<FindLinks>,
    ) -> Result<(), OperationError> {
        for given in self.indexes() {
            match self.index_place(given)? {
                IndexLocation::Web(url) if indexes.iter().any(|known| known.is_at(&without_login(&url))) => {}
                IndexLocation::Web(url) => indexes.push(given.index(&url)),
                IndexLocation::Folder(named) => links.push(FindLinks::Tree(self.folder(&named, given.by, host)?)),
            }
        }
        Ok(())
    }

    /// A folder that it names.
    fn folder(&self, named: &Path, by: Author, host: &HostEnvironment<'_>) -> Result<PathBuf, OperationError> {
        if by == Author::Project {
            (host.admit)(&self.folder, named)
                .map_err(|error| OperationError { message: format!("{}: {}", self.what, error.message), ..error })?;
        }
        Ok(self.folder.join(named))
    }

    /// Where an index is: a path has to look like one, or lead to a folder.
    fn index_place(&self, given: &IndexUrl) -> Result<IndexLocation, OperationError> {
        match given.place()? {
            IndexLocation::Folder(named) if !given.url.contains("://") => {
                let is_path = given.url.trim_start().starts_with(['/', '.']) || self.folder.join(&named).is_dir();
                if is_path { Ok(IndexLocation::Folder(named)) } else { Err(given.wrong()) }
            }
            place => Ok(place),
        }
    }

    /// Its indexes in their order. Of equal ones `PyPI` is the last: without a hash a
    /// stranger's package of the same name would be taken from there.
    fn indexes(&self) -> Vec<&IndexUrl> {
        if !self.equal {
            return self.extra.iter().chain(&self.index).collect();
        }
        let mut all: Vec<_> = self.index.iter().chain(&self.extra).collect();
        all.sort_by_key(|given| Url::parse(&given.url).is_ok_and(|url| url.host_str() == Some("pypi.org")));
        all
    }
}

impl IndexUrl {
    fn index(&self, url: &Url) -> Index {
        Index { name: self.name.clone(), url: without_login(url) }
    }

    fn place(&self) -> Result<IndexLocation, OperationError> {
        let text = self.url.trim();
        if text.contains("://") && text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(other(format!("{} has a URL with a blank or a line's end in it", self.what)));
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(IndexLocation::Web(url)),
            Ok(url) if url.scheme() == "file" => {
                Ok(IndexLocation::Folder(url.to_file_path().map_err(|()| self.wrong())?))
            }
            Err(url::ParseError::RelativeUrlWithoutBase) => Ok(IndexLocation::Folder(text.into())),
            Ok(_) | Err(_) => Err(self.wrong()),
        }
    }

    fn wrong(&self) -> OperationError {
        let mut error = other(format!("{} has an index that is neither a URL nor a folder", self.what));
        error.hint = Some("write it as in https://pypi.org/simple".to_owned());
        error
    }
}

/// Logins, as they are found.
struct LoginCollector<'a> {
    host: &'a HostEnvironment<'a>,
    credentials: Credentials,
}

impl LoginCollector<'_> {
    /// The logins of what a source names.
    fn learn(&mut self, source: &SettingsSource) -> Result<(), OperationError> {
        for given in source.all() {
            let IndexLocation::Web(url) = given.place()? else { continue };
            let login_policy = self.credentials.login_policy();
            let permits = |name: &&str| match given.by {
                Author::User => login_policy.permits(&url),
                Author::Project => login_policy.permits_named(name, &url),
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
            let user = self.host.get(&variable);
            let password = self.host.get(&format!("{prefix}_{part}_PASSWORD"));
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
fn read(path: &Path) -> Result<Option<String>, OperationError> {
    read_up_to(path, LIMIT)
}

fn read_up_to(path: &Path, limit: u64) -> Result<Option<String>, OperationError> {
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
fn parsed<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, OperationError> {
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
