//! One run tells all: the errors of the project's files, of its lock file and of its images
//! together, in `build` and in `plan`.

use std::path::Path;
use std::process::Command;

use crate::folder::{HERE, pins, project};
use crate::support::harness::Harness;
use crate::wheels::Wheel;

/// A shared library that needs one that exists nowhere.
fn needs_nowhere(folder: &Path) -> Vec<u8> {
    let gcc = |args: &[&str]| {
        let mut command = Command::new("gcc");
        command.current_dir(folder).args(["-shared", "-nostdlib", "-xc", "/dev/null", "-xnone"]).args(args);
        let output = command.output().unwrap_or_else(|cause| panic!("gcc: {cause}: run scripts/setup"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    gcc(&["-o", "libnowhere.so.1", "-Wl,-soname,libnowhere.so.1"]);
    gcc(&["-o", "native.so", "-Wl,--no-as-needed", "libnowhere.so.1"]);
    std::fs::read(folder.join("native.so")).unwrap()
}

/// A project that starts nothing, with a wheel that lacks a library and distributions without
/// wheels.
fn project_with_errors() -> Harness {
    let folder = tempfile::tempdir().unwrap();
    let native = Wheel::new("native", "1.0").file("native.so", needs_nowhere(folder.path()));
    let gone = ["one", "two", "three"].map(|name| Wheel::simple(name, "1.0"));
    let all = [&native, &gone[0], &gone[1], &gone[2]];
    let harness = project().wheel(&native).file("requirements.txt", &pins(&all)).file("shop.py", "");
    std::fs::remove_file(harness.project().join("main.py")).unwrap();
    harness
}

#[test]
fn a_missing_entrypoint_hides_nothing() {
    let mut harness = project_with_errors();
    let built = harness.fails(&HERE);
    insta::assert_snapshot!(built, @r#"
    exit: 1
    -- stdout
    -- stderr
    3 errors:
    error[no-entrypoint]: no entrypoint is set
    error[no-wheel]: linux/amd64: no wheel of one 1.0, three 1.0 and two 1.0 for Python 3.11, glibc 2.36: no wheelhouse has one that fits, and pypi.org is not asked: `index` is false
    error[missing-library]: linux/amd64: missing shared library `libnowhere.so.1`, needed by /usr/local/lib/python3.11/site-packages/native.so

    hint: put the command after `--`, as in: carboy build -- python -m shop, or set `entrypoint` under [image], as in: entrypoint = ["python", "-m", "shop"]
    hint: to ask the index for what the wheelhouse lacks, leave `index = false` out
    hint: use a builder that has it; if it is not needed: allow-missing = ["libnowhere.so.1"] under [runtime]
    hint: build them on linux/amd64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels one==1.0 three==1.0 two==1.0
    "#);
    harness.verb(&["plan"]);
    assert_eq!(harness.fails(&HERE), built);
}

/// Nothing says what the image would have, so nothing is said about what it lacks.
#[test]
fn a_lock_file_that_cannot_be_used_hides_nothing() {
    let harness = project_with_errors().file("requirements.txt", "gunicorn\nalpha>=1.0\nbeta==2.0\n");
    insta::assert_snapshot!(harness.fails(&HERE), @r#"
    exit: 2
    -- stdout
    -- stderr
    warning[lock-file-doubt]: requirements.txt: 3 distributions have no hash (`alpha`, `beta`, `gunicorn`): files are taken as the index serves them
      hint: add them with `uv pip compile requirements.txt --universal -o pylock.toml`
    2 errors:
    error[no-entrypoint]: no entrypoint is set
    error[invalid-lock-file]: requirements.txt: 2 requirements have no exact version: line 1 `gunicorn`, line 2 `alpha>=1.0`

    hint: put the command after `--`, as in: carboy build -- python -m shop, or set `entrypoint` under [image], as in: entrypoint = ["python", "-m", "shop"]
    hint: pin them: `uv pip compile requirements.txt --universal --python-version 3.11 -o pylock.toml`
    "#);
    let harness = harness.file("uv.lock", "version = 1\n\n[[package]\n");
    insta::assert_snapshot!(harness.fails(&HERE), @r#"
    exit: 2
    -- stdout
    -- stderr
    warning[lock-file-doubt]: dependencies are taken from uv.lock, not from requirements.txt, which is in the same directory
      hint: delete the one that is out of date, or name one: lock = "uv.lock" under [dependencies]
    2 errors:
    error[invalid-lock-file]: uv.lock:3: unclosed array table, expected `]`
    error[no-entrypoint]: no entrypoint is set

    hint: put the command after `--`, as in: carboy build -- python -m shop, or set `entrypoint` under [image], as in: entrypoint = ["python", "-m", "shop"]
    "#);
    insta::assert_snapshot!(harness.fails(&[&HERE[..], &["--", "gunicorn", "shop:app"]].concat()), @r#"
    exit: 2
    -- stdout
    -- stderr
    warning[lock-file-doubt]: dependencies are taken from uv.lock, not from requirements.txt, which is in the same directory
      hint: delete the one that is out of date, or name one: lock = "uv.lock" under [dependencies]
    error[invalid-lock-file]: uv.lock:3: unclosed array table, expected `]`
    "#);
}
