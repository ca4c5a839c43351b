//! Puts base, layers and process together: configuration, manifest, index.
//!
//! Source: image-spec `manifest.md`, `image-index.md`, `annotations.md`.

use oci_spec::image::{ANNOTATION_BASE_IMAGE_DIGEST, ANNOTATION_BASE_IMAGE_NAME, ANNOTATION_CREATED};

use super::config::{ConfigError, ImageConfig, NewLayer};
use super::process::Process;
use crate::oci::descriptor::Annotations;
use crate::oci::{Descriptor, Digest, ImageIndex, ImageManifest, Platform, RawManifest, media_type};

/// The base's parts that the image continues.
#[derive(Clone, Debug)]
pub struct BaseRef<'a> {
    pub config: &'a ImageConfig,
    pub layers: &'a [Descriptor],
    /// The platform as the base's index lists it.
    pub platform: &'a Platform,
}

/// The origin of an image, for its annotations.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// Left out for local sources: no path of the building machine is in an image.
    pub base_name: Option<String>,
    pub base_digest: Option<Digest>,
    /// An RFC 3339 time.
    pub created: String,
    /// The user's own, which win.
    pub own: Annotations,
}

/// One platform's image, ready to be pushed.
#[derive(Clone, Debug)]
pub struct Assembled {
    pub config: Vec<u8>,
    pub manifest: RawManifest,
    pub platform: Platform,
}

impl Lineage {
    fn annotations(&self) -> Annotations {
        let mut out = Annotations::new();
        let mut set = |key: &str, value: Option<String>| value.map(|value| out.insert(key.to_owned(), value));
        set(ANNOTATION_BASE_IMAGE_NAME, self.base_name.clone());
        set(ANNOTATION_BASE_IMAGE_DIGEST, self.base_digest.map(|digest| digest.to_string()));
        set(ANNOTATION_CREATED, Some(self.created.clone()));
        out.extend(self.own.clone());
        out
    }
}

/// Returns the image of one platform: the base's layers as they are, then carboy's own.
///
/// A base with docker media types becomes an OCI image: the same bytes under OCI's
/// media types. The base's descriptors keep all else that they say, such as the annotations
/// with which eStargz and zstd:chunked layers are pulled lazily, and a media type that names
/// another compression than the layer's bytes have: consumers look at the bytes too.
///
/// # Errors
/// A base whose configuration is not as specified.
pub fn assemble(
    base: &BaseRef<'_>,
    layers: &[(Descriptor, NewLayer)],
    process: &Process,
    lineage: &Lineage,
) -> Result<Assembled, ConfigError> {
    let (descriptors, added): (Vec<_>, Vec<_>) = layers.iter().cloned().unzip();
    let config = base.config.extend(&added, process, &lineage.created)?;
    let as_oci = |layer: &Descriptor| Descriptor {
        media_type: media_type::oci_layer(&layer.media_type).unwrap_or(&layer.media_type).to_owned(),
        ..layer.clone()
    };
    let layers = base.layers.iter().map(as_oci).chain(descriptors).collect();
    let manifest = ImageManifest {
        annotations: lineage.annotations(),
        ..ImageManifest::new(Descriptor::of(media_type::CONFIG, &config), layers)
    };
    Ok(Assembled { config, manifest: manifest.to_raw(), platform: base.platform.clone() })
}

/// Returns the index over all platforms, in their order.
#[must_use]
pub fn index(images: &[Assembled], lineage: &Lineage) -> RawManifest {
    let entry =
        |image: &Assembled| Descriptor { platform: Some(image.platform.clone()), ..image.manifest.descriptor() };
    let manifests = images.iter().map(entry).collect();
    ImageIndex { manifests, annotations: lineage.annotations(), ..ImageIndex::default() }.to_raw()
}
