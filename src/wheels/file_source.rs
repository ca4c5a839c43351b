//! The order in which indexes, pages and URLs are asked for a file.

use url::Url;

use super::Wheels;
use super::sources::{FindLinks, Index};
use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// The index that is asked if none is configured.
const PYPI: &str = "https://pypi.org/simple";

/// A source of files.
pub(super) enum FileSource {
    Index(Index),
    /// A page of links.
    Page(Url),
    Url(Url),
}

impl FileSource {
    /// Returns the URL of the index, page or file.
    pub(super) fn url(&self) -> &Url {
        match self {
            Self::Index(index) => &index.url,
            Self::Page(url) | Self::Url(url) => url,
        }
    }
}

impl Wheels {
    /// Returns the sources that come before the lock file's URLs.
    pub(super) fn configured_sources(&self) -> Vec<FileSource> {
        let indexes = self.settings.indexes.iter().filter(|_| !self.settings.no_index);
        indexes.cloned().map(FileSource::Index).chain(pages(&self.settings.find_links)).collect()
    }

    /// Returns the sources that come after the lock file's URLs: only the index that the lock file
    /// has for the distribution; without one, the project's and the lock file's indexes.
    pub(super) fn further_sources(&self, index: Option<&str>) -> Result<Vec<FileSource>, OperationError> {
        let settings = &self.settings;
        let mut sources: Vec<_> = pages(&settings.lock_links).collect();
        if settings.no_index {
            return Ok(sources);
        }
        let all = settings.project_indexes.iter().chain(&settings.lock_indexes);
        let mut indexes: Vec<Index> = Vec::new();
        if let Some(text) = index {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            let url = url.ok_or_else(|| {
                OperationError::new(Code::InvalidLockFile, "the lock file names an index that is not an HTTP URL")
            })?;
            let known = all.clone().find(|index| index.is_at(&url)).cloned();
            indexes.push(known.unwrap_or(Index { name: None, url }));
        } else {
            indexes.extend(all.cloned());
        }
        for index in indexes {
            let same = |source: &FileSource| matches!(source, FileSource::Index(known) if known.is_at(&index.url));
            if !sources.iter().any(same) && !settings.indexes.iter().any(|known| known.is_at(&index.url)) {
                sources.push(FileSource::Index(index));
            }
        }
        Ok(sources)
    }

    /// Returns `PyPI` for a distribution without an index in the lock file, unless another index
    /// replaces it.
    pub(super) fn pypi(&self, index: Option<&str>) -> Option<FileSource> {
        let url = Url::parse(PYPI).ok().filter(|_| self.settings.pypi && !self.settings.no_index && index.is_none())?;
        let known = [&self.settings.indexes, &self.settings.project_indexes, &self.settings.lock_indexes];
        let known = known.iter().flat_map(|indexes| *indexes).any(|index| index.is_at(&url));
        (!known).then_some(FileSource::Index(Index { name: None, url }))
    }

    /// Returns the named index that a URL belongs to.
    pub(super) fn index_of(&self, url: &Url) -> Option<Index> {
        let settings = &self.settings;
        let known = settings.indexes.iter().chain(&settings.project_indexes).chain(&settings.lock_indexes);
        let mut here = known.filter(|index| index.url.origin() == url.origin());
        here.clone().find(|index| url.path().starts_with(index.url.path())).or_else(|| here.next()).cloned()
    }
}

/// Returns the pages of links.
fn pages(links: &[FindLinks]) -> impl Iterator<Item = FileSource> {
    links
        .iter()
        .filter_map(|links| if let FindLinks::Page(url) = links { Some(FileSource::Page(url.clone())) } else { None })
}
