//! Files in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::Facts;
use super::finder::{Files, Listing, Owner};
use super::modules::SearchPath;
use super::source;
use crate::rootfs::RootPath;

/// Files by path. Those in `app` are the application's, those in `lib` the standard library's.
pub struct Project(BTreeMap<String, String>);

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    #[expect(clippy::unused_self, reason = "reads as the project's")]
    pub fn search(&self, folders: &[&str]) -> SearchPath {
        SearchPath {
            folders: folders.iter().map(|folder| RootPath::new(folder).unwrap()).collect(),
            extensions: [".cpython-313-x86_64-linux-gnu.so", ".abi3.so", ".so"].map(str::to_owned).into(),
            builtins: BTreeSet::from(["sys".to_owned()]),
        }
    }
}

fn text(path: &RootPath) -> &str {
    std::str::from_utf8(path.as_bytes()).unwrap()
}

impl Files for Project {
    fn list(&self, folder: &RootPath) -> Option<Listing> {
        let start = format!("{}/", text(folder));
        let below = self.0.keys().filter_map(|path| path.strip_prefix(&start));
        let names: Listing = below
            .map(|below| match below.split_once('/') {
                Some((name, _)) => (name.as_bytes().to_vec(), true),
                None => (below.as_bytes().to_vec(), false),
            })
            .collect();
        (!names.is_empty()).then_some(names)
    }

    fn facts(&self, file: &RootPath) -> Option<Arc<Facts>> {
        source::read(self.0.get(text(file))?.as_bytes(), (3, 13)).map(Arc::new)
    }

    fn owner(&self, file: &RootPath) -> Owner {
        match text(file).split('/').next() {
            Some("app") => Owner::Application,
            Some("lib") => Owner::StandardLibrary,
            _ => Owner::Distribution,
        }
    }

    fn is_mounted(&self, folder: &RootPath) -> bool {
        text(folder).ends_with("/mounted")
    }

    fn has_anywhere(&self, name: &str) -> bool {
        let is_it = |part: &str| part == name || part.strip_suffix(".py") == Some(name);
        self.0.keys().any(|path| path.split('/').any(is_it))
    }
}
