//! The media types of manifests, configs and layers, OCI's and docker's.
//!
//! Source: image-spec `media-types.md`, with its compatibility table.

use oci_distribution::manifest as wire;

use super::Compression;

/// OCI's index, the only kind carboy writes.
pub const INDEX: &str = wire::OCI_IMAGE_INDEX_MEDIA_TYPE;
/// OCI's manifest.
pub const MANIFEST: &str = wire::OCI_IMAGE_MEDIA_TYPE;
/// OCI's image configuration.
pub const CONFIG: &str = wire::IMAGE_CONFIG_MEDIA_TYPE;
/// docker's index.
pub const DOCKER_LIST: &str = wire::IMAGE_MANIFEST_LIST_MEDIA_TYPE;
/// docker's manifest.
pub const DOCKER_MANIFEST: &str = wire::IMAGE_MANIFEST_MEDIA_TYPE;
/// docker's image configuration.
pub const DOCKER_CONFIG: &str = wire::IMAGE_DOCKER_CONFIG_MEDIA_TYPE;
const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// The media types that a manifest request accepts.
pub const MANIFESTS: [&str; 4] = [INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];

/// Returns whether a media type is an index's, OCI's or docker's.
#[must_use]
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_LIST)
}

/// Returns whether a media type is a single image's manifest, OCI's or docker's.
#[must_use]
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

/// Returns whether a media type is an image configuration's, OCI's or docker's.
#[must_use]
pub fn is_config(media_type: &str) -> bool {
    matches!(media_type, CONFIG | DOCKER_CONFIG)
}

impl Compression {
    /// Returns the compression that a layer's media type promises; none for unknown types.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            wire::IMAGE_LAYER_MEDIA_TYPE
            | wire::IMAGE_LAYER_NONDISTRIBUTABLE_MEDIA_TYPE
            | wire::IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE => Some(Self::None),
            wire::IMAGE_LAYER_GZIP_MEDIA_TYPE
            | wire::IMAGE_LAYER_NONDISTRIBUTABLE_GZIP_MEDIA_TYPE
            | wire::IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE => Some(Self::Gzip),
            LAYER_ZSTD => Some(Self::Zstd),
            _ => None,
        }
    }

    /// OCI's media type of a layer compressed like this.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::None => wire::IMAGE_LAYER_MEDIA_TYPE,
            Self::Gzip => wire::IMAGE_LAYER_GZIP_MEDIA_TYPE,
            Self::Zstd => LAYER_ZSTD,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_layers_become_ocis() {
        let oci = Compression::of("application/vnd.docker.image.rootfs.diff.tar.gzip").map(Compression::media_type);
        assert_eq!(oci, Some("application/vnd.oci.image.layer.v1.tar+gzip"));
        assert_eq!(Compression::of("application/vnd.in-toto+json"), None);
    }
}
