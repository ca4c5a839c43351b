//! The file of an image that keeps the reasons of one layer's files, for `carboy why --image`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reasons::{Because, Reasons};
use crate::image::LayerKind;
use crate::rootfs::RootPath;

/// The folder of these files: one for each layer that needs one, named after it.
const FOLDER: &str = "usr/share/carboy";

/// The file that keeps a layer's reasons.
#[must_use]
pub fn reason_file(layer: LayerKind) -> RootPath {
    RootPath::new(format!("{FOLDER}/{}.json", layer.name())).unwrap_or_default()
}

/// Raised when readers of [`FOLDER`]'s files have to change.
const FORMAT: u32 = 1;

/// The content of a file, in JSON.
#[derive(Serialize, Deserialize)]
struct StoredReasons {
    format: u32,
    files: BTreeMap<String, StoredReason>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredReason {
    NeededBy(Vec<String>),
    Runs(String),
    Extract(String),
    Data(String),
    Dlopen,
    Record,
}

impl StoredReason {
    /// None for a reason that the image shows.
    fn of(because: &Because) -> Option<Self> {
        Some(match because {
            Because::NeededBy(by) => Self::NeededBy(by.iter().map(ToString::to_string).collect()),
            Because::RunsScript(script) => Self::Runs(script.to_string()),
            Because::Extract(pattern) => Self::Extract(pattern.clone()),
            Because::RuntimeData(name) => Self::Data(name.to_string()),
            Because::Dlopen => Self::Dlopen,
            Because::Record => Self::Record,
            Because::Python | Because::Dependency | Because::Application => return None,
        })
    }

    /// None for a script whose path is none.
    fn because(self) -> Option<Because> {
        let path = |text: &String| RootPath::new(text).ok();
        Some(match self {
            Self::NeededBy(by) => Because::NeededBy(by.iter().filter_map(path).collect()),
            Self::Runs(script) => Because::RunsScript(path(&script)?),
            Self::Extract(pattern) => Because::Extract(pattern),
            Self::Data(name) => Because::RuntimeData(name.into()),
            Self::Dlopen => Because::Dlopen,
            Self::Record => Because::Record,
        })
    }
}

/// The content of a layer's file; none when no file of the layer needs a reason. Names that
/// are not UTF-8 are left out.
#[must_use]
pub(super) fn encode(reasons: &Reasons, layer: LayerKind) -> Option<Vec<u8>> {
    let of_layer = reasons.iter().filter(|(_, reason)| reason.layer == layer);
    let files: BTreeMap<_, _> = of_layer
        .filter_map(|(path, reason)| {
            std::str::from_utf8(path.as_bytes()).ok()?;
            Some((path.to_string(), StoredReason::of(&reason.because)?))
        })
        .collect();
    if files.is_empty() {
        return None;
    }
    let files = files.into_iter().chain([(reason_file(layer).to_string(), StoredReason::Record)]).collect();
    let mut text = serde_json::to_vec(&StoredReasons { format: FORMAT, files }).ok()?;
    text.push(b'\n');
    Some(text)
}

impl Reasons {
    /// Adds the reasons of a layer's file. False when this version cannot read it.
    pub fn read(&mut self, layer: LayerKind, text: &[u8]) -> bool {
        let Ok(stored) = serde_json::from_slice::<StoredReasons>(text) else { return false };
        if stored.format != FORMAT {
            return false;
        }
        for (name, reason) in stored.files {
            if let Some((path, because)) = RootPath::new(&name).ok().zip(reason.because()) {
                self.note(path, layer, because);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    #[test]
    fn reasons_that_the_image_does_not_show_travel_with_it() {
        let mut reasons = Reasons::default();
        let (libraries, dependencies) = (LayerKind::Libraries, LayerKind::Dependencies);
        let libz = path("usr/lib/libz.so.1");
        reasons.note(libz.clone(), libraries, Because::NeededBy(vec![path("site/numpy/_core.so")]));
        reasons.note(path("site/numpy/_core.so"), dependencies, Because::Dependency);
        let stored = encode(&reasons, libraries).unwrap();
        assert_eq!(encode(&reasons, dependencies), None);
        let mut read = Reasons::default();
        assert!(read.read(libraries, &stored));
        assert_eq!(read.get(&libz), reasons.get(&libz));
        assert!(!read.read(libraries, b"{\"format\": 2, \"files\": {}}"));
    }
}
