//! A whole build by a user who may do nothing: no capabilities, no subordinate
//! ids, nothing of the system writable but one folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use support::image::Unpacked;
use support::registry::Registry;
use support::running::{Runner, start};
use support::{DEBIAN_13, PLATFORMS, machine, project, ran, run};
use tempfile::TempDir;

/// Nobody: no name, no subordinate ids.
const NOBODY: u32 = 65534;

/// Makes everything in a folder the unprivileged user's.
fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path()));
    }
}

/// A command's words, as that user, with `folder` alone to write in.
fn confined(folder: &Path, is_root: bool, command: &[&OsStr]) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["--die-with-parent", "--ro-bind", "/", "/"].map(Into::into).into();
    words.extend(["--dev", "/dev", "--proc", "/proc", "--bind"].map(Into::into));
    words.extend([folder.into(), folder.into()]);
    words.extend(["--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME"].map(Into::into));
    words.push(folder.join("home").into());
    if is_root {
        words.extend(["--", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"].map(Into::into));
        words.extend(["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"].map(Into::into));
    }
    words.push("--".into());
    words.extend(command.iter().map(Into::into));
    words
}

#[test]
fn a_user_without_privileges_builds_an_image_that_runs() {
    let registry = Registry::with(DEBIAN_13);
    let folder = TempDir::new().unwrap();
    let project = project("hello", DEBIAN_13, folder.path());
    fs::create_dir(folder.path().join("home")).unwrap();
    // where the checkout is, that user may have no way in
    let carboy = folder.path().join("carboy");
    fs::copy(env!("CARGO_BIN_EXE_carboy"), &carboy).unwrap();
    fs::set_permissions(&carboy, fs::Permissions::from_mode(0o755)).unwrap();
    let is_root = run("id", ["-u"]).trim() == "0";
    if is_root {
        give(folder.path());
    }

    let state = "grep -h -e CapEff -e CapBnd -e NoNewPrivs /proc/self/status; ! touch /var/tmp/x /etc/x 2>/dev/null";
    let shell = ["sh", "-c", state].map(OsStr::new);
    let state = ran("bwrap", confined(folder.path(), is_root, &shell)).done();
    assert!(state.contains("CapEff:\t0000000000000000\n") && state.contains("NoNewPrivs:\t1\n"), "{state}");
    if is_root {
        assert!(state.contains("CapBnd:\t0000000000000000\n"), "{state}");
    }

    let target = format!("oci:{}", folder.path().join("out").display());
    let (base, builder) = (registry.name(DEBIAN_13.base), registry.name(DEBIAN_13.builder));
    let build = [
        carboy.as_os_str(),
        "build".as_ref(),
        project.as_os_str(),
        "--base".as_ref(),
        base.as_ref(),
        "--builder".as_ref(),
        builder.as_ref(),
        "--to".as_ref(),
        target.as_ref(),
    ];
    let line = ran("bwrap", confined(folder.path(), is_root, &build)).done();
    assert!(line.starts_with(&format!("{target}@sha256:")), "{line}");
    for platform in PLATFORMS {
        let out = start(&Unpacked::new(&target, platform), Runner::Bwrap, &[]).done();
        assert!(out.starts_with(&format!("hello from {}", machine(platform))), "{out}");
    }
}
