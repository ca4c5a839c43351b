//! Wheels that are not available are told at once, for all platforms, and nothing is left behind.

use crate::folder::{HERE, pins, project, uv_lock};
use crate::support::harness::{AMD64, CC, Harness, SLIM};
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

    hint: choose a builder with Python 3.9, for which it has wheels: --builder python:3.9-slim-trixie
    hint: leave `windows` out on Linux with a marker (`windows==1.0 ; sys_platform == 'win32'`), or lock a version of `windows` that has a wheel for Python 3.11, x86_64
    ");
}

/// A table of `uv.lock` with wheels of these tags, and with an sdist.
fn package(name: &str, tags: &[&str], has_sdist: bool) -> String {
    let hash = "0".repeat(64);
    let file = |file: String| format!("{{ url = \"https://index.invalid/{file}\", hash = \"sha256:{hash}\" }}");
    let wheels: Vec<_> = tags.iter().map(|tag| file(format!("{name}-1.0-{tag}.whl"))).collect();
    let sdist = if has_sdist { format!("sdist = {}\n", file(format!("{name}-1.0.tar.gz"))) } else { String::new() };
    format!(
        "[[package]]\nname = \"{name}\"\nversion = \"1.0\"\n\
         source = {{ registry = \"https://index.invalid/simple\" }}\n{sdist}wheels = [{}]\n\n",
        wheels.join(", ")
    )
}

/// A project that depends on packages of a lock file.
fn locked(requires: &str, packages: &[(&str, String)]) -> Harness {
    let names: Vec<_> = packages.iter().map(|(name, _)| format!("{{ name = \"{name}\" }}")).collect();
    let tables: String = packages.iter().map(|(_, table)| table.as_str()).collect();
    let project = format!("[project]\nname = \"shop\"\nversion = \"1.0\"\nrequires-python = \"{requires}\"\n");
    let lock = uv_lock(&format!("dependencies = [{}]", names.join(", ")), &tables);
    crate::folder::project().file("uv.lock", &lock).file("pyproject.toml", &project)
}

/// The lines of a build's errors and hints.
#[track_caller]
fn told(harness: &Harness, args: &[&str]) -> String {
    let text = harness.fails(args);
    text.split_once("-- stderr\n").unwrap().1.to_owned()
}

const EARLIER: [&str; 5] = [
    "cp39-cp39-manylinux_2_17_x86_64",
    "cp39-cp39-manylinux_2_17_aarch64",
    "cp310-cp310-manylinux_2_17_x86_64",
    "cp310-cp310-manylinux_2_17_aarch64",
    "cp38-cp38-manylinux_2_17_x86_64",
];

#[test]
fn wheels_for_earlier_pythons_are_one_error_with_a_python_that_has_all() {
    let packages = [
        ("one", package("one", &EARLIER, true)),
        ("two", package("two", &EARLIER[..4], false)),
        ("three", package("three", &EARLIER[1..], true)),
        ("windows", package("windows", &["cp311-cp311-win_amd64"], false)),
    ];
    let harness = locked(">=3.9", &packages);
    insta::assert_snapshot!(told(&harness, &BOTH), @"
    2 errors:
    error[no-wheel]: no wheels for Python 3.11 of 3 distributions: one 1.0, three 1.0, two 1.0
    error[no-wheel]: no wheel of windows 1.0 for Python 3.11, glibc 2.36: there are wheels for Windows only

    hint: choose a builder with Python 3.10, for which all have wheels: --builder python:3.10-slim-trixie
    hint: leave `windows` out on Linux with a marker (`windows==1.0 ; sys_platform == 'win32'`), or lock a version of `windows` that has a wheel for Python 3.11, x86_64
    ");
    let harness = harness.file("carboy.toml", "python = \"3.11\"\n");
    insta::assert_snapshot!(told(&harness, &[CC, SLIM, AMD64]), @"
    2 errors:
    error[no-wheel]: linux/amd64: no wheels for Python 3.11 of 3 distributions: one 1.0, three 1.0, two 1.0
    error[no-wheel]: linux/amd64: no wheel of windows 1.0 for Python 3.11, glibc 2.36: there are wheels for Windows only

    hint: choose a builder with Python 3.10, for which all have wheels: --builder python:3.10-slim-trixie
    hint: leave `windows` out on Linux with a marker (`windows==1.0 ; sys_platform == 'win32'`), or lock a version of `windows` that has a wheel for Python 3.11, x86_64
    ");
    // The project's own requirement excludes what the lock file allows.
    insta::assert_snapshot!(told(&locked(">=3.11", &packages[..3]), &BOTH), @"
    error[no-wheel]: no wheels for Python 3.11 of 3 distributions: one 1.0, three 1.0, two 1.0

    hint: lock a version of `two` that has wheels for Python 3.11
    hint: build them on linux/amd64 and on linux/arm64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels one==1.0 three==1.0
    ");
}

/// Machines without any wheel of an earlier Python leave none to choose.
#[test]
fn a_distribution_that_lacks_on_two_platforms_for_one_cause_is_told_once() {
    let amd64 = [EARLIER[0], EARLIER[2], EARLIER[4], "cp37-cp37m-manylinux_2_17_x86_64"];
    let one = || package("one", &[&amd64[..], &["cp36-cp36m-manylinux_2_17_x86_64"]].concat(), true);
    insta::assert_snapshot!(told(&locked(">=3.9", &[("one", one())]), &BOTH), @"
    error[no-wheel]: no wheel of one 1.0 for Python 3.11, glibc 2.36: there is an sdist one-1.0.tar.gz and wheels for Python 3.10, 3.9, 3.8, 2 others only

    hint: build one on linux/amd64 and on linux/arm64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels one==1.0
    ");
    let packages =
        [("one", one()), ("two", package("two", &EARLIER, true)), ("three", package("three", &EARLIER, false))];
    insta::assert_snapshot!(told(&locked(">=3.9", &packages), &BOTH), @"
    error[no-wheel]: no wheels for Python 3.11 of 3 distributions: one 1.0, three 1.0, two 1.0

    hint: lock a version of `three` that has wheels for Python 3.11
    hint: build them on linux/amd64 and on linux/arm64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels one==1.0 two==1.0
    ");
}

/// A version is no way out if the lock file has other wheels for this one alone.
#[test]
fn a_python_without_wheels_of_other_distributions_is_not_suggested() {
    let here = ["cp311-cp311-manylinux_2_17_x86_64", EARLIER[0]];
    let native = Wheel::simple("native", "1.0").tag(here[0]);
    let table = package("native", &here, false).replace(&"0".repeat(64), native.sha256().trim_start_matches("sha256:"));
    let harness = locked(">=3.9", &[("one", package("one", &EARLIER, true)), ("native", table)]).wheel(&native);
    insta::assert_snapshot!(told(&harness, &HERE), @"
    error[no-wheel]: linux/amd64: no wheel of one 1.0 for Python 3.11, glibc 2.36: there is an sdist one-1.0.tar.gz and wheels for Python 3.10, 3.9, 3.8 only

    hint: choose a builder with Python 3.9, for which it has wheels: --builder python:3.9-slim-trixie
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
