//! Retries, timeouts and the number of connections of each registry.

use std::fs;

use super::BUILD;
use crate::small_image::SmallImage;
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::scripted::{Reply, Scripted};

/// A project over a registry, whose settings are a text after its table's header.
fn over(server: &Scripted, settings: &str) -> Harness {
    let harness = Harness::alone().named("ORIGIN", &server.host);
    let path = harness.folder().join("config.toml");
    fs::write(&path, format!("[registry.'{}']\n{settings}", server.host)).unwrap();
    harness.env("CARBOY_CONFIG_FILE", path.to_str().unwrap())
}

#[test]
fn a_registry_has_its_retries() {
    for (retries, requests) in [(0, 1), (1, 2)] {
        let server = Scripted::start(|_| Reply::new(503));
        let text = over(&server, &format!("retries = {retries}\n")).fails(&BUILD);
        assert_eq!((text.matches("retrying").count(), server.requests().len()), (retries, requests), "{text}");
    }
}

#[test]
fn a_registry_has_its_timeout() {
    let image = SmallImage::new();
    let server = Scripted::start(move |request| image.answer(request).silence());
    let text = over(&server, "timeout = '1s'\nretries = 0\n").fails(&BUILD);
    assert!(text.contains("ORIGIN did not answer for 1 s"), "{text}");
}

/// One connection in each direction is enough to pull and to push.
#[test]
fn one_connection_at_a_time_is_enough() {
    let harness = Harness::new();
    let path = harness.folder().join("config.toml");
    fs::write(&path, "[network]\nconnections = 1\n").unwrap();
    let harness = harness.env("CARBOY_CONFIG_FILE", path.to_str().unwrap());
    harness.recovers(&[CC, SLIM, AMD64, "--", "python3"]);
}
