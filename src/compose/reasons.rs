//! The reason for each file of the image.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::image::LayerKind;
use crate::rootfs::RootPath;

/// The reason for a file. Reasons that a finished image does not show are stored in it, see
/// [`super::reason_file`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Because {
    /// The interpreter and its standard library.
    Python,
    /// Other data of the runtime: `terminfo`.
    RuntimeData(Cow<'static, str>),
    /// A pattern of `[[extract]]`.
    Extract(String),
    /// A name in `runtime.dlopen`.
    Dlopen,
    /// The objects that load it, in the order of discovery.
    NeededBy(Vec<RootPath>),
    /// The script that names it in its first line.
    RunsScript(RootPath),
    /// Site-packages.
    Dependency,
    /// The application, copies, accounts, directories.
    Application,
    /// Metadata that carboy writes: package records, with licences and the release, the
    /// loader's cache, reasons.
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
    /// All pairs of a library and an object that needs it.
    needs: BTreeSet<(RootPath, RootPath)>,
}

impl Reasons {
    /// Sets a file's reason. Replaces an earlier one.
    pub fn note(&mut self, path: RootPath, layer: LayerKind, because: Because) {
        if let Because::NeededBy(list) = &because {
            self.needs.extend(list.iter().map(|by| (path.clone(), by.clone())));
        }
        self.files.insert(path, Reason { layer, because });
    }

    /// Adds one more object that loads a library. Returns false if the library's reason is not the
    /// need of an object, or if the object is known.
    pub fn also_needed_by(&mut self, library: &RootPath, by: &RootPath) -> bool {
        if let Some(Reason { because: Because::NeededBy(list), .. }) = self.files.get_mut(library)
            && self.needs.insert((library.clone(), by.clone()))
        {
            list.push(by.clone());
            return true;
        }
        false
    }

    /// Returns a file's reason; none for the base's files.
    #[must_use]
    pub fn get(&self, path: &RootPath) -> Option<&Reason> {
        self.files.get(path)
    }

    /// Returns all reasons, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RootPath, &Reason)> {
        self.files.iter()
    }

    /// Returns the chain from a file to the reason that brought it in: the file, the file that needs
    /// it, and so on. The last file's reason is not another file.
    #[must_use]
    pub fn chain(&self, path: &RootPath) -> Vec<RootPath> {
        let mut chain = vec![path.clone()];
        let mut seen: BTreeSet<_> = chain.iter().cloned().collect();
        while let Some(reason) = chain.last().and_then(|last| self.get(last)) {
            let next = match &reason.because {
                Because::NeededBy(by) => by.iter().find(|by| !seen.contains(*by)),
                Because::RunsScript(script) => Some(script).filter(|script| !seen.contains(*script)),
                _ => None,
            };
            let Some(next) = next else { break };
            seen.insert(next.clone());
            chain.push(next.clone());
        }
        chain
    }
}
