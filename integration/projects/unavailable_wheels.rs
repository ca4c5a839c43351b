//! Wheels that are not available are told at once, for all platforms, and nothing is left behind.

use crate::folder::{HERE, pins, project, uv_lock};
use crate::support::harness::{CC, SLIM};
use crate::wheels::Wheel;

/// Both platforms.
const BOTH: [&str; 6] = [CC, SLIM, "--platform=linux/amd64,linux/arm64", "--index=false", "--wheelhouse", "wheels"];

#[test]
fn everything_that_lacks_is_told_for_both_platforms() {
    let pure = Wheel::simple("pure", "1.0");
    let amd64 = Wheel::simple("fast", "2.0").tag("cp311-cp311-manylinux_2_28_x86_64");
    let other = Wheel::simple("odd", "3.0").tag("cp39-cp39-manylinux_2_17_x86_64.manylinux_2_17_aarch64");
    let gone = Wheel::simple("gone", "4.0");
    let harness = project()
        .wheel(&pure)
        .wheel(&amd64)
        .wheel(&other)
        .file("requirements.txt", &pins(&[&pure, &amd64, &other, &gone]));
    insta::assert_snapshot!(harness.fails(&BOTH), @r#"
    exit: 1
    -- stdout
    -- stderr
    3 errors:
    error[no-wheel]: no wheel of gone 4.0 for Python 3.11, glibc 2.36: no wheelhouse has one that fits, and pypi.org is not asked: `index` is false
    error[no-wheel]: no wheel of odd 3.0 for Python 3.11, glibc 2.36: no wheelhouse has one that fits (there are wheels for Python 3.9 only), and pypi.org is not asked: `index` is false
    error[no-wheel]: linux/arm64: no wheel of fast 2.0 for Python 3.11, glibc 2.36: no wheelhouse has one that fits (there are wheels for linux/amd64 only), and pypi.org is not asked: `index` is false

    hint: to ask the index for what the wheelhouse lacks, leave `index = false` out
    hint: build them on linux/amd64 and on linux/arm64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels gone==4.0 odd==3.0
    hint: build one on linux/arm64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels fast==2.0
    "#);
    // nothing is wrong with what was pulled meanwhile
    harness.file("requirements.txt", &pins(&[&pure])).recovers(&BOTH);
}

/// A distribution without an sdist gets no advice to build its wheel.
#[test]
fn what_has_wheels_for_others_only_comes_with_a_way_out() {
    let others = [
        Wheel::simple("windows", "1.0").tag("cp311-cp311-win_amd64"),
        Wheel::simple("older", "2.0").tag("cp39-cp39-manylinux_2_17_x86_64"),
    ];
    let packages = others.iter().map(Wheel::locked).collect::<String>();
    let harness = project()
        .file("uv.lock", &uv_lock("dependencies = [{ name = \"windows\" }, { name = \"older\" }]", &packages))
        .file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0\"\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    2 errors:
    error[no-wheel]: linux/amd64: no wheel of older 2.0 for Python 3.11, glibc 2.36: there are wheels for Python 3.9 only
    error[no-wheel]: linux/amd64: no wheel of windows 1.0 for Python 3.11, glibc 2.36: there are wheels for Windows only

    hint: build with --python 3.9, or lock a version of `older` that has a wheel for Python 3.11, x86_64
    hint: leave `windows` out on Linux with a marker (`windows==1.0 ; sys_platform == 'win32'`), or lock a version of `windows` that has a wheel for Python 3.11, x86_64
    ");
}

#[test]
fn a_wheel_that_is_not_the_locked_one_is_refused() {
    let locked = Wheel::simple("alpha", "1.0");
    let changed = Wheel::new("alpha", "1.0").file("alpha.py", "import os\n");
    let harness = project()
        .wheel(&changed)
        .file("uv.lock", &uv_lock("dependencies = [{ name = \"alpha\" }]", &locked.locked()))
        .file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0\"\n");
    let text = harness.fails(&HERE).replace(&locked.sha256(), "LOCKED").replace(&changed.sha256(), "FOUND");
    insta::assert_snapshot!(text, @"
    exit: 1
    -- stdout
    -- stderr
    error[corrupt-content]: linux/amd64: alpha-1.0-py3-none-any.whl from `wheels` hashes to FOUND, not to LOCKED

    hint: it is not the file that was locked: find out who changed it before it is locked anew
    ");
    harness.wheel(&locked).recovers(&HERE);
}

/// Hashes without names may be those of an sdist that the wheel was built from.
#[test]
fn a_wheel_with_none_of_the_locked_hashes_is_told() {
    let (locked, built) = (Wheel::simple("alpha", "1.0"), Wheel::new("alpha", "1.0").file("alpha.py", "import os\n"));
    let harness = project().wheel(&built).file("requirements.txt", &locked.pin());
    insta::assert_snapshot!(harness.warnings(&HERE), @"warning[lock-file-doubt]: `alpha-1.0-py3-none-any.whl` in a wheelhouse has none of the locked hashes");
}

#[test]
fn a_wheelhouse_that_is_not_there_is_told() {
    let harness = project().file("requirements.txt", &Wheel::simple("alpha", "1.0").pin());
    let args = [&HERE[..5], &["nowhere"]].concat();
    insta::assert_snapshot!(harness.fails(&args), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-wheel]: linux/amd64: no wheel of alpha 1.0 for Python 3.11, glibc 2.36: there is no wheelhouse `nowhere`
    ");
}
