//! The sources of wheels that carboy's configuration and a lock file name.

use std::path::PathBuf;
use std::sync::Arc;

use super::index_url::IndexUrl;
use super::settings_source::SettingsSource;
use crate::config::PackageIndex;
use crate::plan::{Author, PathBounds};
use crate::python::lock::Sources;

/// The sources of one project's wheels in carboy's configuration and the lock file.
#[derive(Clone, Debug, Default)]
pub struct ProjectSources {
    /// Searched first, in this order.
    pub wheelhouses: Vec<PathBuf>,
    pub wheelhouses_by: Author,
    /// The index that a flag or the project's configuration names or turns off.
    pub index: Option<(Author, PackageIndex)>,
    /// The lock file's indexes and links.
    pub sources: Sources,
    /// The lock file's directory.
    pub folder: PathBuf,
    /// The project's directory.
    pub project: PathBuf,
    /// Bounds of the paths in the project's files.
    pub bounds: Arc<PathBounds>,
}

impl ProjectSources {
    /// Returns the index that an author names.
    pub fn index_by(&self, author: Author) -> Option<&str> {
        let (by, index) = self.index.as_ref()?;
        index.url().filter(|_| *by == author)
    }

    /// Returns whether a flag or the configuration turns the index off.
    pub fn is_index_off(&self) -> bool {
        matches!(&self.index, Some((_, PackageIndex::Off)))
    }

    /// Returns the sources of the lock file.
    pub fn lock(&self) -> SettingsSource {
        let what = "the lock file".to_owned();
        let given = |url: &String| IndexUrl { name: None, url: url.clone(), what: what.clone(), by: Author::Project };
        let (index, extra) = (self.sources.index.as_ref().map(given), &self.sources.extra_indexes);
        let (extra, links) = (extra.iter().map(given).collect(), self.sources.find_links.clone());
        let (folder, by) = (self.folder.clone(), Author::Project);
        SettingsSource { what, by, index, extra, equal: true, links, folder, ..SettingsSource::default() }
    }
}
