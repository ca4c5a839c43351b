//! A descriptor: the name of content, its length and its meaning.
//!
//! Source: image-spec `descriptor.md`. Read from JSON through oci-spec's type; this is
//! the checked form, with a SHA-256 digest.

use std::collections::BTreeMap;

use oci_spec::image as spec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest::{Digest, DigestError};
use super::{Platform, json};

/// Annotations, sorted by key.
pub type Annotations = BTreeMap<String, String>;

/// The name of content, with all that a manifest or index says of it. Two are equal when
/// they say the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Other places that have the content.
    pub urls: Vec<String>,
    pub annotations: Annotations,
    /// The platform of a manifest in an index.
    pub platform: Option<Platform>,
    /// The type of an artifact's manifest.
    pub artifact_type: Option<String>,
    /// The content itself, in base64.
    pub data: Option<String>,
    /// The descriptor as it was read, whose other fields stay; null for content at hand.
    pub source: Value,
}

/// A descriptor that is not acceptable, and why.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DescriptorError {
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("not a valid descriptor: {0}")]
    Json(String),
}

impl Descriptor {
    /// Describes content by its digest and length.
    #[must_use]
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: Annotations::new(),
            platform: None,
            artifact_type: None,
            data: None,
            source: Value::Null,
        }
    }

    /// Describes bytes at hand.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// Reads a descriptor in a manifest or index.
    ///
    /// # Errors
    /// A digest that is not sha256; fields that are missing or of other types than the
    /// specification's.
    pub fn read(source: &Value) -> Result<Self, DescriptorError> {
        let invalid = |cause: serde_json::Error| DescriptorError::Json(cause.to_string());
        // oci-spec accepts other algorithms, and its error does not name the digest.
        let digest = source.get("digest").and_then(Value::as_str).map(str::parse).transpose()?;
        let view = spec::Descriptor::deserialize(source).map_err(invalid)?;
        // oci-spec takes some architectures for others (`armbe` for `arm64be`).
        let platform = source.get("platform").filter(|platform| !platform.is_null());
        Ok(Self {
            media_type: view.media_type().to_string(),
            digest: digest.ok_or_else(|| DescriptorError::Json("it has no digest".to_owned()))?,
            size: view.size(),
            urls: view.urls().clone().unwrap_or_default(),
            annotations: view.annotations().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
            platform: platform.map(Platform::deserialize).transpose().map_err(invalid)?,
            artifact_type: view.artifact_type().as_ref().map(ToString::to_string),
            data: view.data().clone(),
            source: source.clone(),
        })
    }

    /// Returns the descriptor as JSON: the one that was read, with what has changed since.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::changed(&self.source, &self.view())
    }

    /// oci-spec's form.
    fn view(&self) -> spec::Descriptor {
        let digest: spec::Digest = self.digest.to_string().parse().expect("a SHA-256 digest is a digest");
        let mut view = spec::Descriptor::new(self.media_type.as_str().into(), self.size, digest);
        view.set_urls((!self.urls.is_empty()).then(|| self.urls.clone()));
        view.set_annotations(view_of(&self.annotations));
        view.set_platform(self.platform.as_ref().map(platform_view));
        view.set_artifact_type(self.artifact_type.as_deref().map(Into::into));
        view.set_data(self.data.clone());
        view
    }
}

/// oci-spec's form of annotations.
pub(super) fn view_of(annotations: &Annotations) -> Option<std::collections::HashMap<String, String>> {
    let view = || annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    (!annotations.is_empty()).then(view)
}

fn platform_view(platform: &Platform) -> spec::Platform {
    let mut view = spec::Platform::default();
    view.set_architecture(platform.architecture.as_str().into());
    view.set_os(platform.os.as_str().into());
    view.set_variant(platform.variant.clone());
    view
}

impl PartialEq for Descriptor {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.to_json() == other.to_json()
    }
}

impl Eq for Descriptor {}

impl TryFrom<Value> for Descriptor {
    type Error = DescriptorError;

    fn try_from(source: Value) -> Result<Self, DescriptorError> {
        Self::read(&source)
    }
}

impl From<Descriptor> for Value {
    fn from(descriptor: Descriptor) -> Self {
        descriptor.to_json()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_fields_are_read_and_written_back() {
        let source = json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", "digest": Digest::of(b"").to_string(), "size": 7,
            "urls": ["https://h.example/blob"], "artifactType": "x/y", "data": "AA==", "x-unknown": [1, {"b": 2}],
            "annotations": {"io.github.containers.zstd-chunked.manifest-checksum": "sha256:1"},
            "platform": {"architecture": "armbe", "os": "linux", "os.version": "6.1"},
        });
        let descriptor = Descriptor::read(&source).unwrap();
        assert_eq!(descriptor.to_json(), source);
        assert_eq!(descriptor.platform.as_ref().unwrap().to_string(), "linux/armbe");
        let other = Descriptor { media_type: "m/n".to_owned(), annotations: Annotations::new(), ..descriptor };
        let mut want = source;
        want["mediaType"] = json!("m/n");
        want.as_object_mut().unwrap().remove("annotations");
        assert_eq!(other.to_json(), want);
        let at_hand = Descriptor::of("m/n", b"");
        assert_eq!(at_hand.to_json(), json!({"mediaType": "m/n", "digest": at_hand.digest.to_string(), "size": 0}));
        assert_eq!(Descriptor::read(&at_hand.to_json()).unwrap(), at_hand);
        assert_ne!(Descriptor { size: 1, ..at_hand.clone() }, at_hand);
    }

    #[test]
    fn hostile_descriptors_are_errors() {
        let digest = Digest::of(b"").to_string();
        for (source, cause) in [
            (json!({"mediaType": "x", "digest": "sha256:0", "size": 1}), "`sha256:0` is not a sha256 digest"),
            (json!({"mediaType": "x", "digest": digest, "size": -1}), "invalid value: integer `-1`"),
            (json!({"mediaType": "x", "size": 1}), "missing field `digest`"),
            (json!({"mediaType": "x", "digest": digest, "size": 1, "urls": "u"}), "invalid type: string"),
            (json!([]), "invalid length"),
        ] {
            let error = Descriptor::read(&source).unwrap_err().to_string();
            assert!(error.contains(cause), "{source}: {error}");
        }
    }
}
