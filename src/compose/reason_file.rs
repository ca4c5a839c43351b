//! The file of an image that stores the reasons for one layer's files, for `carboy why --image`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reasons::{Because, Reasons};
use crate::image::LayerKind;
use crate::rootfs::RootPath;

/// The directory of these files: one file for each layer that needs one, with the layer's name.
const FOLDER: &str = "usr/share/carboy";

/// Returns the path of the file with a layer's reasons.
#[must_use]
pub fn reason_file(layer: LayerKind) -> RootPath {
    RootPath::new(format!("{FOLDER}/{}.json", layer.name())).unwrap_or_default()
}

/// Raised whenever readers of the files in [`FOLDER`] have to change.
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
    /// Makes the stored form; none for a reason that the image itself shows.
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

    /// Restores the reason; none for a script with an invalid path.
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

/// Encodes the reasons for a layer's files; none if no file of the layer needs one. Leaves out
/// names that are not UTF-8.
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
    /// Adds the reasons from a layer's file. Returns false if this version cannot read it.
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
