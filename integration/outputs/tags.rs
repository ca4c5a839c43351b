//! When tags move, and what a failure leaves.

use crate::site::{Site, digest, raw};
use crate::support::run;
use crate::support::scripted::{Reply, Request, Scripted};

const AMD64: &str = "--platform=linux/amd64";

/// A registry that takes everything but tags.
fn without_tags() -> Scripted {
    Scripted::start(|request: &Request| match () {
        () if request.is("HEAD", "/blobs/") => Reply::new(200),
        () if request.is("PUT", "/manifests/sha256:") => Reply::new(201),
        () => Reply::error(403, "DENIED", "tag is immutable"),
    })
}

#[test]
fn an_image_is_pushed_by_digest_and_tagged_afterwards() {
    let site = Site::new();
    let lines = site.built(&[AMD64, "--push-by-digest", "--to=REG/signed:1", "--tag=2", "--to=oci:OUT/signed:1"]);
    let reference = &lines[0];
    let want = digest(reference);
    assert_eq!(site.short(reference), format!("REG/signed@{want}"));
    let tag = |name: &str| site.registry.tag("signed", name);
    assert_eq!((tag("1"), tag("2")), (None, None));
    assert_eq!(site.registry.tag("signed", want).as_deref(), Some(want));

    let tagged = site.carboy(&["tag", reference, "1", "latest"]).done();
    assert_eq!(site.short(&tagged), format!("REG/signed:1@{want}\nREG/signed:latest@{want}\n"));
    assert_eq!((tag("1").as_deref(), tag("latest").as_deref()), (Some(want), Some(want)));
    site.carboy(&["tag", "REG/signed:latest", "stable"]).done();
    assert_eq!(tag("stable").as_deref(), Some(want));

    let tagged = site.carboy(&["tag", &lines[1], "3"]).done();
    assert_eq!(site.short(&tagged), format!("oci:OUT/signed:3@{want}\n"));
    assert_eq!(raw(&site.full("oci:OUT/signed:3")).1, want);
}

#[test]
fn tags_go_to_images_that_exist() {
    let site = Site::new();
    let refused = |args: &[&str]| site.error(&site.carboy(&[&["tag"], args].concat()));
    insta::assert_snapshot!(refused(&["REG/nothing:1", "2"]), @"error[not-found]: no such image or tag: REG/nothing:1");
    insta::assert_snapshot!(refused(&["REG/nothing", "2"]), @"
    error[invalid-argument]: `REG/nothing` names no image: it has neither a tag nor a digest

    hint: add one, as in :1.0 or @sha256:…
    ");
    insta::assert_snapshot!(refused(&["REG/a:1", "not a tag"]), @"
    error[invalid-configuration]: `not a tag` is not a tag

    hint: letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`
    ");
    insta::assert_snapshot!(refused(&["oci-archive:x.tar:1", "2"]), @"
    error[invalid-argument]: oci-archive:x.tar is written once: it gets no more tags

    hint: name the image in a registry or in a layout, or build the archive with --tag
    ");
}

#[test]
fn a_failure_says_which_outputs_have_the_image() {
    let site = Site::new();
    let server = without_tags();
    let immutable = format!("--to={}/a/b:1", server.host);
    let failed = site.build(&[AMD64, "--to=oci:OUT/late:1", "--to=REG/early:1", &immutable]);
    assert_eq!(failed.code, Some(1));
    insta::assert_snapshot!(site.error(&failed).replace(&server.host, "OTHER"), @"
    error[immutable-tag]: OTHER/a/b does not move the tag `1`: denied: tag is immutable

    hint: choose a tag that is not in use, or allow this one to be overwritten in the registry's settings; REG/early has the image already; not published: OTHER/a/b, oci:OUT/late
    ");
    assert!(site.registry.tag("early", "1").is_some());
    assert!(!site.beside("late/index.json").exists());

    let failed = site.build(&[AMD64, &immutable, "--to=REG/never:1", "--to=oci-archive:OUT/never.tar:1"]);
    let error = site.error(&failed);
    assert!(error.contains("; no output has the image"), "{error}");
    assert_eq!(site.registry.tag("never", "1"), None);
    let left: Vec<_> = std::fs::read_dir(site.beside("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().contains("never") || name.to_string_lossy().contains(".carboy-")),
        "{left:?}"
    );
}

/// A blob that one target refuses stops the build before anything is named.
#[test]
fn no_tag_moves_before_every_target_has_the_blobs() {
    let site = Site::new();
    let server = Scripted::start(|request| match () {
        () if request.is("HEAD", "") => Reply::new(404),
        () => Reply::error(403, "DENIED", "no pushes"),
    });
    let failed = site.build(&[AMD64, "--to=REG/before:1", &format!("--to={}/a/b:1", server.host)]);
    assert!(site.error(&failed).contains("no pushes"));
    assert_eq!(site.registry.tag("before", "1"), None);
}

#[test]
fn profiles_share_an_archive() {
    let site = Site::new();
    let text = std::fs::read_to_string(site.project().join("carboy.toml")).unwrap();
    let profile = "\n[profile.other]\ntag-suffix = \"-other\"\n[profile.other.image]\nlabels = { a = \"b\" }\n";
    std::fs::write(site.project().join("carboy.toml"), text + profile).unwrap();
    let args =
        [AMD64, "--profile=default,other", "--to=oci-archive:OUT/p.tar:1", "--to=docker-archive:OUT/q.tar:shop:1"];
    let lines = site.built(&args);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(raw(&site.full("oci-archive:OUT/p.tar:1")).1, digest(&lines[0]));
    assert_eq!(raw(&site.full("oci-archive:OUT/p.tar:1-other")).1, digest(&lines[2]));
    for name in ["shop:1", "shop:1-other"] {
        run("skopeo", ["inspect", "--config", &site.full(&format!("docker-archive:OUT/q.tar:{name}"))]);
    }
}
