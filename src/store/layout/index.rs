//! The files `oci-layout` and `index.json` of a layout.
//!
//! Unknown fields of an entry (artifact types, urls, digests of other algorithms) are preserved.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Read as _};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diagnostic::Code;
use crate::oci::descriptor::Annotations;
use crate::oci::digest::DigestError;
use crate::oci::{Digest, RawManifest, manifest, media_type};
use crate::operation_error::OperationError;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const VERSION: &str = "1.0.0";

/// The content of an `index.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct Index {
    schema_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default)]
    pub manifests: Vec<Entry>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A manifest in an `index.json`. Fields of other types than the specification's are empty here, and
/// are written back as they were.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub(in crate::store) struct Entry {
    pub media_type: String,
    /// `algorithm:hex`, of any algorithm.
    pub digest: String,
    pub size: u64,
    pub platform: Option<BTreeMap<String, Value>>,
    annotations: Annotations,
    rest: Map<String, Value>,
}

impl From<Map<String, Value>> for Entry {
    fn from(mut rest: Map<String, Value>) -> Self {
        Self {
            media_type: taken(&mut rest, "mediaType").unwrap_or_default(),
            digest: taken(&mut rest, "digest").unwrap_or_default(),
            size: taken(&mut rest, "size").unwrap_or_default(),
            platform: taken(&mut rest, "platform"),
            annotations: taken(&mut rest, "annotations").unwrap_or_default(),
            rest,
        }
    }
}

impl From<Entry> for Map<String, Value> {
    fn from(entry: Entry) -> Self {
        let Entry { media_type, digest, size, platform, annotations, rest } = entry;
        let annotations = (!annotations.is_empty()).then(|| annotations.into_iter().collect());
        let text = |text: String| (!text.is_empty()).then(|| text.into());
        let has_size = rest.contains_key("size");
        let known = [
            ("mediaType", text(media_type)),
            ("digest", text(digest)),
            ("size", (!has_size).then(|| size.into())),
            ("platform", platform.map(|platform| platform.into_iter().collect())),
            ("annotations", annotations),
        ];
        let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        known.chain(rest).collect()
    }
}

/// Removes a field, if it has the type.
fn taken<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Option<T> {
    let value = fields.get(name).and_then(|value| T::deserialize(value).ok())?;
    fields.remove(name);
    Some(value)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Entry {
    /// Creates the entry of a manifest.
    pub(super) fn new(raw: &RawManifest, name: Option<&str>) -> Self {
        let descriptor = raw.descriptor();
        Self {
            media_type: descriptor.media_type,
            digest: descriptor.digest.to_string(),
            size: descriptor.size,
            platform: None,
            annotations: name.map(|name| (REF_NAME.to_owned(), name.to_owned())).into_iter().collect(),
            rest: Map::new(),
        }
    }

    /// Returns the entry's `org.opencontainers.image.ref.name`.
    pub(super) fn name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Returns whether the entry is an image's that has neither name nor platform.
    fn is_anonymous(&self) -> bool {
        let is_image = media_type::is_index(&self.media_type) || media_type::is_manifest(&self.media_type);
        self.name().is_none() && self.platform.is_none() && is_image && !self.rest.contains_key("artifactType")
    }

    /// Returns whether the entry is marked as no image, as attestations are.
    pub(super) fn is_for_no_platform(&self) -> bool {
        let os = self.platform.as_ref().and_then(|platform| platform.get("os"));
        os.is_some_and(|os| os == "unknown")
    }
}

impl Index {
    pub(in crate::store) fn empty() -> Self {
        Self { schema_version: 2, media_type: Some(media_type::INDEX.to_owned()), manifests: vec![], rest: Map::new() }
    }

    pub(in crate::store) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    pub(in crate::store) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// Names a manifest. The entry replaces the one that had the name, or the manifest's nameless
    /// entry; otherwise it is added at the end.
    pub(in crate::store) fn name(&mut self, raw: &RawManifest, name: &str) {
        let digest = raw.digest().to_string();
        let nameless = |entry: &Entry| entry.is_anonymous() && entry.digest == digest;
        let replaced = |entry: &Entry| entry.name() == Some(name) || nameless(entry);
        self.put(Entry::new(raw, Some(name)), replaced);
    }

    /// Adds a nameless entry for an image that has no entry. It replaces the only other nameless
    /// image, so that a layout that is written without names holds one image.
    pub(in crate::store) fn hold(&mut self, raw: &RawManifest) {
        let digest = raw.digest().to_string();
        if self.manifests.iter().any(|entry| entry.digest == digest) {
            return;
        }
        let alone = self.manifests.iter().filter(|entry| entry.is_anonymous()).count() == 1;
        self.put(Entry::new(raw, None), |entry| alone && entry.is_anonymous());
    }

    /// Inserts an entry at the place of the first entry that it replaces.
    fn put(&mut self, new: Entry, replaced: impl Fn(&Entry) -> bool) {
        let place = self.manifests.iter().position(&replaced).unwrap_or(self.manifests.len());
        self.manifests.retain(|entry| !replaced(entry));
        self.manifests.insert(place, new);
    }
}

/// Reads a layout's `index.json` and checks that the directory is a layout.
pub(super) fn read(folder: &Path) -> Result<(Vec<u8>, Index), OperationError> {
    if !is_layout(folder)? {
        let message = format!("there is no OCI layout in `{}`: it has no file `oci-layout`", folder.display());
        return Err(OperationError::new(Code::NotFound, message));
    }
    let bytes = bounded(&folder.join("index.json")).map_err(|cause| failed(&in_folder(folder), &cause))?;
    let index = Index::parse(&bytes).map_err(|cause| {
        OperationError::new(
            Code::InvalidImage,
            format!("`{}` is not a valid image index", folder.join("index.json").display()),
        )
        .because(&cause)
    })?;
    Ok((bytes, index))
}

/// Returns whether a directory is a layout of the supported version.
pub(super) fn is_layout(folder: &Path) -> Result<bool, OperationError> {
    let marker = folder.join("oci-layout");
    let bytes = match bounded(&marker) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(failed(&in_folder(folder), &cause)),
    };
    check_version(&in_folder(folder), &bytes).map(|()| true)
}

