//! The files about a build: digests, references, and a JSON document. Pure.
//!
//! **`--metadata-file`** has the keys of `docker buildx build --metadata-file`:
//! `containerimage.digest`, `containerimage.descriptor`, `containerimage.config.digest` (of an image
//! of one platform) and `image.name` (the names, comma-separated). Beside them:
//!
//! - `carboy.outputs`: `[{reference, place, names, digest}]`
//! - `carboy.platforms`: `[{platform, descriptor, config, base, python, layers}]`; `base` is the
//!   digest of the base's manifest, `layers` are those that carboy made
//! - `carboy.base`: `{name, digest}`, `carboy.builder`: its name
//!
//! With several profiles, the document is an object of such objects by the names of the profiles.

use serde_json::{Map, Value, json};

use super::json::{list, text};
use super::json_lines::{layer_object, output_object};
use crate::assemble::report::{OutputKind, OutputReport, PlatformReport, Report};
use crate::oci::media_type;

/// Returns the digests of the images, a line for each, without a newline at the end.
#[must_use]
pub fn digests_text(reports: &[Report]) -> String {
    reports.iter().map(|report| report.digest.to_string()).collect::<Vec<_>>().join("\n")
}

/// Returns `REFERENCE@DIGEST` of each image, followed by those of the manifests in its index.
#[must_use]
pub fn image_refs_text(reports: &[Report]) -> String {
    let mut lines = Vec::new();
    for report in reports {
        let has_index = media_type::is_index(&report.root.media_type);
        let kept = |output: &&OutputReport| !matches!(output.kind, OutputKind::Engine | OutputKind::DockerArchive);
        for output in report.outputs.iter().filter(kept) {
            lines.push(format!("{}@{}\n", output.place, output.digest));
            for platform in report.platforms.iter().filter(|_| has_index) {
                lines.push(format!("{}@{}\n", output.place, platform.manifest.digest));
            }
        }
    }
    lines.concat()
}

/// Returns the document of `--metadata-file`. Ends with a newline.
#[must_use]
pub fn metadata_json(reports: &[Report]) -> String {
    let document = match reports {
        [report] => metadata(report),
        reports => {
            let name = |report: &Report| report.profile.clone().unwrap_or_else(|| "default".to_owned());
            Value::Object(reports.iter().map(|report| (name(report), metadata(report))).collect())
        }
    };
    text(&document) + "\n"
}

fn metadata(report: &Report) -> Value {
    let mut out = Map::new();
    let mut set = |key: &str, value: Value| out.insert(key.to_owned(), value);
    set("containerimage.digest", json!(report.digest));
    set("containerimage.descriptor", report.root.to_json());
    if let [only] = report.platforms.as_slice() {
        set("containerimage.config.digest", json!(only.config.digest));
    }
    set("image.name", json!(report.outputs.iter().flat_map(names).collect::<Vec<_>>().join(",")));
    set("carboy.outputs", list(&report.outputs, output_object));
    set("carboy.platforms", list(&report.platforms, platform));
    set("carboy.base", json!({ "name": report.base, "digest": report.base_digest }));
    set("carboy.builder", json!(report.builder));
    Value::Object(out)
}

/// Returns the whole names of an image at an output.
fn names(output: &OutputReport) -> Vec<String> {
    match output.kind {
        OutputKind::Engine | OutputKind::DockerArchive => output.names.clone(),
        _ if output.names.is_empty() => vec![output.place.clone()],
        _ => output.names.iter().map(|name| format!("{}:{name}", output.place)).collect(),
    }
}

fn platform(report: &PlatformReport) -> Value {
    json!({
        "platform": report.platform.to_string(),
        "descriptor": report.manifest.to_json(),
        "config": report.config.digest,
        "base": report.base_digest,
        "python": report.python,
        "layers": list(&report.layers, layer_object),
    })
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::{narrow_report, output, report};
    use super::*;
    use crate::oci::Digest;

    #[test]
    fn references_are_of_the_index_and_of_its_manifests() {
        let mut report = report();
        report.outputs.push(output("docker-archive:x.tar", OutputKind::DockerArchive, &[]));
        let [index, amd64, arm64] = ["index", "amd64", "arm64"].map(|text| Digest::of(text.as_bytes()));
        let place = "ghcr.io/acme/shop";
        assert_eq!(
            image_refs_text(std::slice::from_ref(&report)),
            format!("{place}@{index}\n{place}@{amd64}\n{place}@{arm64}\n")
        );
        assert_eq!(digests_text(&[report.clone(), report.clone()]), format!("{index}\n{index}"));
        assert_eq!(report.lines().len(), 2);
    }

    #[test]
    fn metadata_has_buildx_keys_and_profiles_have_objects() {
        let one: Value = serde_json::from_str(&metadata_json(&[narrow_report()])).unwrap();
        assert_eq!(one["containerimage.digest"], json!(Digest::of(b"index")));
        assert_eq!(one["containerimage.descriptor"]["mediaType"], media_type::INDEX);
        assert_eq!(one["containerimage.descriptor"]["size"], 5);
        assert_eq!(one["containerimage.config.digest"], json!(Digest::of(b"aarch64")));
        assert_eq!(one["image.name"], "ghcr.io/acme/shop:1.4.2");
        assert_eq!(one["carboy.platforms"][0]["platform"], "linux/arm64");
        assert_eq!(one["carboy.base"]["name"], "gcr.io/distroless/cc-debian13:nonroot");
        let two = [report(), Report { profile: Some("debug".to_owned()), ..report() }];
        let two: Value = serde_json::from_str(&metadata_json(&two)).unwrap();
        assert_eq!(two["debug"], two["default"]);
        assert!(two["default"].get("containerimage.config.digest").is_none(), "of two platforms");
    }
}
