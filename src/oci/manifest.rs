//! Manifests and indexes: raw bytes with their digest, and what they say.
//!
//! Source: image-spec `manifest.md` and `image-index.md`. The raw bytes are kept, and the digest is
//! theirs. Entries of an index that cannot be read are set apart: they may be for other readers.

use oci_spec::image as spec;
use serde_json::Value;

use super::descriptor::{Annotations, DescriptorError};
use super::manifest_kind::{self, ManifestKind, NoKind};
use super::{Descriptor, Digest, json, media_type};
use crate::hint::Hint;

/// The most bytes that carboy reads of one manifest: what registries should
/// accept (distribution-spec, `spec.md`, "Pushing Manifests").
pub const LIMIT: u64 = 4 << 20;
/// The most layers of one image. Linux stacks no more than 500 (`fs/overlayfs`), docker's
/// graph drivers 127.
pub const MOST_LAYERS: usize = 256;

/// A manifest or index as it travels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawManifest {
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// A manifest that cannot be used, and why.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ManifestError {
    #[error("manifest {digest} is not valid JSON of its kind: {cause}")]
    Json { digest: Digest, cause: String },
    #[error("manifest {digest} has an invalid descriptor")]
    Descriptor {
        digest: Digest,
        #[source]
        cause: DescriptorError,
    },
    #[error("manifest {digest} has {count} layers, and an image may have {MOST_LAYERS}")]
    Layers { digest: Digest, count: usize },
    #[error("manifest {digest} has the media type `{media_type}`, which is not an image's")]
    MediaType { digest: Digest, media_type: String },
    #[error("manifest {digest} is ambiguous: {cause}")]
    Ambiguous { digest: Digest, cause: String },
    #[error("manifest {digest} is in docker's old schema 1")]
    SchemaOne { digest: Digest },
}

impl Hint for ManifestError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::SchemaOne { .. } => Some(
                "pull and push that image with a current docker, or copy it with `skopeo copy --format v2s2`"
                    .to_owned(),
            ),
            Self::Ambiguous { .. } => Some(
                "a manifest that readers take for different things may be an attack; push the image again".to_owned(),
            ),
            _ => None,
        }
    }
}

/// One image: its configuration and its layers, lowest first. Two are equal when they say
/// the same.
#[derive(Clone, Debug)]
pub struct ImageManifest {
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    pub annotations: Annotations,
    /// The type of an artifact that is no image.
    pub artifact_type: Option<String>,
    /// The manifest that this one refers to.
    pub subject: Option<Descriptor>,
    /// The manifest as it was read, whose other fields stay; null for a new one.
    pub source: Value,
}

/// Images for several platforms. Two are equal when they say the same.
#[derive(Clone, Debug, Default)]
pub struct ImageIndex {
    /// Manifests, or indexes again, with their platforms.
    pub manifests: Vec<Descriptor>,
    /// The entries that carboy cannot read, such as those with a digest other than SHA-256.
    pub unreadable: Vec<UnreadableEntry>,
    pub annotations: Annotations,
    /// The type of an artifact that is no image.
    pub artifact_type: Option<String>,
    /// The manifest that this index refers to.
    pub subject: Option<Descriptor>,
    /// The index as it was read, whose other fields stay; null for a new one.
    pub source: Value,
}

/// An entry of an index that cannot be read.
#[derive(Clone, Debug)]
pub struct UnreadableEntry {
    /// Its place in the index.
    pub place: usize,
    pub source: Value,
    pub cause: DescriptorError,
}

/// A raw manifest that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::large_enum_variant, reason = "an image has a handful of them")]
pub enum Parsed {
    Image(ImageManifest),
    Index(ImageIndex),
}

