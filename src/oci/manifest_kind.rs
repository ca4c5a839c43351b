//! The kind of a manifest: an image's or an index.
//!
//! Source: image-spec `manifest.md` and `image-index.md` on `mediaType`, and GHSA-77vh-xpmg-72qh on
//! documents that some readers take for a manifest and others for an index. The media type that the
//! manifest came with and its own must not contradict each other, nor its fields. Without either,
//! as files behind a web server have it, the fields decide.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::media_type::{self, essence};

/// The media type of docker's schema 1, with or without a signature.
const SCHEMA_ONE: &str = "application/vnd.docker.distribution.manifest.v1+";
/// The beginning of media types that name a kind of their own.
const OF_VENDORS: &str = "application/vnd.";

/// The kind of a manifest that carboy reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ManifestKind {
    Image,
    Index,
}

/// The reason why a manifest is neither.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NoKind {
    /// It is not JSON of the form of a manifest.
    Json(String),
    /// The media type is another kind's.
    MediaType(String),
    /// Readers may take it for either.
    Ambiguous(String),
    /// It is in docker's schema 1.
    SchemaOne,
}

/// The fields that tell the kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(default)]
    media_type: Value,
    #[serde(default)]
    schema_version: Value,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

impl ManifestKind {
    fn named(media_type: &str) -> Option<Self> {
        match () {
            () if media_type::is_index(media_type) => Some(Self::Index),
            () if media_type::is_manifest(media_type) => Some(Self::Image),
            () => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Image => "a manifest",
            Self::Index => "an index",
        }
    }
}

impl Fields {
    fn is_schema_one(&self) -> bool {
        self.schema_version == 1 || self.fs_layers.is_some()
    }

    fn of_image(&self) -> bool {
        self.config.is_some() || self.layers.is_some()
    }
}

