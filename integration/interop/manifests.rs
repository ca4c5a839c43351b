//! Manifests, indexes and configurations as registries and tools write them.

use serde_json::{Value, json};

use crate::odd_image::{CONFIG, GZIP, INDEX, MANIFEST, OddImage, gzip, tar};
use crate::scripted::{Reply, Scripted};
use crate::workbench::Workbench;

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// An image for linux/amd64 whose configuration has `change`, and its manifest.
fn image(change: &Value) -> (OddImage, Value) {
    let mut image = OddImage::default();
    let tar = tar();
    let layer = image.add(GZIP, &gzip(&tar));
    let manifest = image.image(&[layer], &[&tar], change);
    (image, manifest)
}

/// An index of entries, with `APPLICATION` in place of the image's descriptor.
fn index(change: &Value, entries: impl Fn(Value) -> Vec<Value>) -> OddImage {
    let (mut image, manifest) = image(change);
    let descriptor = image.manifest(&manifest, Some(MANIFEST));
    image.tag_index(&entries(descriptor));
    image
}

fn with(descriptor: &Value, name: &str, value: &Value) -> Value {
    let mut descriptor = descriptor.clone();
    descriptor[name] = value.clone();
    descriptor
}

fn amd64() -> Value {
    json!({ "os": "linux", "architecture": "amd64" })
}

#[test]
fn manifests_without_a_media_type_are_known_by_their_fields() {
    for sent in [None, Some("application/json"), Some("text/plain; charset=utf-8"), Some("application/octet-stream")] {
        let (mut odd, mut manifest) = image(&json!({}));
        manifest.as_object_mut().unwrap().remove("mediaType");
        odd.tag(&manifest, sent);
        let run = Workbench::new().build_served(odd);
        assert_eq!(run.code, Some(0), "{sent:?}: {}", run.stderr);
    }
    for sent in [None, Some("application/json"), Some("Application/vnd.OCI.image.index.v1+JSON; a=b")] {
        let (mut odd, manifest) = image(&json!({}));
        let entry = with(&odd.manifest(&manifest, sent.filter(|_| false)), "platform", &amd64());
        odd.tag(&json!({ "schemaVersion": 2, "manifests": [entry] }), sent);
        let run = Workbench::new().build_served(odd);
        assert_eq!(run.code, Some(0), "{sent:?}: {}", run.stderr);
    }
}

#[test]
fn media_types_of_docker_and_oci_may_be_mixed() {
    let (mut odd, manifest) = image(&json!({}));
    odd.tag(&manifest, Some(DOCKER));
    Workbench::new().succeeds(&odd);
}

#[test]
fn a_manifest_that_is_two_things_is_refused() {
    let (mut odd, mut manifest) = image(&json!({}));
    manifest["manifests"] = json!([]);
    odd.tag(&manifest, Some(MANIFEST));
    let told = Workbench::new().fails(odd);
    assert!(told.contains(" is ambiguous: it is an index and a manifest at once"), "{told}");
    let (mut odd, manifest) = image(&json!({}));
    odd.tag(&manifest, Some(INDEX));
    let told = Workbench::new().fails(odd);
    assert!(told.contains(" is ambiguous: it says that it is a manifest, and was sent as an index"), "{told}");
}

#[test]
fn entries_that_nobody_asks_for_do_not_matter() {
    let gone = format!("sha256:{}", "0".repeat(64));
    let entry = |change: Value| {
        let mut entry = json!({ "mediaType": MANIFEST, "digest": gone, "size": 1 });
        for (name, value) in change.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    };
    for odd in [
        entry(json!({})),
        entry(json!({ "platform": {} })),
        entry(json!({ "platform": null })),
        entry(json!({ "platform": { "architecture": "arm64" } })),
        entry(json!({ "platform": { "os": "windows", "architecture": "amd64", "os.version": "10.0" } })),
        entry(json!({ "platform": { "os": "unknown", "architecture": "unknown" } })),
        entry(json!({ "platform": amd64(), "artifactType": "application/vnd.in-toto+json" })),
        entry(
            json!({ "digest": format!("sha512:{}", "a".repeat(128)), "platform": { "os": "linux", "architecture": "s390x" } }),
        ),
        entry(json!({ "digest": "sha256:abc" })),
        entry(json!({ "digest": null })),
        entry(json!({ "size": -1 })),
        entry(json!({ "mediaType": "application/vnd.example" })),
        entry(json!({ "mediaType": 7 })),
        json!("what is this"),
        Value::Null,
    ] {
        let odd_index = index(&json!({}), |image| vec![odd.clone(), with(&image, "platform", &amd64()), odd.clone()]);
        let run = Workbench::new().build_served(odd_index);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{odd}");
    }
}

