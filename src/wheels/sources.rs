//! Where wheels may come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::credentials::Credentials;
use crate::diagnostic::Diagnostic;
use crate::http::StallPolicy;
use crate::plan::{Author, PathBounds};

/// Wheelhouses, indexes, and how to speak to them. `settings` makes it from what
/// pip, uv and carboy are told.
pub struct WheelSources {
    /// Folders of wheels, looked in first. They must be there.
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: Author,
    /// The indexes that this machine or carboy is configured for, in their order: asked
    /// before the URLs of the lock file.
    pub indexes: Vec<Index>,
    /// Whether `PyPI` is asked for what has no index and no URL: nobody has named an
    /// index that stands in its place.
    pub pypi: bool,
    /// Folders and pages of files; folders are looked in after the wheelhouses.
    pub find_links: Vec<FindLinks>,
    /// Neither indexes nor the URLs of the lock file are to be asked: only `find_links`.
    pub no_index: bool,
    /// The indexes that the project names, from which its lock file was made: asked for
    /// what the lock file has no URL of.
    pub project_indexes: Vec<Index>,
    /// The indexes that the lock file names for all that it pins.
    pub lock_indexes: Vec<Index>,
    /// The lock file's folders and pages of files.
    pub lock_links: Vec<FindLinks>,
    /// Where relative paths of the lock file begin.
    pub folder: PathBuf,
    /// Those of the folders of `find_links` and `lock_links` that the project's files name.
    pub projects_links: Vec<PathBuf>,
    /// Where wheels in folders that the project's files name may lead, by links.
    pub bounds: Arc<PathBounds>,
    pub credentials: Credentials,
    /// Warnings about the settings.
    pub warnings: Vec<Diagnostic>,
    /// Hosts, with or without a port, that may speak plain HTTP. Loopback hosts
    /// always may.
    pub insecure: Vec<String>,
    /// A file of further CA certificates.
    pub certificates: Option<PathBuf>,
    pub user_agent: String,
    /// How often a request is tried again.
    pub retries: usize,
    /// The pause before the first retry; each further one is twice as long.
    pub delay: Duration,
    /// How slow connections may be.
    pub stall_policy: StallPolicy,
    /// How many transfers go on at once.
    pub jobs: usize,
}

/// An index, without credentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Index {
    /// What its settings call it, which its credentials are named by.
    pub name: Option<String>,
    /// `https://pypi.org/simple`.
    pub url: Url,
}

/// Where files are listed without an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FindLinks {
    Folder(PathBuf),
    /// An index that is a folder: of wheels, or of one folder for each project.
    Tree(PathBuf),
    /// A page of links.
    Page(Url),
}

impl FindLinks {
    /// The folder that it is.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) | Self::Tree(folder) => Some(folder),
            Self::Page(_) => None,
        }
    }
}

impl Index {
    /// Whether it is the one at a URL.
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
    /// Why nothing is asked of the network, if so. What the lock file itself names is
    /// no reason to ask: pip-compile and pipenv write `PyPI` into every one.
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
