//! Runs without the network, and runs without a cache.

use std::fs;

use crate::folder::{HERE, pins, project};
use crate::support::harness::{CC, Harness, SLIM};
use crate::wheels::Wheel;

const BOTH: [&str; 3] = [CC, SLIM, "--platform=linux/amd64,linux/arm64"];

#[test]
fn everything_that_an_empty_cache_lacks_is_told_with_its_host() {
    let harness = Harness::new().file("main.py", "");
    let text = harness.fails(&[&BOTH[..], &["--offline", "--push=false"]].concat());
    insta::assert_snapshot!(text, @"
    exit: 1
    -- stdout
    -- stderr
    2 errors:
    error[offline]: REGISTRY/distroless/cc:latest is not in the cache, and REGISTRY is not asked: `--offline` is set
    error[offline]: REGISTRY/python:3.11-slim is not in the cache, and REGISTRY is not asked: `--offline` is set

    hint: build once without --offline, or name a local image, as in oci:FOLDER
    ");
    insta::assert_snapshot!(harness.fails(&[&BOTH[..], &["--offline"]].concat()), @"
    exit: 1
    -- stdout
    -- stderr
    error[offline]: cannot push to REGISTRY: `--offline` is set

    hint: build with --push=false, or into a layout, as in --to oci:out
    ");
}

#[test]
fn a_build_that_was_made_once_is_made_again_without_the_network() {
    let wheel = Wheel::simple("alpha", "1.0");
    let mut harness = project().wheel(&wheel).file("requirements.txt", &pins(&[&wheel]));
    harness.first.retain(|arg| !arg.starts_with("--to"));
    let nothing = [&HERE[..], &["--push=false"]].concat();
    let layout = |name: &'static str| [&HERE[..], &["--to", name]].concat();
    let pushed = harness.succeeds(&nothing).stdout;
    let written = harness.succeeds(&layout("oci:../first:1")).stdout;
    drop(harness.registry.take());
    assert_eq!(harness.run(&nothing).code, Some(1), "the registry is gone");

    let harness = harness.env("CARBOY_OFFLINE", "1");
    assert_eq!(harness.succeeds(&nothing).stdout, pushed);
    // The base's layers come from the cache.
    let again = harness.succeeds(&layout("oci:../second:1")).stdout;
    assert_eq!(again.replace("second", "first"), written);

    // All wheels that lack are one error.
    let lacking = pins(&[&wheel, &Wheel::simple("beta", "2.0"), &Wheel::simple("gamma", "3.0")]);
    let harness = harness.file("requirements.txt", &lacking);
    let args = [&HERE[..3], &["--wheelhouse", "wheels", "--push=false"]].concat();
    insta::assert_snapshot!(harness.fails(&args), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-wheel]: linux/amd64: no wheel of beta 2.0 and gamma 3.0 for Python 3.11, glibc 2.36: neither the cache nor a wheelhouse has one that fits, and pypi.org is not asked: `--offline` is set

    hint: fetch it once without --offline
    hint: build them on linux/amd64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels beta==2.0 gamma==3.0
    ");
}

#[test]
fn a_run_without_a_cache_leaves_nothing_and_makes_the_same() {
    let wheel = Wheel::simple("alpha", "1.0");
    let harness = Harness::new().file("main.py", "").file("requirements.txt", &pins(&[&wheel]));
    fs::create_dir(harness.project().join("wheels")).unwrap();
    let scratch = harness.folder().join("tmp");
    fs::create_dir(&scratch).unwrap();
    let harness = harness.wheel(&wheel);
    let scratch_text = scratch.display().to_string();
    let harness = harness.env("TMPDIR", &scratch_text);
    let args = [&HERE[..], &["--push=false"]].concat();
    let without = harness.succeeds(&[&args[..], &["--no-cache"]].concat()).stdout;
    assert!(!harness.cache().exists(), "the named cache is not used");
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "the cache of the run is gone");
    assert_eq!(harness.succeeds(&args).stdout, without);
}
