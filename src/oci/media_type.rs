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
const FOREIGN_ZSTD: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
/// docker's zstd layers, as `BuildKit` writes them without `oci-mediatypes`.
const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";
const DOCKER_FOREIGN_GZIP: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

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

/// Returns OCI's name for a layer's media type; none for media types that are not a layer's.
#[must_use]
pub fn oci_layer(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        wire::IMAGE_LAYER_MEDIA_TYPE | wire::IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE => wire::IMAGE_LAYER_MEDIA_TYPE,
        wire::IMAGE_LAYER_GZIP_MEDIA_TYPE | wire::IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE => {
            wire::IMAGE_LAYER_GZIP_MEDIA_TYPE
        }
        LAYER_ZSTD | DOCKER_LAYER_ZSTD => LAYER_ZSTD,
        wire::IMAGE_LAYER_NONDISTRIBUTABLE_MEDIA_TYPE | DOCKER_FOREIGN => wire::IMAGE_LAYER_NONDISTRIBUTABLE_MEDIA_TYPE,
        wire::IMAGE_LAYER_NONDISTRIBUTABLE_GZIP_MEDIA_TYPE | DOCKER_FOREIGN_GZIP => {
            wire::IMAGE_LAYER_NONDISTRIBUTABLE_GZIP_MEDIA_TYPE
        }
        FOREIGN_ZSTD => FOREIGN_ZSTD,
        _ => return None,
    })
}

/// Returns whether a layer's media type says that registries need not have it ("foreign" layers).
#[must_use]
pub fn is_foreign(media_type: &str) -> bool {
    oci_layer(media_type).is_some_and(|name| name.contains(".nondistributable."))
}

/// Returns a media type as it is compared: without parameters, in lower case.
#[must_use]
pub fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

impl Compression {
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
        for (media_type, name) in [
            ("application/vnd.docker.image.rootfs.diff.tar", "layer.v1.tar"),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", "layer.v1.tar+gzip"),
            ("application/vnd.docker.image.rootfs.diff.tar.zstd", "layer.v1.tar+zstd"),
            ("application/vnd.oci.image.layer.v1.tar+zstd", "layer.v1.tar+zstd"),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "layer.nondistributable.v1.tar+gzip"),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "layer.nondistributable.v1.tar+zstd"),
        ] {
            let name = format!("application/vnd.oci.image.{name}");
            assert_eq!(oci_layer(media_type), Some(name.as_str()));
            assert_eq!(oci_layer(&name), Some(name.as_str()));
            assert_eq!(is_foreign(media_type), name.contains("nondistributable"));
        }
        assert_eq!(oci_layer("application/vnd.in-toto+json"), None);
        assert_eq!(oci_layer("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), None);
        assert_eq!(essence(" Application/JSON; charset=utf-8"), "application/json");
    }
}
