//! Files about an image, for the next steps of a pipeline.

use std::fs;

use serde_json::Value;

use crate::site::{Site, digest, raw, read};

const AMD64: &str = "--platform=linux/amd64";

#[test]
fn files_tell_what_was_published() {
    let site = Site::new();
    let files = ["--digest-file=OUT/digest", "--metadata-file=OUT/meta.json", "--image-refs=OUT/refs"];
    let lines = site.built(&[&["--to=REG/files:1", "--to=oci:OUT/layout:1"], &files[..]].concat());
    let want = digest(&lines[0]);
    assert_eq!(read(&site.beside("digest")), want);
    let (index, _) = raw(&site.full("docker://REG/files:1"));
    let manifests = index["manifests"].as_array().unwrap();
    let digests: Vec<_> =
        [want].into_iter().chain(manifests.iter().map(|one| one["digest"].as_str().unwrap())).collect();
    let of = |place: &str| digests.iter().map(|digest| format!("{place}@{digest}\n")).collect::<Vec<_>>().concat();
    assert_eq!(site.short(&read(&site.beside("refs"))), of("REG/files") + &of("oci:OUT/layout"));

    let meta: Value = serde_json::from_str(&read(&site.beside("meta.json"))).unwrap();
    assert_eq!(meta["containerimage.digest"], want);
    assert_eq!(meta["containerimage.descriptor"]["mediaType"], "application/vnd.oci.image.index.v1+json");
    assert_eq!(meta["containerimage.descriptor"]["digest"], want);
    assert_eq!(site.short(meta["image.name"].as_str().unwrap()), "REG/files:1,oci:OUT/layout:1");
    for (told, manifest) in meta["carboy.platforms"].as_array().unwrap().iter().zip(manifests) {
        assert_eq!(told["descriptor"]["digest"], manifest["digest"]);
        let reference = format!("docker://REG/files@{}", manifest["digest"].as_str().unwrap());
        assert_eq!(raw(&site.full(&reference)).0["config"]["digest"], told["config"]);
        assert_eq!(told["layers"][0]["kind"], "runtime");
    }
    let (base, base_digest) = raw(&site.full("docker://REG/distroless/cc13:latest"));
    assert_eq!(meta["carboy.base"]["digest"], base_digest);
    assert_eq!(meta["carboy.platforms"][0]["base"], base["manifests"][0]["digest"]);
}

#[test]
fn a_file_may_be_stdout_instead_of_the_reference() {
    let site = Site::new();
    let to = "--to=oci:OUT/out:1";
    let line = site.built(&[AMD64, to]).remove(0);
    assert_eq!(site.built(&[AMD64, to, "--digest-file=-"]), [digest(&line)]);
    let [meta] = &site.built(&[AMD64, to, "--metadata-file=-"])[..] else { panic!("one line") };
    let meta: Value = serde_json::from_str(meta).unwrap();
    assert_eq!(meta["containerimage.digest"], digest(&line));
    assert!(meta["containerimage.config.digest"].as_str().unwrap().starts_with("sha256:"));
    let refs = site.built(&[AMD64, to, "--image-refs=-"]);
    assert_eq!((refs.len(), &refs[0]), (2, &line));
    let refused = site.build(&[AMD64, to, "--image-refs=-", "--digest-file=-"]);
    assert_eq!(refused.code, Some(2));
    insta::assert_snapshot!(site.error(&refused), @"
    error[invalid-argument]: `--image-refs` is the second file for stdout

    hint: name a file for one of them
    ");
}

#[test]
fn a_build_that_fails_writes_no_file() {
    let site = Site::new();
    fs::write(site.beside("digest"), "before").unwrap();
    let failed = site.build(&[AMD64, "--to=REG/x:1", "--digest-file=OUT/digest", "--", "no-such-program"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert_eq!(read(&site.beside("digest")), "before");
    let failed = site.build(&[AMD64, "--to=REG/nofile:1", "--digest-file=OUT/no/such/folder"]);
    insta::assert_snapshot!(site.error(&failed), @"
    error[unwritable-output]: cannot write `OUT/no/such/folder`: entity not found

    hint: name a file in a directory that exists and can be written to
    ");
    assert_eq!(site.registry.tag("nofile", "1"), None, "it is found before anything is done");
}

#[test]
fn the_configuration_names_outputs_too() {
    let site = Site::new();
    let config = site.project().join("carboy.toml");
    let text = fs::read_to_string(&config).unwrap();
    let to = site.full("to = [\"REG/configured:1\", \"oci-archive:dist/x.tar:1\"]\nimage-index = \"never\"\n");
    fs::write(&config, to + "platforms = [\"linux/amd64\"]\n" + &text).unwrap();
    let plan = site.carboy(&["plan", "--base=REG/distroless/cc13:latest", "--builder=REG/python:3.13-slim"]).done();
    let head: Vec<_> = plan.lines().take(5).map(|line| site.short(line)).collect();
    let want = [
        "target  REG/configured:1",
        "tags    1",
        "target  oci-archive:./dist/x.tar:1",
        "tags    1",
        "index   none: a plain manifest",
    ];
    assert_eq!(head, want.map(|line| line.replace("./", "")));
    let lines = site.built(&[]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        raw(&site.full("docker://REG/configured:1")).0["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    assert!(site.project().join("dist/x.tar").is_file());
}
