//! Manifests and indexes: raw bytes with their digest, and what they say.
//!
//! Source: image-spec `manifest.md` and `image-index.md`. Parsed with
//! oci-client's types; the raw bytes are kept, and the digest is theirs.

use oci_distribution::manifest::{ImageIndexEntry, OciImageIndex, OciImageManifest, Platform as WirePlatform};

use super::descriptor::{Annotations, DescriptorError};
use super::{Descriptor, Digest, Platform, media_type};

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

/// One image: its configuration and its layers, lowest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageManifest {
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    pub annotations: Annotations,
}

/// Images for several platforms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageIndex {
    pub manifests: Vec<IndexEntry>,
    pub annotations: Annotations,
}

/// An index's line: a manifest, or an index again, and its platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexEntry {
    pub descriptor: Descriptor,
    pub platform: Option<Platform>,
    pub annotations: Annotations,
}

/// What a raw manifest turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Parsed {
    Image(ImageManifest),
    Index(ImageIndex),
}

impl RawManifest {
    /// The digest of the bytes as they are.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The descriptor of the bytes as they are.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(&self.media_type, &self.bytes)
    }

    /// Reads what the bytes say.
    ///
    /// # Errors
    /// Anything but an image manifest or index, OCI's or docker's.
    pub fn parse(&self) -> Result<Parsed, ManifestError> {
        let json = |cause: serde_json::Error| ManifestError::Json { digest: self.digest(), cause: cause.to_string() };
        let kind = self.claimed_type()?;
        if media_type::is_index(&kind) {
            self.index(serde_json::from_slice(&self.bytes).map_err(json)?).map(Parsed::Index)
        } else if media_type::is_manifest(&kind) {
            self.image(serde_json::from_slice(&self.bytes).map_err(json)?).map(Parsed::Image)
        } else {
            Err(ManifestError::MediaType { digest: self.digest(), media_type: kind })
        }
    }

    /// The media type in the bytes, which must not contradict the one they came
    /// with (image-spec `manifest.md`, on confusion of the two).
    fn claimed_type(&self) -> Result<String, ManifestError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            media_type: Option<String>,
            manifests: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
        }
        let digest = self.digest();
        let head: Head = serde_json::from_slice(&self.bytes)
            .map_err(|cause| ManifestError::Json { digest, cause: cause.to_string() })?;
        let kind = head.media_type.unwrap_or_else(|| self.media_type.clone());
        let contradicts = media_type::is_index(&kind) && head.layers.is_some()
            || media_type::is_manifest(&kind) && head.manifests.is_some();
        if contradicts {
            let cause = "it is an index and a manifest at once".to_owned();
            return Err(ManifestError::Json { digest, cause });
        }
        Ok(kind)
    }

    fn image(&self, wire: OciImageManifest) -> Result<ImageManifest, ManifestError> {
        let checked = |media_type: &str, digest: &str, size| {
            Descriptor::checked(media_type, digest, size)
                .map_err(|cause| ManifestError::Descriptor { digest: self.digest(), cause })
        };
        let count = wire.layers.len();
        if count > MOST_LAYERS {
            return Err(ManifestError::Layers { digest: self.digest(), count });
        }
        let layers = wire.layers.iter().map(|layer| checked(&layer.media_type, &layer.digest, layer.size));
        Ok(ImageManifest {
            config: checked(&wire.config.media_type, &wire.config.digest, wire.config.size)?,
            layers: layers.collect::<Result<_, _>>()?,
            annotations: wire.annotations.unwrap_or_default(),
        })
    }

    fn index(&self, wire: OciImageIndex) -> Result<ImageIndex, ManifestError> {
        let entries = wire.manifests.into_iter().map(|entry| {
            let descriptor = Descriptor::checked(&entry.media_type, &entry.digest, entry.size)
                .map_err(|cause| ManifestError::Descriptor { digest: self.digest(), cause })?;
            let platform = entry.platform.map(|platform| Platform {
                architecture: platform.architecture.to_string(),
                os: platform.os.to_string(),
                variant: platform.variant,
            });
            Ok(IndexEntry { descriptor, platform, annotations: entry.annotations.unwrap_or_default() })
        });
        Ok(ImageIndex {
            manifests: entries.collect::<Result<_, _>>()?,
            annotations: wire.annotations.unwrap_or_default(),
        })
    }
}

impl ImageManifest {
    /// OCI's form, in bytes that depend on nothing but `self`.
    #[must_use]
    pub fn to_raw(&self) -> RawManifest {
        let wire = OciImageManifest {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.to_owned()),
            config: self.config.to_wire(),
            layers: self.layers.iter().map(Descriptor::to_wire).collect(),
            subject: None,
            artifact_type: None,
            annotations: some(&self.annotations),
        };
        RawManifest { media_type: media_type::MANIFEST.to_owned(), bytes: to_json(&wire) }
    }
}

impl ImageIndex {
    /// OCI's form, in bytes that depend on nothing but `self`.
    #[must_use]
    pub fn to_raw(&self) -> RawManifest {
        let entry = |entry: &IndexEntry| ImageIndexEntry {
            media_type: entry.descriptor.media_type.clone(),
            digest: entry.descriptor.digest.to_string(),
            size: i64::try_from(entry.descriptor.size).unwrap_or(i64::MAX),
            platform: entry.platform.as_ref().map(wire_platform),
            annotations: some(&entry.annotations),
            artifact_type: None,
        };
        let wire = OciImageIndex {
            schema_version: 2,
            media_type: Some(media_type::INDEX.to_owned()),
            manifests: self.manifests.iter().map(entry).collect(),
            artifact_type: None,
            annotations: some(&self.annotations),
        };
        RawManifest { media_type: media_type::INDEX.to_owned(), bytes: to_json(&wire) }
    }
}

fn wire_platform(platform: &Platform) -> WirePlatform {
    WirePlatform {
        architecture: platform.architecture.as_str().into(),
        os: platform.os.as_str().into(),
        os_version: None,
        os_features: None,
        variant: platform.variant.clone(),
        features: None,
    }
}

fn some(annotations: &Annotations) -> Option<Annotations> {
    (!annotations.is_empty()).then(|| annotations.clone())
}

/// JSON of a value whose types cannot fail to serialise (no maps with odd keys).
fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("manifest types have string keys only")
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
            config: Descriptor::of(media_type::CONFIG, b"{}"),
            layers: vec![Descriptor::of("application/vnd.oci.image.layer.v1.tar+zstd", b"layer")],
            annotations: Annotations::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]),
        };
        assert_eq!(manifest.to_raw().parse().unwrap(), Parsed::Image(manifest.clone()));
        let index = ImageIndex {
            manifests: vec![IndexEntry {
                descriptor: manifest.to_raw().descriptor(),
                platform: Some("linux/arm64/v8".parse().unwrap()),
                annotations: Annotations::new(),
            }],
            annotations: Annotations::new(),
        };
        assert_eq!(index.to_raw().parse().unwrap(), Parsed::Index(index));
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