/// Returns the kind of a manifest that came with a media type.
///
/// # Errors
/// Bytes that are not JSON; media types or fields that contradict each other; any other kind.
pub(super) fn of(media_type: &str, bytes: &[u8]) -> Result<ManifestKind, NoKind> {
    let fields: Fields = serde_json::from_slice(bytes).map_err(|cause| NoKind::Json(cause.to_string()))?;
    let (sent, own) = (essence(media_type), essence(fields.media_type.as_str().unwrap_or_default()));
    if [&sent, &own].iter().any(|name| name.starts_with(SCHEMA_ONE)) || fields.is_schema_one() {
        return Err(NoKind::SchemaOne);
    }
    if !fields.schema_version.is_null() && fields.schema_version != 2 {
        return Err(NoKind::Json(format!("`schemaVersion` is {}, not 2", fields.schema_version)));
    }
    let of_fields = match (fields.of_image(), fields.manifests.is_some()) {
        (true, true) => return Err(NoKind::Ambiguous("it is an index and a manifest at once".to_owned())),
        (true, false) => Some(ManifestKind::Image),
        (false, true) => Some(ManifestKind::Index),
        (false, false) => None,
    };
    let (of_own, of_sent) = (ManifestKind::named(&own), ManifestKind::named(&sent));
    if let (Some(own), Some(sent)) = (of_own, of_sent)
        && own != sent
    {
        return Err(NoKind::Ambiguous(format!("it says that it is {}, and was sent as {}", own.name(), sent.name())));
    }
    let told = if own.is_empty() { of_sent } else { of_own };
    // A media type of any JSON, or of any bytes, leaves the decision to the fields.
    let is_general = own.is_empty() && !sent.starts_with(OF_VENDORS);
    let Some(kind) = told.or(of_fields.filter(|_| is_general)) else {
        return Err(NoKind::MediaType(if own.is_empty() { sent } else { own }));
    };
    match of_fields {
        Some(other) if other != kind => Err(NoKind::Ambiguous(format!(
            "it is {} by its media type and {} by its fields",
            kind.name(),
            other.name()
        ))),
        _ => Ok(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::media_type::{DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST};

    fn kind(sent: &str, json: &str) -> Result<ManifestKind, NoKind> {
        of(sent, json.as_bytes())
    }

    const IMAGE: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    const LIST: &str = r#"{"schemaVersion":2,"manifests":[],"layers":null}"#;

    fn with_type(json: &str, media_type: &str) -> String {
        json.replacen('{', &format!(r#"{{"mediaType":"{media_type}","#), 1)
    }

    #[test]
    fn media_types_decide_and_without_one_the_fields_do() {
        let general =
            ["", "application/json", "text/plain", "application/octet-stream", "application/json; charset=utf-8"];
        for sent in general {
            assert_eq!(kind(sent, IMAGE).unwrap(), ManifestKind::Image, "{sent}");
            assert_eq!(kind(sent, LIST).unwrap(), ManifestKind::Index, "{sent}");
            assert_eq!(kind(sent, &with_type(IMAGE, DOCKER_MANIFEST)).unwrap(), ManifestKind::Image);
            assert_eq!(kind(sent, &with_type(LIST, INDEX)).unwrap(), ManifestKind::Index);
            assert_eq!(kind(sent, &with_type(IMAGE, "")).unwrap(), ManifestKind::Image);
        }
        let own = MANIFEST.to_uppercase() + " ; a=b";
        for sent in [MANIFEST, DOCKER_MANIFEST, own.as_str()] {
            assert_eq!(kind(sent, IMAGE).unwrap(), ManifestKind::Image, "{sent}");
            assert_eq!(kind(sent, &with_type(IMAGE, MANIFEST)).unwrap(), ManifestKind::Image, "{sent}");
        }
        assert_eq!(kind(DOCKER_LIST, r#"{"schemaVersion":2}"#).unwrap(), ManifestKind::Index);
    }

    #[test]
    fn what_two_readers_take_for_two_things_is_refused() {
        for (sent, json) in [
            ("", r#"{"layers":[],"manifests":[]}"#.to_owned()),
            (MANIFEST, r#"{"config":{},"manifests":[]}"#.to_owned()),
            (INDEX, r#"{"config":{},"manifests":[]}"#.to_owned()),
            (INDEX, IMAGE.to_owned()),
            (MANIFEST, LIST.to_owned()),
            (MANIFEST, with_type(LIST, INDEX)),
            (DOCKER_LIST, with_type(IMAGE, DOCKER_MANIFEST)),
            ("", with_type(IMAGE, INDEX)),
        ] {
            let error = kind(sent, &json).unwrap_err();
            assert!(matches!(error, NoKind::Ambiguous(_)), "{sent} {json}: {error:?}");
        }
    }

    #[test]
    fn other_kinds_are_named() {
        let other = "application/vnd.example+json";
        for (sent, json) in [
            (other, IMAGE.to_owned()),
            (MANIFEST, with_type(IMAGE, other)),
            ("text/plain", r#"{"blobs":[]}"#.to_owned()),
        ] {
            let error = kind(sent, &json).unwrap_err();
            assert!(matches!(error, NoKind::MediaType(_)), "{sent} {json}: {error:?}");
        }
        for (sent, json) in [
            ("application/vnd.docker.distribution.manifest.v1+prettyjws", "{}"),
            ("application/vnd.docker.distribution.manifest.v1+json", "{}"),
            ("", r#"{"schemaVersion":1,"fsLayers":[],"history":[],"signatures":[]}"#),
        ] {
            assert!(matches!(kind(sent, json), Err(NoKind::SchemaOne)), "{sent} {json}");
        }
        for json in [
            "",
            "[]",
            "7",
            r#"{"layers":[],"layers":[]}"#,
            "\"x\"",
            r#"{"schemaVersion":"2"}"#,
            r#"{"schemaVersion":3}"#,
        ] {
            assert!(matches!(kind(MANIFEST, json), Err(NoKind::Json(_))), "{json}");
        }
    }
}
