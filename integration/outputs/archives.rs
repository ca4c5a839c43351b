//! Layouts and archives, alone and beside a registry.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::site::{Site, digest, member, raw, read};
use crate::support::{layout, run};

const AMD64: &str = "--platform=linux/amd64";

#[test]
fn every_output_has_the_same_image() {
    let site = Site::new();
    let lines =
        site.built(&["--to=REG/every/hello:1", "--to=oci:OUT/layout:1", "--to=oci-archive:OUT/x.tar:1", "--tag=extra"]);
    let [registry, layout, archive] = &lines[..] else { panic!("{lines:?}") };
    let want = digest(registry);
    assert_eq!(site.short(registry), format!("REG/every/hello@{want}"), "it has two tags");
    assert_eq!(site.short(layout), format!("oci:OUT/layout@{want}"));
    assert_eq!(site.short(archive), format!("oci-archive:OUT/x.tar@{want}"));
    for name in ["1", "extra"] {
        assert_eq!(run("crane", ["digest", &site.full(&format!("REG/every/hello:{name}"))]).trim(), want);
        for image in [format!("oci:OUT/layout:{name}"), format!("oci-archive:OUT/x.tar:{name}")] {
            let (index, found) = raw(&site.full(&image));
            assert_eq!(found, want, "{image}");
            assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
        }
    }
    // skopeo verifies the digest of every blob that it copies.
    let copy = site.full("oci-archive:OUT/x.tar:1");
    run("skopeo", ["copy", "--quiet", "--all", &copy, &site.full("oci:OUT/copy:1")]);
    assert_eq!(raw(&site.full("oci:OUT/copy:1")).1, want);
}

#[test]
fn a_docker_archive_is_read_by_skopeo() {
    let site = Site::new();
    let lines = site.built(&[AMD64, "--to=docker-archive:OUT/d.tar:shop:1", "--to=REG/archived:1", "--tag=2"]);
    let [archive, registry] = &lines[..] else { panic!("{lines:?}") };
    let file = site.beside("d.tar");
    let manifest: Value = serde_json::from_str(&member(&file, "manifest.json")).unwrap();
    assert_eq!(manifest[0]["RepoTags"], serde_json::json!(["docker.io/library/shop:1", "docker.io/library/shop:2"]));
    let config = manifest[0]["Config"].as_str().unwrap();
    let id = config.strip_suffix(".json").unwrap();
    assert_eq!(site.short(archive), format!("docker-archive:OUT/d.tar@sha256:{id}"), "the image's id");
    let pushed =
        run("crane", ["manifest", "--platform=linux/amd64", &site.full(&format!("REG/archived@{}", digest(registry)))]);
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    assert_eq!(pushed["config"]["digest"], format!("sha256:{id}"), "the registry's image has the same configuration");

    let named = site.full("docker-archive:OUT/d.tar:shop:1");
    let inspected: Value = serde_json::from_str(&run("skopeo", ["inspect", &named])).unwrap();
    assert_eq!((&inspected["Os"], &inspected["Architecture"]), (&"linux".into(), &"amd64".into()));
    let unpacked = site.beside("copy");
    run("skopeo", ["copy", "--quiet", &named, &format!("oci:{}:1", unpacked.display())]);
    let bundle = site.beside("bundle");
    let image = format!("{}:1", unpacked.display());
    let is_root = run("id", ["-u"]).trim() == "0";
    let unpack = ["unpack", "--image", &image, bundle.to_str().unwrap()];
    run("umoci", unpack.iter().copied().chain((!is_root).then_some("--rootless")));
    assert!(bundle.join("rootfs/app/main.py").is_file());
    assert!(bundle.join("rootfs/usr/local/bin/python3.13").is_file());
}