/// Checks the version in the marker of a layout.
pub(super) fn check_version(layout: &str, marker: &[u8]) -> Result<(), OperationError> {
    let invalid = |cause| {
        OperationError::new(Code::InvalidImage, format!("{layout} has an invalid `oci-layout`")).because(&cause)
    };
    let version = serde_json::from_slice::<Marker>(marker).map_err(invalid)?.image_layout_version;
    if version == VERSION {
        return Ok(());
    }
    Err(OperationError::new(Code::InvalidImage, format!("{layout} is of version {version}, not {VERSION}")))
}

/// Returns the content of the file that marks a layout.
pub(in crate::store) fn marker() -> String {
    format!(r#"{{"imageLayoutVersion":"{VERSION}"}}"#)
}

/// Reads a file, with an error when it is larger than a manifest may be.
pub(super) fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(manifest::LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > manifest::LIMIT {
        let message =
            format!("`{}` is larger than the {} bytes that a manifest may have", path.display(), manifest::LIMIT);
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}

/// Builds the error of a layout that cannot be read.
pub(super) fn failed(layout: &dyn Display, cause: &io::Error) -> OperationError {
    OperationError::new(Code::UnreadableFile, format!("cannot read {layout}")).because(cause)
}

fn in_folder(folder: &Path) -> String {
    format!("the OCI layout in `{}`", folder.display())
}

/// Returns the media type of manifest bytes that have no descriptor.
pub(super) fn media_type_of(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    let head: Head = serde_json::from_slice(bytes).ok()?;
    let implied = if head.manifests.is_some() { media_type::INDEX } else { media_type::MANIFEST };
    Some(head.media_type.unwrap_or_else(|| implied.to_owned()))
}

/// Parses the digest of an entry; only SHA-256 is supported.
pub(super) fn digest(layout: &dyn Display, entry: &Entry) -> Result<Digest, OperationError> {
    let message = || format!("{layout} is invalid");
    entry
        .digest
        .parse()
        .map_err(|cause: DigestError| OperationError::new(Code::InvalidImage, message()).because(&cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(media_type: &str, text: &str) -> RawManifest {
        RawManifest { media_type: media_type.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    fn dump(index: &Index, known: &[&RawManifest]) -> String {
        let line = |entry: &Entry| {
            let of = known.iter().find(|raw| raw.digest().to_string() == entry.digest);
            let content = of.map_or("?".to_owned(), |raw| String::from_utf8_lossy(&raw.bytes).into_owned());
            format!("{}={content}", entry.name().unwrap_or(""))
        };
        index.manifests.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_are_replaced_in_their_place() {
        let [one, two, image] =
            [raw(media_type::INDEX, "1"), raw(media_type::INDEX, "2"), raw(media_type::MANIFEST, "i")];
        let known = [&one, &two, &image];
        let mut index = Index::empty();
        index.hold(&one);
        assert_eq!(dump(&index, &known), "=1");
        index.hold(&one);
        assert_eq!(dump(&index, &known), "=1", "held once");
        index.hold(&two);
        assert_eq!(dump(&index, &known), "=2", "the nameless one is replaced");
        index.name(&two, "a");
        assert_eq!(dump(&index, &known), "a=2", "a name takes the nameless entry over");
        index.hold(&two);
        index.name(&one, "b");
        index.name(&image, "c");
        assert_eq!(dump(&index, &known), "a=2 b=1 c=i");
        index.name(&one, "a");
        assert_eq!(dump(&index, &known), "a=1 b=1 c=i");
    }

    #[test]
    fn entries_that_are_not_as_specified_stay_too() {
        let json = r#"{"manifests":[{"digest":7,"size":"x","platform":[],"annotations":{"a":null}},
            {"mediaType":"m/n","digest":"sha256:00","size":3,"platform":null,"annotations":{"org.opencontainers.image.ref.name":"1"}}],
            "schemaVersion":2}"#;
        let index = Index::parse(json.as_bytes()).unwrap();
        assert_eq!(index.manifests.iter().map(|entry| entry.name()).collect::<Vec<_>>(), [None, Some("1")]);
        let same: Value = serde_json::from_slice(&index.to_json().unwrap()).unwrap();
        assert_eq!(same, serde_json::from_str::<Value>(json).unwrap());
    }

    #[test]
    fn what_others_wrote_stays() {
        let json = r#"{"annotations":{"k":"v"},"manifests":[{"artifactType":"x/y","digest":"sha512:00","mediaType":"m/n","platform":{"architecture":"amd64","os":"linux","os.version":"1"},"size":3}],"schemaVersion":2}"#;
        let mut index = Index::parse(json.as_bytes()).unwrap();
        let same: Value = serde_json::from_slice(&index.to_json().unwrap()).unwrap();
        assert_eq!(same, serde_json::from_str::<Value>(json).unwrap());
        index.hold(&raw(media_type::INDEX, "1"));
        assert_eq!(index.manifests.len(), 2);
    }
}
