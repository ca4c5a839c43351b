//! Where wheels may come from.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::credentials::Credentials;

/// Wheelhouses, indexes, and how to speak to them. `configured` makes it from what
/// pip, uv and carboy are told.
pub struct Settings {
    /// Folders of wheels, looked in first. They must be there.
    pub wheelhouses: Vec<PathBuf>,
    /// The index that this machine or carboy is configured for: asked before the URLs
    /// of the lock file.
    pub index: Option<Index>,
    /// Further configured indexes, asked after the URLs of the lock file.
    pub extra_indexes: Vec<Index>,
    /// Folders and pages of files; folders are looked in after the wheelhouses.
    pub find_links: Vec<Links>,
    /// Neither indexes nor the URLs of the lock file are to be asked: only `find_links`.
    pub no_index: bool,
    /// The indexes that the project names, from which its lock file was made: asked for
    /// what the lock file has no URL of.
    pub project_indexes: Vec<Index>,
    /// Where relative paths of the lock file begin.
    pub folder: PathBuf,
    pub credentials: Credentials,
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
pub enum Links {
    Folder(PathBuf),
    /// A page of links.
    Page(Url),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wheelhouses: Vec::new(),
            index: None,
            extra_indexes: Vec::new(),
            find_links: Vec::new(),
            no_index: false,
            project_indexes: Vec::new(),
            folder: PathBuf::new(),
            credentials: Credentials::default(),
            insecure: Vec::new(),
            certificates: None,
            user_agent: concat!("carboy/", env!("CARGO_PKG_VERSION")).to_owned(),
            retries: 4,
            delay: Duration::from_millis(500),
            jobs: 8,
        }
    }
}

impl Settings {
    /// Why nothing is asked of the network, if so.
    pub(super) fn offline(&self) -> Option<&'static str> {
        let links = self.find_links.iter().any(|links| matches!(links, Links::Page(_)));
        let indexes = [&self.extra_indexes, &self.project_indexes].iter().any(|indexes| !indexes.is_empty());
        if self.no_index && !links {
            return Some("the settings say `no-index`");
        }
        let alone = !self.wheelhouses.is_empty() && self.index.is_none() && !indexes && !links;
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
        let offline = |settings: Settings| settings.offline().is_some();
        assert!(!offline(Settings::default()));
        assert!(offline(Settings { wheelhouses: wheelhouses.clone(), ..Settings::default() }));
        let with = |settings: Settings| Settings { wheelhouses: wheelhouses.clone(), ..settings };
        assert!(!offline(with(Settings { index: Some(index.clone()), ..Settings::default() })));
        assert!(!offline(with(Settings { extra_indexes: vec![index.clone()], ..Settings::default() })));
        assert!(!offline(with(Settings { project_indexes: vec![index.clone()], ..Settings::default() })));
        assert!(offline(Settings { no_index: true, index: Some(index), ..Settings::default() }));
    }
}
