//! Targets that do not take the image.

use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::registry::{Access, PASSWORD, Registry, basic};
use crate::support::scripted::{Reply, Scripted};

const BUILD: [&str; 5] = [CC, SLIM, AMD64, "--", "python3"];
const ELSEWHERE: [&str; 6] = [CC, SLIM, AMD64, "--to=TO/acme/shop:1", "--", "python3"];

fn to(harness: Harness, host: &str) -> Harness {
    let mut harness = harness.named("TO", host);
    harness.first.pop();
    harness
}

#[test]
fn a_target_that_refuses() {
    let server = Scripted::start(|request| {
        if request.is("HEAD", "") {
            Reply::new(404)
        } else {
            Reply::error(403, "DENIED", "requested access to the resource is denied")
        }
    });
    let harness = to(Harness::warm(), &server.host);
    insta::assert_snapshot!(harness.fails(&ELSEWHERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[access-denied]: pushing to TO/acme/shop is refused: denied: requested access to the resource is denied

    hint: log in with: carboy login TO
    ");
    assert_eq!(server.count("PUT", "/manifests/"), 0);
}

#[test]
fn a_target_that_refuses_the_tag_only() {
    let server = Scripted::start(|request| match () {
        () if request.is("HEAD", "/blobs/") => Reply::new(200),
        () if request.is("PUT", "/manifests/sha256:") => Reply::new(201),
        () => Reply::error(403, "DENIED", "tag 1 is immutable"),
    });
    let harness = to(Harness::warm(), &server.host);
    insta::assert_snapshot!(harness.fails(&ELSEWHERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[immutable-tag]: TO/acme/shop does not move the tag `1`: denied: tag 1 is immutable

    hint: choose a tag that is not in use, or allow this one to be overwritten in the registry's settings
    ");
}

#[test]
fn a_target_that_refuses_the_second_tag() {
    let server = Scripted::start(|request| match () {
        () if request.is("HEAD", "/blobs/") => Reply::new(200),
        () if request.is("HEAD", "/manifests/") => Reply::new(404),
        () if request.is("PUT", "/manifests/1.4") => Reply::error(412, "PRECONDITION", "1.4 is immutable"),
        () => Reply::new(201),
    });
    let harness = to(Harness::warm(), &server.host);
    let tags = ["--tag=1.4", "--tag=latest"];
    insta::assert_snapshot!(harness.fails(&[&ELSEWHERE[..4], &tags, &ELSEWHERE[4..]].concat()), @"
    exit: 1
    -- stdout
    -- stderr
    error[immutable-tag]: TO/acme/shop does not move the tag `1.4`: precondition: 1.4 is immutable (tags that were moved: `1`; not moved: `1.4`, `latest`)

    hint: choose a tag that is not in use, or allow this one to be overwritten in the registry's settings
    ");
    assert_eq!(server.count("PUT", "/manifests/latest"), 0);
}

#[test]
fn a_target_that_stores_something_else() {
    let server = Scripted::start(|request| match () {
        () if request.is("HEAD", "/blobs/") => Reply::new(200),
        () => Reply::new(201).with("Docker-Content-Digest", &format!("sha256:{}", "0".repeat(64))),
    });
    let harness = to(Harness::warm(), &server.host);
    let text = harness.fails(&ELSEWHERE);
    assert!(text.contains("error[corrupt-content]: TO/acme/shop stored sha256:0000"), "{text}");
    assert_eq!(server.count("PUT", "/manifests/1"), 0);
}

#[test]
fn a_registry_that_is_read_only() {
    let closed = Registry::over_fixtures(Access::ReadOnly);
    let harness = to(Harness::warm(), &closed.host);
    insta::assert_snapshot!(harness.fails(&ELSEWHERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[access-denied]: pushing to TO/acme/shop is refused: it accepts no uploads

    hint: TO is read-only
    ");
    assert_eq!(closed.tag("acme/shop", "1"), None);
}

#[test]
fn a_target_that_wants_an_account() {
    let closed = Registry::over_fixtures(Access::Account);
    let harness = to(Harness::warm(), &closed.host);
    insta::assert_snapshot!(harness.fails(&ELSEWHERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[access-denied]: pushing to TO/acme/shop is refused: unauthorized: authentication required

    hint: log in with: carboy login TO
    ");
    assert_eq!(closed.tag("acme/shop", "1"), None);
}

#[test]
fn the_account_of_dockers_configuration_pushes() {
    Harness::with(Registry::over_fixtures(Access::Account)).logged_in(&basic(PASSWORD)).recovers(&BUILD);
}

#[test]
fn a_layout_where_a_file_is() {
    let harness = to(Harness::warm().file("out", ""), "oci:out");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--to=TO", "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[unreadable-file]: cannot read the OCI layout in `out`: failed to open file `out/oci-layout`: Not a directory (os error 20)
    ");
}

#[test]
fn a_cache_where_a_file_is() {
    let harness = Harness::new().file("file", "");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--cache-dir=file", "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[unusable-cache]: cannot read the cache in `file`: Not a directory (os error 20)

    hint: name another directory with --cache-dir
    ");
}
