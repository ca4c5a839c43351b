//! The sources of wheels.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::credentials::Credentials;
use crate::diagnostic::Diagnostic;
use crate::http::StallPolicy;
use crate::plan::{Author, PathBounds};

/// Wheelhouses, indexes, and the limits of their connections. `settings` makes it from the
/// configuration of pip, uv and carboy.
pub struct WheelSources {
    /// Directories of wheels, searched first. They must exist.
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: Author,
    /// The indexes of the machine's or carboy's configuration, in their order: asked before the
    /// URLs of the lock file.
    pub indexes: Vec<Index>,
    /// `PyPI` is asked for distributions without index and URL, because no index replaces it.
    pub pypi: bool,
    /// Directories and pages of files; directories are searched after the wheelhouses.
    pub find_links: Vec<FindLinks>,
    /// Indexes and URLs of the lock file are not used: only `find_links`.
    pub no_index: bool,
    /// The indexes that the project names, for distributions without URL in the lock file, which
    /// was made from them.
    pub project_indexes: Vec<Index>,
    /// The indexes that the lock file names for all its distributions.
    pub lock_indexes: Vec<Index>,
    /// The lock file's directories and pages of files.
    pub lock_links: Vec<FindLinks>,
    /// The base of the lock file's relative paths.
    pub folder: PathBuf,
    /// The directories of `find_links` and `lock_links` that the project's files name.
    pub projects_links: Vec<PathBuf>,
    /// Bounds of the links to wheels in directories that the project's files name.
    pub bounds: Arc<PathBounds>,
    pub credentials: Credentials,
    /// Warnings about the settings.
    pub warnings: Vec<Diagnostic>,
    /// Hosts, with or without a port, that may use plain HTTP. Loopback hosts always may.
    pub insecure: Vec<String>,
    /// A file of additional CA certificates.
    pub certificates: Option<PathBuf>,
    pub user_agent: String,
    /// The most retries of a request.
    pub retries: usize,
    /// The pause before the first retry; it doubles for each further one.
    pub delay: Duration,
    /// The slowest speed of connections.
    pub stall_policy: StallPolicy,
    /// The most transfers at once.
    pub jobs: usize,
}

/// An index, without credentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Index {
    /// The name in its settings; its credentials are found by it.
    pub name: Option<String>,
    /// `https://pypi.org/simple`.
    pub url: Url,
}

/// A list of files that is not an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FindLinks {
    Folder(PathBuf),
    /// An index that is a directory: of wheels, or of one directory for each project.
    Tree(PathBuf),
    /// A page of links.
    Page(Url),
}

impl FindLinks {
    /// Returns the directory, unless it is a page.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) | Self::Tree(folder) => Some(folder),
            Self::Page(_) => None,
        }
    }
}

impl Index {
    /// Returns whether the index is at a URL.
    pub(super) fn is_at(&self, url: &Url) -> bool {
        self.url.as_str().trim_end_matches('/') == url.as_str().trim_end_matches('/')
    }
}

impl Default for WheelSources {
    fn default() -> Self {
        Self {
            wheelhouses: Vec::new(),
            wheelhouses_by: Author::User,
            indexes: Vec::new(),
            pypi: true,
            find_links: Vec::new(),
            no_index: false,
            project_indexes: Vec::new(),
            lock_indexes: Vec::new(),
            lock_links: Vec::new(),
            folder: PathBuf::new(),
            projects_links: Vec::new(),
            warnings: Vec::new(),
            bounds: Arc::default(),
            credentials: Credentials::default(),
            insecure: Vec::new(),
            certificates: None,
            user_agent: concat!("carboy/", env!("CARGO_PKG_VERSION")).to_owned(),
            retries: 4,
            delay: Duration::from_millis(500),
            stall_policy: StallPolicy::default(),
            jobs: 8,
        }
    }
}

impl WheelSources {
    /// Returns the reason for which the network is not used, if there is one. The lock file's own
    /// sources do not count: pip-compile and pipenv write `PyPI` into every lock file.
    pub(super) fn offline(&self) -> Option<&'static str> {
        let pages = |links: &[FindLinks]| links.iter().any(|links| matches!(links, FindLinks::Page(_)));
        if self.no_index && !pages(&self.find_links) && !pages(&self.lock_links) {
            return Some("the settings say `no-index`");
        }
        let indexes = !self.indexes.is_empty() || !self.project_indexes.is_empty();
        let alone = !self.wheelhouses.is_empty() && !indexes && !pages(&self.find_links);
        alone.then_some("there is a wheelhouse and no configured index")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheelhouse_alone_is_offline() {
        let wheelhouses = vec![PathBuf::from("wheels")];
        let index = Index { name: None, url: Url::parse("https://pypi.org/simple").unwrap() };
        let offline = |settings: WheelSources| settings.offline().is_some();
        assert!(!offline(WheelSources::default()));
        assert!(offline(WheelSources { wheelhouses: wheelhouses.clone(), ..WheelSources::default() }));
        let with = |settings: WheelSources| WheelSources { wheelhouses: wheelhouses.clone(), ..settings };
        assert!(!offline(with(WheelSources { indexes: vec![index.clone()], ..WheelSources::default() })));
        assert!(!offline(with(WheelSources { project_indexes: vec![index.clone()], ..WheelSources::default() })));
        let (lock_indexes, lock_links) = (vec![index.clone()], vec![FindLinks::Page(index.url.clone())]);
        assert!(offline(with(WheelSources { lock_indexes, lock_links, ..WheelSources::default() })));
        assert!(offline(WheelSources { no_index: true, indexes: vec![index], ..WheelSources::default() }));
    }
}
