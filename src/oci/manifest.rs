//! Manifests and indexes: raw bytes with their digest, and what they say.
//!
//! Source: image-spec `manifest.md` and `image-index.md`. Read through oci-spec's types;
//! the raw bytes are kept, and the digest is theirs.

use oci_spec::image as spec;
use serde::Deserialize as _;
use serde_json::Value;

use super::descriptor::{Annotations, DescriptorError};
use super::{Descriptor, Digest, json, media_type};

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
    #[error("manifest {digest} has the media type `{media_type}`, which is no image's")]
    MediaType { digest: Digest, media_type: String },
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
    pub annotations: Annotations,
    /// The type of an artifact that is no image.
    pub artifact_type: Option<String>,
    /// The manifest that this index refers to.
    pub subject: Option<Descriptor>,
    /// The index as it was read, whose other fields stay; null for a new one.
    pub source: Value,
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
        let kind = self.claimed_type()?;
        let json = || serde_json::from_slice(&self.bytes).map_err(|cause| self.invalid(&cause));
        if media_type::is_index(&kind) {
            self.index(json()?).map(Parsed::Index)
        } else if media_type::is_manifest(&kind) {
            self.image(json()?).map(Parsed::Image)
        } else {
            Err(ManifestError::MediaType { digest: self.digest(), media_type: kind })
        }
    }

    fn invalid(&self, cause: &serde_json::Error) -> ManifestError {
        ManifestError::Json { digest: self.digest(), cause: cause.to_string() }
    }

    /// Returns the media type in the bytes, which must not contradict the one they came with
    /// (image-spec `manifest.md`, on confusion of the two).
    fn claimed_type(&self) -> Result<String, ManifestError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            media_type: Option<String>,
            manifests: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
        }
        let digest = self.digest();
        let head: Head = serde_json::from_slice(&self.bytes).map_err(|cause| self.invalid(&cause))?;
        let kind = head.media_type.unwrap_or_else(|| self.media_type.clone());
        let contradicts = media_type::is_index(&kind) && head.layers.is_some()
            || media_type::is_manifest(&kind) && head.manifests.is_some();
        if contradicts {
            let cause = "it is an index and a manifest at once".to_owned();
            return Err(ManifestError::Json { digest, cause });
        }
        Ok(kind)
    }

    fn image(&self, source: Value) -> Result<ImageManifest, ManifestError> {
        let layers = list(&source, "layers");
        if layers.len() > MOST_LAYERS {
            return Err(ManifestError::Layers { digest: self.digest(), count: layers.len() });
        }
        let layers = layers.iter().map(|layer| self.read(layer)).collect::<Result<_, _>>()?;
        let config = self.read(source.get("config").unwrap_or(&Value::Null))?;
        let view = spec::ImageManifest::deserialize(&source).map_err(|cause| self.invalid(&cause))?;
        Ok(ImageManifest {
            config,
            layers,
            annotations: view.annotations().clone().unwrap_or_default().into_iter().collect(),
            artifact_type: view.artifact_type().as_ref().map(ToString::to_string),
            subject: self.subject(&source)?,
            source,
        })
    }

    fn index(&self, source: Value) -> Result<ImageIndex, ManifestError> {
        let manifests = list(&source, "manifests").iter();
        let manifests = manifests.map(|entry| self.read(entry)).collect::<Result<_, _>>()?;
        let view = spec::ImageIndex::deserialize(&source).map_err(|cause| self.invalid(&cause))?;
        Ok(ImageIndex {
            manifests,
            annotations: view.annotations().clone().unwrap_or_default().into_iter().collect(),
            artifact_type: view.artifact_type().as_ref().map(ToString::to_string),
            subject: self.subject(&source)?,
            source,
        })
    }

    fn subject(&self, source: &Value) -> Result<Option<Descriptor>, ManifestError> {
        let subject = source.get("subject").filter(|subject| !subject.is_null());
        subject.map(|subject| self.read(subject)).transpose()
    }

    fn read(&self, source: &Value) -> Result<Descriptor, ManifestError> {
        Descriptor::read(source).map_err(|cause| ManifestError::Descriptor { digest: self.digest(), cause })
    }
}

