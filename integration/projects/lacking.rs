//! What cannot be had is told at once, for all platforms, and nothing is left behind.

use crate::folder::{HERE, pins, project};
use crate::wheels::Wheel;
use crate::world::{CC, SLIM};

/// Both platforms.
const BOTH: [&str; 5] = [CC, SLIM, "--platform=linux/amd64,linux/arm64", "--wheelhouse", "wheels"];

#[test]
fn everything_that_lacks_is_told_for_both_platforms() {
    let pure = Wheel::simple("pure", "1.0");
    let amd64 = Wheel::simple("fast", "2.0").tag("cp311-cp311-manylinux_2_28_x86_64");
    let other = Wheel::simple("odd", "3.0").tag("cp39-cp39-manylinux_2_17_x86_64.manylinux_2_17_aarch64");
    let gone = Wheel::simple("gone", "4.0");
    let world = project()
        .wheel(&pure)
        .wheel(&amd64)
        .wheel(&other)
        .file("requirements.txt", &pins(&[&pure, &amd64, &other, &gone]));
    insta::assert_snapshot!(world.fails(&BOTH), @"");
    // nothing is wrong with what was pulled meanwhile
    world.file("requirements.txt", &pins(&[&pure])).recovers(&BOTH);
}

#[test]
fn a_wheel_that_is_not_the_locked_one_is_refused() {
    let locked = Wheel::simple("alpha", "1.0");
    let changed = Wheel::new("alpha", "1.0").file("alpha.py", "import os\n");
    let world = project().wheel(&changed).file("requirements.txt", &locked.pin());
    insta::assert_snapshot!(world.fails(&HERE).replace(&locked.sha256(), "LOCKED").replace(&changed.sha256(), "FOUND"), @"");
    world.wheel(&locked).recovers(&HERE);
}

#[test]
fn a_wheelhouse_that_is_not_there_is_told() {
    let world = project().file("requirements.txt", &Wheel::simple("alpha", "1.0").pin());
    let args = [&HERE[..4], &["nowhere"]].concat();
    insta::assert_snapshot!(world.fails(&args), @"");
}
