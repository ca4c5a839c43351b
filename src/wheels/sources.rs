//! The sources of wheels.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::credentials::Credentials;
use crate::diagnostic::Diagnostic;
use crate::http::StallPolicy;
use crate::network::Network;
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
    /// A flag or the configuration keeps carboy from the network.
    pub no_network: Option<NoNetwork>,
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
    /// Proxies, certificates, and the limits of connections.
    pub network: Arc<Network>,
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
            no_network: None,
            project_indexes: Vec::new(),
            lock_indexes: Vec::new(),
            lock_links: Vec::new(),
            folder: PathBuf::new(),
            projects_links: Vec::new(),
            warnings: Vec::new(),
            bounds: Arc::default(),
            credentials: Credentials::default(),
            network: Arc::default(),
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
    /// Returns the setting that keeps carboy from the network, if there is one.
    pub(super) fn network_setting(&self) -> Option<NoNetwork> {
        let pages = |links: &[FindLinks]| links.iter().any(|links| matches!(links, FindLinks::Page(_)));
        let only_folders = self.no_index && !pages(&self.find_links) && !pages(&self.lock_links);
        match self.no_network {
            Some(NoNetwork::Offline) | None if only_folders => Some(NoNetwork::NoIndex),
            setting => setting,
        }
    }

    /// Returns whether a wheel of the cache may be used before its source is asked. Not if the
    /// indexes are turned off: the outcome would depend on the wheels that earlier runs fetched.
    pub(super) fn trusts_cache(&self) -> bool {
        self.no_network != Some(NoNetwork::IndexOff) && !self.no_index
    }
}

/// A setting that keeps carboy from the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoNetwork {
    /// `index = false`, or `--index false`: wheels come from directories only.
    IndexOff,
    /// `no-index` of pip or uv.
    NoIndex,
    /// `--offline`: wheels come from directories and the cache.
    Offline,
}

impl NoNetwork {
    /// Returns the reason for messages.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::IndexOff => "`index` is false",
            Self::NoIndex => "the settings say `no-index`",
            Self::Offline => "`--offline` is set",
        }
    }

    /// Returns the way to ask an index.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::IndexOff => "to ask the index for what the wheelhouse lacks, leave `index = false` out",
            Self::NoIndex => "name an index, which wins over `no-index`: --index https://pypi.org/simple",
            Self::Offline => "fetch it once without --offline",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheelhouse_adds_to_the_indexes() {
        let index = Index { name: None, url: Url::parse("https://pypi.org/simple").unwrap() };
        let with = || WheelSources { wheelhouses: vec![PathBuf::from("wheels")], ..WheelSources::default() };
        let page = || vec![FindLinks::Page(index.url.clone())];
        for (settings, setting, trusts_cache) in [
            (with(), None, true),
            (WheelSources { no_network: Some(NoNetwork::Offline), ..with() }, Some(NoNetwork::Offline), true),
            (WheelSources { no_network: Some(NoNetwork::IndexOff), ..with() }, Some(NoNetwork::IndexOff), false),
            (
                WheelSources { no_network: Some(NoNetwork::IndexOff), find_links: page(), ..with() },
                Some(NoNetwork::IndexOff),
                false,
            ),
            (WheelSources { no_index: true, indexes: vec![index.clone()], ..with() }, Some(NoNetwork::NoIndex), false),
            (WheelSources { no_index: true, lock_links: page(), ..with() }, None, false),
        ] {
            assert_eq!((settings.network_setting(), settings.trusts_cache()), (setting, trusts_cache));
        }
    }
}
