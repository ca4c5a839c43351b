//! A registry that misbehaves: nothing wrong is kept, and what passes is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::small_image::{Faults, SmallImage};
use crate::support::harness::Harness;
use crate::support::scripted::{Reply, Request, Scripted};

const BUILD: [&str; 5] =
    ["--python=false", "--base=SCRIPTED/small/base:1", "--platform=linux/amd64", "--", "/bin/tool"];

/// A harness whose base misbehaves: `fault` answers in place of the image where it
/// wants to, and is told how often it was asked.
struct Faulty {
    harness: Harness,
    server: Scripted,
    is_broken: Arc<AtomicBool>,
}

impl Faulty {
    fn new(fault: impl Fn(&Request, &SmallImage, usize) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let (image, is_broken, turn) = (SmallImage::new(), Arc::new(AtomicBool::new(true)), AtomicUsize::new(0));
        let broken = is_broken.clone();
        let server = Scripted::start(move |request| {
            let fault = || fault(request, &image, turn.fetch_add(1, Ordering::Relaxed));
            broken.load(Ordering::Relaxed).then(fault).flatten().unwrap_or_else(|| image.answer(request))
        });
        let harness = Harness::new().named("SCRIPTED", &server.host);
        Self { harness, server, is_broken }
    }

    /// The image with other things wrong in it.
    fn image(faults: &Faults) -> Self {
        let image = SmallImage::with(faults);
        Self::new(move |request, _, _| Some(image.answer(request)))
    }

    fn fails(&self) -> String {
        self.harness.fails(&BUILD)
    }

    /// The fault is mended, and the cache is right.
    fn recovers(&self) {
        self.is_broken.store(false, Ordering::Relaxed);
        self.harness.recovers(&BUILD);
    }
}

/// A fault of the layer's blob.
fn of_layer(request: &Request, image: &SmallImage, fault: impl Fn(Reply) -> Reply) -> Option<Reply> {
    request.is("GET", &image.layer).then(|| fault(image.answer(request)))
}

#[test]
fn a_blob_with_other_bytes() {
    let faulty = Faulty::new(|request, image, _| {
        of_layer(request, image, |reply| {
            reply.change(|body| {
                let last = body.len() - 1;
                body[last / 2] ^= 1;
            })
        })
    });
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[corrupt-content]: SCRIPTED/small/base:1 is corrupt: content of sha256:6be9a48b3ba2b8b45d9fed796f180fc876ba37915efff4f9b3f62960629a901f does not match: it hashes to sha256:d2955ab9f3664ccfe445363d299b7e22a8ae03583d86b79e5c9f67df5bf75f3f

    hint: the registry or a proxy sent content that does not match the manifest; carboy kept nothing of it
    ");
    faulty.recovers();
}

#[test]
fn a_blob_that_is_too_short() {
    let faulty = Faulty::new(|request, image, _| {
        of_layer(request, image, |reply| match request.offset() {
            0 => reply.change(|body| body.truncate(body.len() / 2)),
            _ => Reply::new(416).with("Content-Range", "bytes */5910"),
        })
    });
    // The layer is pulled, and streamed to the target at the same time.
    let text = faulty.fails();
    let mut lines: Vec<_> = text.lines().collect();
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"
    exit: 1
    -- stdout
    -- stderr
    retrying blob 6be9a48b3ba2 of SCRIPTED/small/base in N s: sha256:6be9a48b3ba2b8b45d9fed796f180fc876ba37915efff4f9b3f62960629a901f ended after 5910 of 11821 bytes
    error[corrupt-content]: SCRIPTED/small/base:1 is corrupt: sha256:6be9a48b3ba2b8b45d9fed796f180fc876ba37915efff4f9b3f62960629a901f ended after 5910 of 11821 bytes

    hint: the registry or a proxy sent content that does not match the manifest; carboy kept nothing of it
    ");
    faulty.recovers();
}

#[test]
fn a_blob_that_is_too_long() {
    let faulty = Faulty::new(|request, image, _| of_layer(request, image, |reply| reply.change(|body| body.push(0))));
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[corrupt-content]: SCRIPTED/small/base:1 is corrupt: sha256:6be9a48b3ba2b8b45d9fed796f180fc876ba37915efff4f9b3f62960629a901f is longer than the 11821 bytes promised

    hint: the registry or a proxy sent content that does not match the manifest; carboy kept nothing of it
    ");
    faulty.recovers();
}

#[test]
fn a_blob_that_is_missing() {
    let faulty = Faulty::new(|request, image, _| of_layer(request, image, |_| Reply::error(404, "BLOB_UNKNOWN", "")));
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: no such blob: SCRIPTED/small/base@sha256:6be9a48b3ba2b8b45d9fed796f180fc876ba37915efff4f9b3f62960629a901f
    ");
    faulty.recovers();
}

#[test]
fn a_configuration_with_other_bytes() {
    let faulty = Faulty::new(|request, image, _| {
        let is_config = request.is("GET", "/blobs/") && !request.is("GET", &image.layer);
        is_config.then(|| image.answer(request).change(|body| body[0] = b' '))
    });
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[corrupt-content]: SCRIPTED/small/base:1 is corrupt: content of sha256:fca623bd76fd863c34bb396141b13d07e6683e41ef9ecc025e2aa28e2475558d does not match: it hashes to sha256:da9de9a1fe1f18424616346080c7c950b07e05f02b3a4e3e78deeac7aac0c670

    hint: the registry or a proxy sent content that does not match the manifest; carboy kept nothing of it
    ");
    faulty.recovers();
}