fn list<'a>(source: &'a Value, name: &str) -> &'a [Value] {
    source.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
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
        let manifests: Vec<_> = self.manifests.iter().map(Descriptor::to_json).collect();
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
mod tests {
    use super::*;

    fn raw(media_type: &str, json: &str) -> RawManifest {
        RawManifest { media_type: media_type.to_owned(), bytes: json.as_bytes().to_vec() }
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let manifest = ImageManifest {
            annotations: Annotations::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]),
            ..ImageManifest::new(
                Descriptor::of(media_type::CONFIG, b"{}"),
                vec![Descriptor::of("application/vnd.oci.image.layer.v1.tar+zstd", b"layer")],
            )
        };
        assert_eq!(manifest.to_raw().parse().unwrap(), Parsed::Image(manifest.clone()));
        let platform = Some("linux/arm64/v8".parse().unwrap());
        let entry = Descriptor { platform, ..manifest.to_raw().descriptor() };
        let index = ImageIndex { manifests: vec![entry], ..ImageIndex::default() };
        assert_eq!(index.to_raw().parse().unwrap(), Parsed::Index(index));
    }

    #[test]
    fn unknown_fields_and_subjects_stay_and_key_order_does_not_matter() {
        let descriptor =
            |kind: &str| format!(r#"{{"x":1,"size":2,"mediaType":"{kind}","digest":"{}"}}"#, Digest::of(b""));
        let fields = [
            format!(r#""mediaType":"{}""#, media_type::MANIFEST),
            r#""schemaVersion":2"#.to_owned(),
            r#""artifactType":"a/b""#.to_owned(),
            format!(r#""subject":{}"#, descriptor(media_type::MANIFEST)),
            format!(r#""config":{}"#, descriptor("c/d")),
            format!(r#""layers":[{}]"#, descriptor("e/f")),
            r#""unknown":{"b":1,"a":[2]}"#.to_owned(),
            r#""annotations":{"k":"v"}"#.to_owned(),
        ];
        let forwards = fields.join(",");
        let backwards = fields.iter().rev().cloned().collect::<Vec<_>>().join(",");
        let [one, two] = [forwards, backwards].map(|fields| {
            let raw = raw(media_type::MANIFEST, &format!("{{{fields}}}"));
            let Parsed::Image(manifest) = raw.parse().unwrap() else { panic!() };
            (manifest.subject.clone(), manifest.to_raw(), serde_json::from_slice::<Value>(&raw.bytes).unwrap())
        });
        assert_eq!(one, two);
        let (subject, written, source) = one;
        assert_eq!(serde_json::from_slice::<Value>(&written.bytes).unwrap(), source, "nothing is lost");
        assert_eq!(subject.unwrap().media_type, media_type::MANIFEST);
    }

    #[test]
    fn hostile_manifests_are_errors() {
        for json in [
            "",
            "[]",
            r#"{"schemaVersion":2}"#,
            r#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:0","size":1},"layers":[]}"#,
            r#"{"schemaVersion":2,"layers":[],"manifests":[]}"#,
        ] {
            assert!(raw(media_type::MANIFEST, json).parse().is_err(), "{json}");
        }
        let layer = format!(r#"{{"mediaType":"x","digest":"{}","size":1}}"#, Digest::of(b""));
        let many = |count| {
            let layers = vec![layer.as_str(); count].join(",");
            raw(media_type::MANIFEST, &format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[{layers}]}}"#)).parse()
        };
        assert!(many(MOST_LAYERS).is_ok());
        let error = many(MOST_LAYERS + 1).unwrap_err().to_string();
        assert!(error.ends_with(" has 257 layers, and an image may have 256"), "{error}");
        let artifact = r#"{"schemaVersion":2,"mediaType":"application/vnd.example+json"}"#;
        assert!(matches!(raw(media_type::MANIFEST, artifact).parse(), Err(ManifestError::MediaType { .. })));
    }
}
