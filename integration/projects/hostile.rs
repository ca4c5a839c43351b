//! Wheels that lie, through the whole program.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use carboy::oci::Digest;

use crate::folder::{HERE, project};
use crate::support::harness::Harness;
use crate::wheels::{Member, Wheel, zip};

/// A project whose lock file pins these very bytes.
fn pinned(members: &[Member]) -> Harness {
    let bytes = zip(members);
    let harness = project().file("requirements.txt", &format!("alpha==1.0 --hash={}\n", Digest::of(&bytes)));
    fs::write(harness.project().join("wheels/alpha-1.0-py3-none-any.whl"), bytes).unwrap();
    harness
}

/// What a cache has of a kind.
fn kept(folder: &Path) -> Vec<OsString> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn content_that_is_not_what_record_says() {
    let wheel = Wheel::simple("alpha", "1.0");
    let mut members = wheel.members();
    // as long as what RECORD has
    members[0] = Member::new("alpha.py", "VERSION = '6.6'\n");
    let harness = pinned(&members);
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-wheel]: `alpha-1.0-py3-none-any.whl` is not a valid wheel: its `/usr/local/lib/python3.11/site-packages/alpha.py` does not match its RECORD

    hint: it was changed after it was built, or built by an odd tool; to write a new RECORD, put the wheel into an empty directory, run `unzip -d new *.whl && mkdir wheels && wheel pack --build-number 1 --dest-dir wheels new` there, and build with --wheelhouse and that `wheels`
    ");
    // nothing half-written
    assert_eq!(kept(&harness.cache().join("runs")), [""; 0]);
    let harness = harness.wheel(&wheel).file("requirements.txt", &wheel.pin());
    harness.recovers(&HERE);
    // nor is the layer of the true one taken for it
    let bytes = zip(&members);
    let harness = harness.file("requirements.txt", &format!("alpha==1.0 --hash={}\n", Digest::of(&bytes)));
    fs::write(harness.project().join("wheels/alpha-1.0-py3-none-any.whl"), bytes).unwrap();
    let again = harness.fails(&HERE);
    assert!(again.contains("alpha.py` does not match its RECORD"), "{again}");
}

#[test]
fn paths_that_lead_out() {
    for name in [
        "../../evil.py",
        "/etc/evil",
        "alpha-1.0.data/scripts/../../../evil",
        "alpha-1.0.data/data/lib/.wh.python3.11/x", // a deletion, in a layer
    ] {
        let mut members = Wheel::simple("alpha", "1.0").members();
        members[0] = Member::new(name, "x");
        let text = pinned(&members).fails(&HERE);
        assert!(text.starts_with("exit: 1\n") && text.contains("`alpha-1.0-py3-none-any.whl`"), "{text}");
    }
    let harness =
        pinned(&Wheel::simple("alpha", "1.0").file("alpha-1.0.data/scripts/python3.11", "#!python\n").members());
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-wheel]: linux/amd64: `alpha-1.0-py3-none-any.whl` is not a valid wheel: it would replace `/usr/local/bin/python3.11`, which is part of Python

    hint: ask where it comes from, or build it again
    ");
}

#[test]
fn a_wheel_of_another_distribution() {
    let harness = pinned(&Wheel::simple("beta", "1.0").members());
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-wheel]: linux/amd64: `alpha-1.0-py3-none-any.whl` is not a valid wheel: its `beta-1.0.dist-info` does not match `alpha 1.0` in its file name

    hint: ask where it comes from, or build it again
    ");
}

#[test]
fn what_is_no_archive_at_all() {
    let harness = project().file("requirements.txt", &format!("alpha==1.0 --hash={}\n", Digest::of(b"no zip")));
    fs::write(harness.project().join("wheels/alpha-1.0-py3-none-any.whl"), b"no zip").unwrap();
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-wheel]: linux/amd64: `alpha-1.0-py3-none-any.whl` is not a valid wheel: it is not a zip archive, or its end is missing

    hint: download it again, or build it again
    ");
}

/// Each is within the limits of one wheel, and all of them are too much for one image.
#[test]
fn wheels_that_are_too_much_together() {
    let harness = project();
    let pins = ["alpha", "beta", "gamma"].map(|name| {
        let zeros = format!("{name}.bin");
        let bytes = Wheel::simple(name, "1.0").file(&zeros, vec![0; 60 << 20]).bytes();
        fs::write(harness.project().join(format!("wheels/{name}-1.0-py3-none-any.whl")), &bytes).unwrap();
        format!("{name}==1.0 --hash={}\n", Digest::of(&bytes))
    });
    let harness = harness.file("requirements.txt", &pins.concat());
    let harness = harness.file("carboy.toml", "[limits]\nimage-size = \"170MiB\"\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[limit-exceeded]: the image for linux/amd64 is too large: its distributions unpack to more than 178257920 bytes together

    hint: if the image is meant to be this large, raise `image-size` under [limits]
    ");
}