#[test]
fn an_image_without_a_platform_in_its_index_is_found_by_its_configuration() {
    let mut odd =
        index(&json!({}), |image| vec![json!({ "mediaType": MANIFEST, "digest": "sha512:00", "size": 1 }), image]);
    Workbench::new().succeeds(&odd);
    // An artifact's manifest beside it.
    let empty = odd.add("application/vnd.oci.empty.v1+json", b"{}");
    let artifact =
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "a/b", "config": empty, "layers": [] });
    let artifact = odd.manifest(&artifact, Some(MANIFEST));
    let (mut other, manifest) = image(&json!({}));
    let image = other.manifest(&manifest, Some(MANIFEST));
    odd.tag_index(&[artifact, image]);
    Workbench::new().succeeds(&odd);
}

#[test]
fn nested_indexes_are_followed_to_a_depth() {
    for (depth, code) in [(1, 0), (3, 0), (6, 1)] {
        let (mut odd, manifest) = image(&json!({}));
        let mut entry = with(&odd.manifest(&manifest, Some(MANIFEST)), "platform", &amd64());
        for _ in 0..depth {
            entry = odd.manifest(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }), Some(INDEX));
        }
        odd.tag_index(&[with(&entry, "platform", &amd64())]);
        let run = Workbench::new().build_served(odd);
        assert_eq!(run.code, Some(code), "{depth}: {}", run.stderr);
    }
}

#[test]
fn the_index_wins_over_the_configuration() {
    for change in [
        json!({ "architecture": "arm64", "variant": "v8" }),
        json!({ "architecture": "DELETE" }),
        json!({ "os": null }),
    ] {
        let odd = index(&change, |image| vec![with(&image, "platform", &amd64())]);
        let run = Workbench::new().succeeds(&odd);
        let config = run.config();
        assert_eq!(
            (&config["os"], &config["architecture"], &config["variant"]),
            (&json!("linux"), &json!("amd64"), &Value::Null)
        );
        let expected = if change["variant"].is_null() {
            ""
        } else {
            "warning[platform-doubt]: SCRIPTED/odd/base:1: its index lists the image for linux/amd64, its configuration for linux/arm64/v8\n\
             hint: carboy follows the index; if programs do not start, push that image again for the right platform"
        };
        assert_eq!(run.stderr, expected);
    }
}

#[test]
fn configurations_with_nulls_and_gaps_are_built_upon() {
    let tar = carboy::oci::Digest::of(&tar()).to_string();
    for change in [
        json!({ "config": null, "created": null, "history": null, "author": null }),
        json!({ "config": { "Env": null, "Cmd": null, "Labels": null, "Volumes": null, "ExposedPorts": null, "OnBuild": null } }),
        json!({ "created": "" }),
        json!({ "history": [] }),
        json!({ "history": [{ "created_by": "a" }, { "created_by": "b" }, { "created_by": "c", "empty_layer": true }] }),
        json!({ "history": [{}, {}, {}, {}, {}] }),
        json!({ "rootfs": { "diff_ids": [tar] , "type": "layers", "extra": 1 } }),
        json!({ "docker_version": "20.10", "container_config": { "Cmd": null }, "moby.buildkit.buildinfo.v1": "e30=" }),
    ] {
        let (mut odd, manifest) = image(&change);
        odd.tag(&manifest, Some(MANIFEST));
        Workbench::new().succeeds(&odd);
    }
}

#[test]
fn configurations_that_cannot_be_right_are_named() {
    let two = json!({ "type": "layers", "diff_ids": ["sha256:0", "sha256:1"] });
    let right = json!({ "type": "layers", "diff_ids": [] });
    for (change, told) in [
        (json!({ "rootfs": "DELETE" }), "its configuration has no valid `rootfs.diff_ids`"),
        (json!({ "rootfs": two }), "its configuration has no valid `rootfs.diff_ids`"),
        (json!({ "rootfs": right }), "its configuration lists 0 layers, its manifest 1"),
        (json!({ "architecture": null }), "its configuration has no valid `architecture`"),
    ] {
        let (mut odd, manifest) = image(&change);
        odd.tag(&manifest, Some(MANIFEST));
        let run = Workbench::new().fails(odd);
        assert!(run.contains(told), "{change}: {run}");
    }
}

