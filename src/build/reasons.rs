//! Why each file is in the image.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::report::{Chain, Step};
use crate::progress::LayerKind;
use crate::rootfs::RootPath;

/// What brought a file into the image.
///
/// [`Because::NeededBy`] and what follows it cannot be told from a finished image:
/// they travel with it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Because {
    /// The interpreter and its standard library.
    Python,
    /// Something else that the runtime needs or was asked to bring: `terminfo`.
    RuntimeData(Cow<'static, str>),
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
    /// Pairs of a library and what needs it that are noted.
    needs: BTreeSet<(RootPath, RootPath)>,
}

impl Reasons {
    /// Notes a file's reason; a later one replaces it.
    pub fn note(&mut self, path: RootPath, layer: LayerKind, because: Because) {
        if let Because::NeededBy(list) = &because {
            self.needs.extend(list.iter().map(|by| (path.clone(), by.clone())));
        }
        self.files.insert(path, Reason { layer, because });
    }

    /// One more object that loads a library which was taken for others.
    pub fn also_needed_by(&mut self, library: &RootPath, by: &RootPath) {
        if let Some(Reason { because: Because::NeededBy(list), .. }) = self.files.get_mut(library)
            && self.needs.insert((library.clone(), by.clone()))
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

/// The folder of the files that keep reasons in an image: one for each layer that
/// has something to tell, named after it.
const FOLDER: &str = "usr/share/carboy";

/// The file that keeps a layer's reasons.
#[must_use]
pub fn file(layer: LayerKind) -> RootPath {
    RootPath::new(format!("{FOLDER}/{}.json", layer.name())).unwrap_or_default()
}

/// Raised when readers of [`FOLDER`]'s files have to change.
const FORMAT: u32 = 1;

/// A layer's reasons as its file holds them, in JSON.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    files: BTreeMap<String, KeptReason>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptReason {
    NeededBy(Vec<String>),
    Runs(String),
    Extract(String),
    Data(String),
    Dlopen,
    Record,
}

impl Reasons {
    /// What a layer's file holds; none when there is nothing to tell. Names that are
    /// not UTF-8 are left out.
    #[must_use]
    pub fn keep(&self, layer: LayerKind) -> Option<Vec<u8>> {
        let files: BTreeMap<_, _> = self
            .files
            .iter()
            .filter(|(_, reason)| reason.layer == layer)
            .filter_map(|(path, reason)| {
                std::str::from_utf8(path.as_bytes()).ok()?;
                let kept = match &reason.because {
                    Because::NeededBy(by) => KeptReason::NeededBy(by.iter().map(ToString::to_string).collect()),
                    Because::RunsScript(script) => KeptReason::Runs(script.to_string()),
                    Because::Extract(pattern) => KeptReason::Extract(pattern.clone()),
                    Because::RuntimeData(what) => KeptReason::Data(what.to_string()),
                    Because::Dlopen => KeptReason::Dlopen,
                    Because::Record => KeptReason::Record,
                    Because::Python | Because::Dependency | Because::Application => return None,
                };
                Some((path.to_string(), kept))
            })
            .collect();
        if files.is_empty() {
            return None;
        }
        let files = files.into_iter().chain([(file(layer).to_string(), KeptReason::Record)]).collect();
        let mut text = serde_json::to_vec(&Kept { format: FORMAT, files }).ok()?;
        text.push(b'\n');
        Some(text)
    }

    /// Adds what a layer's file tells. False when it is none that this version reads.
    pub fn read(&mut self, layer: LayerKind, text: &[u8]) -> bool {
        let Ok(kept) = serde_json::from_slice::<Kept>(text) else { return false };
        if kept.format != FORMAT {
            return false;
        }
        let path = |text: &String| RootPath::new(text).ok();
        for (name, reason) in kept.files {
            let because = match reason {
                KeptReason::NeededBy(by) => Some(Because::NeededBy(by.iter().filter_map(path).collect())),
                KeptReason::Runs(script) => path(&script).map(Because::RunsScript),
                KeptReason::Extract(pattern) => Some(Because::Extract(pattern)),
                KeptReason::Data(what) => Some(Because::RuntimeData(what.into())),
                KeptReason::Dlopen => Some(Because::Dlopen),
                KeptReason::Record => Some(Because::Record),
            };
            if let Some((path, because)) = path(&name).zip(because) {
                self.note(path, layer, because);
            }
        }
        true
    }