#[test]
fn archives_of_the_same_image_are_the_same_file() {
    let site = Site::new();
    let build = |to: &str, cache: &str| site.built(&[AMD64, to, &format!("--cache-dir=OUT/{cache}")]);
    build("--to=oci-archive:OUT/a.tar:1", "one");
    build("--to=oci-archive:OUT/b.tar:1", "two");
    build("--to=docker-archive:OUT/c.tar", "one");
    build("--to=docker-archive:OUT/d.tar", "two");
    let bytes = |name: &str| fs::read(site.beside(name)).unwrap();
    assert!(bytes("a.tar") == bytes("b.tar"));
    assert!(bytes("c.tar") == bytes("d.tar"));
    // An archive is replaced, other files are not.
    build("--to=oci-archive:OUT/c.tar:2", "one");
    assert_eq!(raw(&site.full("oci-archive:OUT/c.tar:2")).1, raw(&site.full("oci-archive:OUT/a.tar:1")).1);
    fs::write(site.beside("thesis"), "words").unwrap();
    let refused = site.build(&[AMD64, "--to=oci-archive:OUT/thesis"]);
    insta::assert_snapshot!(site.error(&refused), @"
    error[unwritable-output]: `OUT/thesis` exists and is not an archive

    hint: name an archive, or a file that does not exist yet
    ");
    assert_eq!(read(&site.beside("thesis")), "words");
}

#[test]
fn a_docker_archive_of_two_platforms_is_refused() {
    let site = Site::new();
    let refused = site.build(&["--to=docker-archive:OUT/d.tar"]);
    assert_eq!(refused.code, Some(2));
    insta::assert_snapshot!(site.error(&refused), @"
    error[invalid-argument]: docker-archive:OUT/d.tar holds the image of one platform, and there are linux/amd64, linux/arm64

    hint: choose one, as in --platform linux/amd64, or write oci-archive:FILE, which holds all
    ");
    let refused = site.build(&["--to=oci:OUT/x", "--image-index=never"]);
    insta::assert_snapshot!(site.error(&refused), @"
    error[invalid-argument]: an image without an index has one platform, and there are linux/amd64, linux/arm64

    hint: choose one, as in --platform linux/amd64
    ");
    let refused = site.build(&["--to=oci:OUT/x", "--index=never"]);
    insta::assert_snapshot!(site.error(&refused), @"
    error[invalid-argument]: `--index` is the package index, and cannot be `never`

    hint: for the image's index: --image-index=never
    ");
}

#[test]
fn one_platform_may_be_a_plain_manifest() {
    let site = Site::new();
    let plain = [AMD64, "--image-index=never"];
    let args = [&plain[..], &["--to=REG/plain:1", "--to=oci:OUT/plain", "--to=oci-archive:OUT/plain.tar:1"]].concat();
    let lines = site.built(&args);
    let want = digest(&lines[0]);
    for image in ["docker://REG/plain:1", "oci:OUT/plain", "oci-archive:OUT/plain.tar:1"] {
        let (manifest, found) = raw(&site.full(image));
        assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json", "{image}");
        assert_eq!(found, want, "{image}");
    }
    let index = site.built(&[AMD64, "--to=REG/plain:2"]);
    let (index, _) = raw(&site.full(&format!("docker://REG/plain@{}", digest(&index[0]))));
    assert_eq!(index["manifests"][0]["digest"], want, "the same manifest, within an index");
    // A layout without names still holds one image.
    site.built(&args);
    assert_eq!(raw(&site.full("oci:OUT/plain")).1, want);
}

#[test]
fn other_images_of_a_layout_stay() {
    let site = Site::new();
    let others = site.full("oci:OUT/layout:other");
    let from = format!("oci:{}", layout("distroless/cc13:latest").display());
    run("skopeo", ["copy", "--quiet", "--all", &from, &others]);
    let before = raw(&others);
    site.built(&[AMD64, "--to=oci:OUT/layout:1"]);
    let second = site.built(&[AMD64, "--to=oci:OUT/layout:2", "--image-index=never"]);
    assert_eq!(raw(&others), before);
    assert_eq!(raw(&site.full("oci:OUT/layout:2")).1, digest(&second[0]));
    let index: Value = serde_json::from_str(&read(&site.beside("layout/index.json"))).unwrap();
    let name = |entry: &Value| entry["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap().to_owned();
    let names: Vec<_> = index["manifests"].as_array().unwrap().iter().map(name).collect();
    assert_eq!(names, ["other", "1", "2"]);
}

/// Outputs in the project are not part of its image.
#[test]
fn outputs_in_the_project_stay_behind() {
    let site = Site::new();
    let outputs = ["--to=oci:out:1", "--to=oci-archive:x.tar:1", "--digest-file=digest", "--metadata-file=meta.json"];
    let first = site.built(&[&[AMD64], &outputs[..]].concat());
    assert!(Path::new(&site.project().join("meta.json")).is_file());
    let again = site.built(&[&[AMD64], &outputs[..]].concat());
    assert_eq!(first, again);
}
