//! Why each file is in the image.

use std::collections::{BTreeMap, BTreeSet};

use crate::progress::LayerKind;
use crate::rootfs::RootPath;

/// What brought a file into the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Because {
    /// The interpreter and its standard library.
    Python,
    /// Something else that the runtime needs or was asked to bring: `locale`, `terminfo`.
    RuntimeData(&'static str),
    /// A pattern of `[[extract]]`.
    Extract(String),
    /// A name in `runtime.dlopen`.
    Dlopen,
    /// Objects that load it, the first that asked for it first.
    NeededBy(Vec<RootPath>),
    /// A script that names it in its first line.
    RunsScript(RootPath),
    /// Site-packages.
    Dependency,
    /// The application, copies, accounts, folders.
    Application,
    /// Written by carboy: package records (and the licences and the release that belong
    /// to them), the loader's cache, these reasons.
    Record,
}

/// One file's reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    pub layer: LayerKind,
    pub because: Because,
}

/// The reasons of all files that carboy adds, by real path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reasons {
    files: BTreeMap<RootPath, Reason>,
}

impl Reasons {
    /// Notes a file's reason; a later one replaces it.
    pub fn note(&mut self, path: RootPath, layer: LayerKind, because: Because) {
        self.files.insert(path, Reason { layer, because });
    }

    /// One more object that loads a library which was taken for others.
    pub fn also_needed_by(&mut self, library: &RootPath, by: &RootPath) {
        if let Some(Reason { because: Because::NeededBy(list), .. }) = self.files.get_mut(library)
            && !list.contains(by)
        {
            list.push(by.clone());
        }
    }

    /// A file's reason; none for the base's files.
    #[must_use]
    pub fn get(&self, path: &RootPath) -> Option<&Reason> {
        self.files.get(path)
    }

    /// All of them, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RootPath, &Reason)> {
        self.files.iter()
    }

    /// The way from a file up to what brought it in: the file itself, what needs it,
    /// what needs that. Ends at a file whose reason is no other file.
    #[must_use]
    pub fn chain(&self, path: &RootPath) -> Vec<RootPath> {
        let mut chain = vec![path.clone()];
        let mut seen: BTreeSet<_> = chain.iter().cloned().collect();
        while let Some(reason) = chain.last().and_then(|last| self.get(last)) {
            let next = match &reason.because {
                Because::NeededBy(by) => by.iter().find(|by| !seen.contains(by)),
                Because::RunsScript(script) => Some(script).filter(|script| !seen.contains(script)),
                _ => None,
            };
            let Some(next) = next else { break };
            seen.insert(next.clone());
            chain.push(next.clone());
        }
        chain
    }
}