#[test]
fn a_manifest_with_another_digest() {
    let faulty = Faulty::new(|request, image, _| {
        let digest = format!("sha256:{}", "0".repeat(64));
        request.is("GET", "/manifests/").then(|| image.answer(request).with("Docker-Content-Digest", &digest))
    });
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[corrupt-content]: manifest SCRIPTED/small/base:1 is corrupt: content of sha256:0000000000000000000000000000000000000000000000000000000000000000 does not match: it hashes to sha256:f2c4b8a53dcf5905bd801549d2d5fb78388543c2b7862a63bd3d319fc84df317
    ");
    faulty.recovers();
}

#[test]
fn a_page_instead_of_a_manifest() {
    let faulty = Faulty::new(|request, _, _| {
        let page = Reply::new(200).with("Content-Type", "text/html; charset=utf-8").body("<html>Log in</html>");
        request.is("GET", "/manifests/").then_some(page)
    });
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[transfer-failed]: SCRIPTED answers with a web page in place of SCRIPTED/small/base:1

    hint: is it a registry? a proxy's login page may stand before it
    ");
    faulty.recovers();
}

#[test]
fn a_connection_that_breaks_is_taken_up_again() {
    let faulty = Faulty::new(|request, image, _| {
        (request.offset() == 0).then(|| of_layer(request, image, Reply::cut)).flatten()
    });
    let run = faulty.harness.succeeds(&BUILD);
    let retries: Vec<_> = run.text().lines().filter(|line| line.starts_with("retrying")).map(str::to_owned).collect();
    insta::assert_snapshot!(retries.join("\n"), @"
    retrying blob 6be9a48b3ba2 of SCRIPTED/small/base in N s: lost the connection to SCRIPTED: it ended too early
    retrying blob 6be9a48b3ba2 of SCRIPTED/small/base in N s: lost the connection to SCRIPTED: it ended too early
    ");
    assert_eq!(
        faulty.server.count("GET", "/blobs/"),
        5,
        "the configuration; the layer's halves, pulled and streamed on"
    );
    faulty.recovers();
}

#[test]
fn too_many_requests_are_waited_for() {
    let faulty = Faulty::new(|_, _, turn| {
        let reply = Reply::error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.");
        (turn == 0).then(|| reply.with("Retry-After", "1"))
    });
    let run = faulty.harness.succeeds(&BUILD);
    let retries: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("retrying")).collect();
    insta::assert_snapshot!(retries.join("\n"), @"retrying manifest SCRIPTED/small/base:1 in 1.0 s: SCRIPTED limits requests to small/base: You have reached your pull rate limit.");
}

#[test]
fn a_server_that_fails_twice_is_asked_again() {
    let faulty = Faulty::new(|_, _, turn| (turn < 2).then(|| Reply::new(503)));
    let run = faulty.harness.succeeds(&BUILD);
    assert_eq!(run.stderr.lines().filter(|line| line.starts_with("retrying")).count(), 2, "{}", run.stderr);
}

#[test]
fn a_server_that_goes_on_failing_is_given_up() {
    let faulty = Faulty::new(|_, _, _| Some(Reply::error(500, "UNKNOWN", "unknown error")));
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    retrying manifest SCRIPTED/small/base:1 in N s: SCRIPTED fails on small/base: unknown error
    retrying manifest SCRIPTED/small/base:1 in N s: SCRIPTED fails on small/base: unknown error
    retrying manifest SCRIPTED/small/base:1 in N s: SCRIPTED fails on small/base: unknown error
    retrying manifest SCRIPTED/small/base:1 in N s: SCRIPTED fails on small/base: unknown error
    error[transfer-failed]: SCRIPTED fails on small/base: unknown error
    ");
    assert_eq!(faulty.server.count("GET", ""), 5);
    faulty.recovers();
}

#[test]
fn an_unknown_kind_of_layer() {
    let media_type = Some("application/vnd.example.layer.v1.tar+rot13");
    let faulty = Faulty::image(&Faults { media_type, ..Faults::default() });
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-image]: SCRIPTED/small/base:1 is not supported: its layer has the media type `application/vnd.example.layer.v1.tar+rot13`
    ");
    faulty.recovers();
}

#[test]
fn a_layer_that_unpacks_to_something_else() {
    let diff_id = Some("sha256:4a44dc15364204a80fe80e9039455cc1608281820fe2b24f1e5233ade6af1dd5");
    let faulty = Faulty::image(&Faults { diff_id, ..Faults::default() });
    insta::assert_snapshot!(faulty.fails(), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-image]: cannot use layer 6be9a48b3ba2 of SCRIPTED/small/base:1: it unpacks to sha256:c303116fe32776e2835ca59b157eb04e6a9f86e3fe5d3c38bf2cdecd97296968, but the image's configuration promises sha256:4a44dc15364204a80fe80e9039455cc1608281820fe2b24f1e5233ade6af1dd5
    ");
    faulty.recovers();
}