#[test]
fn what_carboy_cannot_use_is_said_in_its_own_words() {
    let (mut schema_one, _) = image(&json!({}));
    let manifest = json!({ "schemaVersion": 1, "name": "odd/base", "tag": "1", "architecture": "amd64", "fsLayers": [], "history": [] });
    schema_one.tag(&manifest, Some("application/vnd.docker.distribution.manifest.v1+prettyjws"));

    let elsewhere = json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
    let windows = json!({ "os": "windows", "architecture": "amd64" });
    let other_platforms =
        index(&json!({}), |image| vec![with(&image, "platform", &elsewhere), with(&image, "platform", &windows)]);

    let lost = format!("sha256:{}", "7".repeat(64));
    let gone =
        index(&json!({}), |_| vec![json!({ "mediaType": MANIFEST, "digest": lost, "size": 1, "platform": amd64() })]);
    let foreign_digest = index(&json!({}), |_| {
        vec![json!({ "mediaType": MANIFEST, "digest": "sha512:00", "size": 1, "platform": amd64() })]
    });

    let mut chart = OddImage::default();
    let config = chart.add("application/vnd.cncf.helm.config.v1+json", b"{}");
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] });
    chart.tag(&manifest, Some(MANIFEST));

    let mut encrypted = OddImage::default();
    let layer = encrypted.add("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", b"?");
    let manifest = encrypted.image(&[layer], &[b"?"], &json!({}));
    encrypted.tag(&manifest, Some(MANIFEST));

    let told: Vec<_> = [schema_one, other_platforms, gone, foreign_digest, chart, encrypted]
        .into_iter()
        .map(|image| Workbench::new().fails(image))
        .collect();
    insta::assert_snapshot!(told.join("\n\n"), @r"
    error[invalid-image]: SCRIPTED/odd/base:1 is not a valid image: manifest sha256:e499ed4c31f520fd23d06c79cdd4d5dab10129627ed11722b664488e94e0dd88 is in docker's old schema 1
    hint: pull and push that image with a current docker, or copy it with `skopeo copy --format v2s2`

    error[no-platform]: SCRIPTED/odd/base:1 has no image for linux/amd64
    hint: it has windows/amd64, linux/arm64/v8; choose with --platform

    error[not-found]: SCRIPTED/odd/base:1 is incomplete: its index lists manifest sha256:7777777777777777777777777777777777777777777777777777777777777777, which is not there
    hint: a cleanup may have deleted it; push that image again, or name another tag

    error[invalid-image]: SCRIPTED/odd/base:1 is not a valid image: manifest sha256:0b63ae0f11b40abc273a0358dc1f7d387683289758aad0e683890b3e65cb58a5 has an invalid descriptor: `sha512:00` is not a sha256 digest

    error[invalid-image]: SCRIPTED/odd/base:1 is not supported: its configuration has the media type `application/vnd.cncf.helm.config.v1+json`
    hint: it is an artifact of another kind than a container image: check its name and tag

    error[invalid-image]: SCRIPTED/odd/base:1 is not supported: its layer has the media type `application/vnd.oci.image.layer.v1.tar+gzip+encrypted`
    hint: decrypt that image first, as with `skopeo copy --decryption-key`
    ");
}

#[test]
fn an_image_that_is_gone_is_told_from_a_tag_that_is() {
    let server = Scripted::start(|_| Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown"));
    let mut bench = Workbench::new();
    let tag = bench.build_from(&server).stderr;
    let digest = bench.build(&format!("{}/odd/base@sha256:{}", server.host, "0".repeat(64)), &[]).stderr;
    insta::assert_snapshot!(format!("{tag}\n\n{digest}"), @r"
    error[not-found]: no such image or tag: SCRIPTED/odd/base:1

    error[not-found]: no such image: SCRIPTED/odd/base@sha256:0000000000000000000000000000000000000000000000000000000000000000
    hint: registries delete manifests that no tag names; look up the digest of a current tag
    ");
}

#[test]
fn platforms_that_carboy_does_not_know_are_named() {
    let bench = Workbench::new();
    let told = ["windows/amd64", "linux/mips64le", "linux/arm/v6", "linux"].map(|platform| {
        let run = bench.build("scratch", &["--platform", platform]);
        assert_eq!(run.code, Some(2), "{platform}");
        run.stderr
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    error[invalid-configuration]: carboy cannot build for windows/amd64, only for linux/amd64, linux/arm64, linux/arm/v7, linux/riscv64, linux/ppc64le, linux/s390x, linux/386
    hint: carboy assembles images for Linux only: leave windows/amd64 out of `platforms`
    error[invalid-configuration]: carboy cannot build for linux/mips64le, only for linux/amd64, linux/arm64, linux/arm/v7, linux/riscv64, linux/ppc64le, linux/s390x, linux/386
    hint: leave linux/mips64le out of `platforms`
    error[invalid-configuration]: carboy cannot build for linux/arm/v6, only for linux/amd64, linux/arm64, linux/arm/v7, linux/riscv64, linux/ppc64le, linux/s390x, linux/386
    hint: the oldest variant of this architecture that Debian supports is linux/arm/v7
    error[invalid-argument]: invalid `--platform`: `linux` is not a platform: write os/architecture, as in linux/arm64
    ");
}

#[test]
fn a_layout_may_list_what_carboy_cannot_read() {
    let bench = Workbench::new();
    let path = bench.path("layout");
    OddImage::small().write(&path);
    let index = path.join("index.json");
    let mut content: Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
    let entries = content["manifests"].as_array_mut().unwrap();
    entries[0].as_object_mut().unwrap().remove("mediaType");
    for odd in
        [json!({ "digest": "sha512:00", "size": 1 }), json!({ "digest": 7 }), json!({ "annotations": { "a": null } })]
    {
        entries.insert(0, odd);
    }
    std::fs::write(&index, content.to_string()).unwrap();
    let run = bench.build(&format!("oci:{}:1", path.display()), &[]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn docker_types_of_configurations_are_read() {
    let (mut odd, mut manifest) = image(&json!({}));
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    manifest["mediaType"] = json!(DOCKER);
    odd.tag(&manifest, Some(DOCKER));
    Workbench::new().succeeds(&odd);
}