    /// A file's chain for people. `layer_of` tells the layer of a file for which there
    /// is no reason; none for the base's.
    #[must_use]
    pub fn told(
        &self,
        path: &RootPath,
        naming: &Naming<'_>,
        layer_of: impl Fn(&RootPath) -> Option<LayerKind>,
    ) -> Chain {
        let chain = self.chain(path);
        let last = chain.last().unwrap_or(path);
        let end = match self.get(last) {
            None => layer_of(last).map_or("base", LayerKind::name).to_owned(),
            Some(Reason { layer, because }) => match because {
                Because::Extract(pattern) => format!("[[extract]] {pattern}"),
                Because::Dlopen => "runtime.dlopen".to_owned(),
                Because::RuntimeData(what) => format!("{}: {what}", layer.name()),
                Because::Record => format!("{}: carboy's record", layer.name()),
                _ => layer.name().to_owned(),
            },
        };
        let steps = chain.iter().map(|path| Step {
            path: path.to_string(),
            name: naming.short(path),
            owner: (naming.owner)(path),
        });
        Chain { steps: steps.collect(), end }
    }
}

/// How files are called in a chain.
pub struct Naming<'a> {
    /// Distribution or package, with version.
    pub owner: &'a dyn Fn(&RootPath) -> Option<String>,
    pub purelib: Option<&'a RootPath>,
}

impl Naming<'_> {
    fn short(&self, path: &RootPath) -> String {
        if let Some(below) = self.purelib.and_then(|purelib| path.strip(purelib)) {
            return below.to_string().trim_start_matches('/').to_owned();
        }
        let name = path.name().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
        if name.contains(".so") { name } else { path.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    fn reasons() -> Reasons {
        let mut reasons = Reasons::default();
        let (runtime, dependencies) = (LayerKind::Libraries, LayerKind::Dependencies);
        reasons.note(path("usr/lib/libz.so.1"), runtime, Because::NeededBy(vec![path("site/numpy/_core.so")]));
        reasons.note(path("usr/lib/liba.so"), runtime, Because::NeededBy(vec![path("usr/lib/liba.so")]));
        reasons.note(path("site/numpy/_core.so"), dependencies, Because::Dependency);
        reasons
    }

    #[test]
    fn chains_lead_up_and_end() {
        let reasons = reasons();
        let owner = |path: &RootPath| path.as_bytes().starts_with(b"site").then(|| "numpy 2.3".to_owned());
        let naming = Naming { owner: &owner, purelib: Some(&path("site")) };
        let chain = reasons.told(&path("usr/lib/libz.so.1"), &naming, |_| None);
        let names: Vec<_> = chain.steps.iter().map(|step| (step.name.as_str(), step.owner.as_deref())).collect();
        assert_eq!(names, [("libz.so.1", None), ("numpy/_core.so", Some("numpy 2.3"))]);
        assert_eq!(chain.end, "dependencies");
        assert_eq!(
            reasons.told(&path("usr/lib/liba.so"), &naming, |_| None).steps.len(),
            1,
            "a library that needs itself"
        );
        assert_eq!(reasons.told(&path("etc/passwd"), &naming, |_| None).end, "base");
    }

    #[test]
    fn what_cannot_be_told_from_the_image_travels_with_it() {
        let kept = reasons().keep(LayerKind::Libraries).unwrap();
        assert_eq!(reasons().keep(LayerKind::Dependencies), None);
        let mut read = Reasons::default();
        assert!(read.read(LayerKind::Libraries, &kept));
        let libz = path("usr/lib/libz.so.1");
        assert_eq!(read.get(&libz), reasons().get(&libz));
        assert!(!read.read(LayerKind::Libraries, b"{\"format\": 2, \"files\": {}}"));
    }
}