impl RawManifest {
    /// Returns the digest of the bytes as they are.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// Returns the descriptor of the bytes as they are.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(&self.media_type, &self.bytes)
    }

    /// Reads the manifest or index that the bytes are.
    ///
    /// # Errors
    /// Anything but an image manifest or index, OCI's or docker's.
    pub fn parse(&self) -> Result<Parsed, ManifestError> {
        let json = || serde_json::from_slice(&self.bytes).map_err(|cause| self.invalid(&cause));
        match manifest_kind::of(&self.media_type, &self.bytes).map_err(|cause| self.of_no_kind(cause))? {
            ManifestKind::Index => self.index(json()?).map(Parsed::Index),
            ManifestKind::Image => self.image(json()?).map(Parsed::Image),
        }
    }

    fn of_no_kind(&self, cause: NoKind) -> ManifestError {
        let digest = self.digest();
        match cause {
            NoKind::Json(cause) => ManifestError::Json { digest, cause },
            NoKind::MediaType(media_type) => ManifestError::MediaType { digest, media_type },
            NoKind::Ambiguous(cause) => ManifestError::Ambiguous { digest, cause },
            NoKind::SchemaOne => ManifestError::SchemaOne { digest },
        }
    }

    fn invalid(&self, cause: &serde_json::Error) -> ManifestError {
        ManifestError::Json { digest: self.digest(), cause: cause.to_string() }
    }

    fn image(&self, source: Value) -> Result<ImageManifest, ManifestError> {
        let layers = self.list(&source, "layers")?;
        if layers.len() > MOST_LAYERS {
            return Err(ManifestError::Layers { digest: self.digest(), count: layers.len() });
        }
        Ok(ImageManifest {
            config: self.read(source.get("config").unwrap_or(&Value::Null))?,
            layers: layers.iter().map(|layer| self.read(layer)).collect::<Result<_, _>>()?,
            annotations: annotations(&source),
            artifact_type: text(&source, "artifactType"),
            subject: self.subject(&source)?,
            source,
        })
    }

    fn index(&self, source: Value) -> Result<ImageIndex, ManifestError> {
        let (mut manifests, mut unreadable) = (Vec::new(), Vec::new());
        for (place, entry) in self.list(&source, "manifests")?.iter().enumerate() {
            match Descriptor::read(entry) {
                Ok(descriptor) => manifests.push(descriptor),
                Err(cause) => unreadable.push(UnreadableEntry { place, source: entry.clone(), cause }),
            }
        }
        Ok(ImageIndex {
            manifests,
            unreadable,
            annotations: annotations(&source),
            artifact_type: text(&source, "artifactType"),
            subject: self.subject(&source)?,
            source,
        })
    }

    fn subject(&self, source: &Value) -> Result<Option<Descriptor>, ManifestError> {
        let subject = source.get("subject").filter(|subject| !subject.is_null());
        subject.map(|subject| self.read(subject)).transpose()
    }

    /// Returns a list of the manifest; an absent one is empty.
    fn list<'a>(&self, source: &'a Value, name: &str) -> Result<&'a [Value], ManifestError> {
        match source.get(name) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(ManifestError::Json { digest: self.digest(), cause: format!("`{name}` is not a list") }),
        }
    }

    fn read(&self, source: &Value) -> Result<Descriptor, ManifestError> {
        Descriptor::read(source).map_err(|cause| ManifestError::Descriptor { digest: self.digest(), cause })
    }
}

fn text(source: &Value, name: &str) -> Option<String> {
    source.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Returns the annotations that are texts.
fn annotations(source: &Value) -> Annotations {
    let all = source.get("annotations").and_then(Value::as_object).into_iter().flatten();
    all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

impl ImageManifest {
    /// Returns a new manifest.
    #[must_use]
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            config,
            layers,
            annotations: Annotations::new(),
            artifact_type: None,
            subject: None,
            source: Value::Null,
        }
    }

    /// OCI's form, in bytes that depend on nothing but `self`: the manifest that was read
    /// with what has changed since, its keys sorted.
    #[must_use]
    pub fn to_raw(&self) -> RawManifest {
        let config = self.config.to_json();
        let layers: Vec<_> = self.layers.iter().map(Descriptor::to_json).collect();
        let known = Known {
            descriptors: vec![("config", config), ("layers", Value::Array(layers))],
            media_type: media_type::MANIFEST,
            annotations: &self.annotations,
            artifact_type: self.artifact_type.as_deref(),
            subject: self.subject.as_ref(),
        };
        known.laid_over(&self.source)
    }
}

impl ImageIndex {
    /// OCI's form, in bytes that depend on nothing but `self`: the index that was read
    /// with what has changed since, its keys sorted.
    #[must_use]
    pub fn to_raw(&self) -> RawManifest {
        let mut manifests: Vec<_> = self.manifests.iter().map(Descriptor::to_json).collect();
        for entry in &self.unreadable {
            manifests.insert(entry.place.min(manifests.len()), entry.source.clone());
        }
        let known = Known {
            descriptors: vec![("manifests", Value::Array(manifests))],
            media_type: media_type::INDEX,
            annotations: &self.annotations,
            artifact_type: self.artifact_type.as_deref(),
            subject: self.subject.as_ref(),
        };
        known.laid_over(&self.source)
    }
}

impl PartialEq for ImageManifest {
    fn eq(&self, other: &Self) -> bool {
        self.to_raw() == other.to_raw()
    }
}

impl Eq for ImageManifest {}

impl PartialEq for ImageIndex {
    fn eq(&self, other: &Self) -> bool {
        self.to_raw() == other.to_raw()
    }
}

impl Eq for ImageIndex {}

/// The fields of a manifest or index that the specification has.
struct Known<'a> {
    /// Descriptors by their fields.
    descriptors: Vec<(&'static str, Value)>,
    media_type: &'static str,
    annotations: &'a Annotations,
    artifact_type: Option<&'a str>,
    subject: Option<&'a Descriptor>,
}

impl Known<'_> {
    fn laid_over(self, source: &Value) -> RawManifest {
        let mut out = source.as_object().cloned().unwrap_or_default();
        let mut set = |name: &str, value: Option<Value>| match value {
            Some(value) => _ = out.insert(name.to_owned(), value),
            None => _ = out.remove(name),
        };
        set("schemaVersion", Some(spec::SCHEMA_VERSION.into()));
        set("mediaType", Some(self.media_type.into()));
        set("artifactType", self.artifact_type.map(Into::into));
        set("subject", self.subject.map(Descriptor::to_json));
        set("annotations", (!self.annotations.is_empty()).then(|| json::of(self.annotations)));
        for (name, value) in self.descriptors {
            set(name, Some(value));
        }
        let bytes = json::bytes(&Value::Object(out));
        RawManifest { media_type: self.media_type.to_owned(), bytes }
    }
}

#[cfg(test)]
mod tests;
