//! The settings of one file, of the environment or of a flag.

use std::path::{Path, PathBuf};

use url::Url;

use super::host_environment::HostEnvironment;
use super::index_url::{IndexLocation, IndexUrl};
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::wheels::login::without_login;
use crate::wheels::sources::{FindLinks, Index};

/// The settings of one source.
#[derive(Default)]
pub struct SettingsSource {
    pub what: String,
    /// The author of its links. Its indexes may come from another file.
    pub by: Author,
    /// Replaces `PyPI`.
    pub index: Option<IndexUrl>,
    /// Asked before `index`.
    pub extra: Vec<IndexUrl>,
    /// All indexes have the same priority, as in pip.
    pub equal: bool,
    pub links: Vec<String>,
    /// Its indexes with names, including those for single distributions.
    pub named: Vec<IndexUrl>,
    pub no_index: Option<bool>,
    /// The base of its relative paths.
    pub folder: PathBuf,
}

impl SettingsSource {
    /// Returns the source of carboy's own index.
    pub fn own(index: Option<&str>, folder: &Path, by: Author) -> Self {
        let what = match by {
            Author::User => "--index".to_owned(),
            Author::Project => "[dependencies] index".to_owned(),
        };
        let index = index.map(|url| IndexUrl { name: None, url: url.to_owned(), what: what.clone(), by });
        Self { what, by, index, folder: folder.to_owned(), ..Self::default() }
    }

    /// Returns the source with another author.
    pub fn written_by(mut self, by: Author) -> Self {
        self.index.iter_mut().chain(&mut self.extra).chain(&mut self.named).for_each(|given| given.by = by);
        Self { by, ..self }
    }

    /// Returns all its indexes and links.
    pub fn all(&self) -> impl Iterator<Item = IndexUrl> {
        let links = self.links.iter().map(|url| self.link(url));
        self.index.iter().chain(&self.extra).chain(&self.named).cloned().chain(links)
    }

    pub fn link(&self, url: &str) -> IndexUrl {
        IndexUrl { name: None, url: url.to_owned(), what: self.what.clone(), by: self.by }
    }

    pub fn links(&self, host: &HostEnvironment<'_>) -> Result<Vec<FindLinks>, OperationError> {
        let one = |text: &String| {
            let given = self.link(text);
            Ok(match given.place()? {
                IndexLocation::Web(url) => FindLinks::Page(without_login(&url)),
                IndexLocation::Folder(named) => FindLinks::Folder(self.folder(&named, given.by, host)?),
            })
        };
        self.links.iter().map(one).collect()
    }

    /// Adds its indexes, in order.
    pub fn add_indexes(
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

    /// Returns the path of a directory that it names.
    pub fn folder(&self, named: &Path, by: Author, host: &HostEnvironment<'_>) -> Result<PathBuf, OperationError> {
        if by == Author::Project {
            (host.admit)(&self.folder, named)
                .map_err(|error| OperationError { message: format!("{}: {}", self.what, error.message), ..error })?;
        }
        Ok(self.folder.join(named))
    }

    /// Returns the location of an index: a path must begin with `/` or `.`, or lead to a directory.
    pub fn index_place(&self, given: &IndexUrl) -> Result<IndexLocation, OperationError> {
        match given.place()? {
            IndexLocation::Folder(named) if !given.url.contains("://") => {
                let is_path = given.url.trim_start().starts_with(['/', '.']) || self.folder.join(&named).is_dir();
                if is_path { Ok(IndexLocation::Folder(named)) } else { Err(given.wrong()) }
            }
            place => Ok(place),
        }
    }

    /// Returns its indexes in order. Among indexes of the same priority `PyPI` is the last: anybody
    /// can upload a package of the same name there, and without a hash it would be used.
    pub fn indexes(&self) -> Vec<&IndexUrl> {
        if !self.equal {
            return self.extra.iter().chain(&self.index).collect();
        }
        let mut all: Vec<_> = self.index.iter().chain(&self.extra).collect();
        all.sort_by_key(|given| Url::parse(&given.url).is_ok_and(|url| url.host_str() == Some("pypi.org")));
        all
    }
}
