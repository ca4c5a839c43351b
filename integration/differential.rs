//! Popular wheels, installed by carboy, uv and pip: the same files with the same bytes
//! and the same execute bits come out, but for these differences, each of which is
//! looked for below, and none of which is tolerated where it is not expected:
//!
//! - `INSTALLER` names the installer.
//! - `REQUESTED`, `direct_url.json` and `uv_cache.json` tell how somebody called uv or
//!   pip, with paths of that machine: carboy writes none. `.lock` is uv's own.
//! - `RECORD` lists the files that there are: its lines are compared without those of the
//!   files named here. Lines of files outside of site-packages have other paths with
//!   `--target`, and are compared by where they lead. pip ends lines with CR and LF.
//!   carboy has a SHA-256 for every file.
//! - With `--target`, scripts are in `bin`, data right in the folder, headers in `include`
//!   (pip: `include/site/pythonX.Y`, of the Python that it runs on); carboy puts them
//!   below the image's prefix.
//! - Scripts begin with the interpreter of the image. pip's launchers say the same as
//!   uv's in other words; carboy's are uv's, byte for byte.
//! - Both write `pipX.Y` for the wheel of pip, of the Python that they run on.
//! - uv leaves a RECORD executable that is so in the wheel.
//! - Files compiled before (`.pyc`) are left out.
//!
//! The wheels are pinned in `differential/*.txt`, which `uv pip compile --no-deps
//! --generate-hashes --only-binary :all:` made; `scripts/setup` downloads them. An
//! ordinary run takes the small ones, for two versions and two machines; a long run some
//! hundred more.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/test_cache.rs"]
mod test_cache;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use carboy::layer::{Packer, Recipe, TarFiles, zip};
use carboy::oci::{CompressionLevel, Digest};
use carboy::python::Interpreter;
use carboy::python::wheel::{Installed, install};
use carboy::rootfs::{ArchiveFile, Entry, RootPath, Tree};
use test_cache::test_cache;

/// What uv and pip write into a dist-info folder beside what the wheel has.
const OTHERS_ONLY: [&str; 3] = ["REQUESTED", "direct_url.json", "uv_cache.json"];

/// The name of a file in the dist-info folder of a distribution itself, not of one that
/// it brings along.
fn own(path: &str) -> Option<&str> {
    path.split_once('/').filter(|(folder, _)| folder.ends_with(".dist-info")).map(|(_, name)| name)
}

/// Whether only uv or pip write a file.
fn is_theirs(path: &str) -> bool {
    let pips = path.rsplit_once('/').is_some_and(|(folder, name)| folder.ends_with("bin") && name.starts_with("pip3."));
    path == ".lock"
        || path.strip_suffix(".pyc").is_some()
        || pips
        || own(path).is_some_and(|name| OTHERS_ONLY.contains(&name))
}

struct NoTars;

impl TarFiles for NoTars {
    fn tar(&self, _: &Digest) -> io::Result<Arc<File>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A file of an installed tree.
#[derive(PartialEq, Eq, Clone)]
struct Seen {
    bytes: Vec<u8>,
    executable: bool,
}

/// Files by where `--target` has them.
type Files = BTreeMap<String, Seen>;

fn interpreter(python: &str) -> Interpreter {
    let names = [format!("usr/local/bin/python{python}"), format!("usr/local/lib/python{python}/os.py")];
    let tree: Tree =
        names.iter().map(|name| (RootPath::new(name).unwrap(), Entry::bytes(0o755, name.as_bytes()))).collect();
    Interpreter::find(&tree, &["PATH=/usr/local/bin".to_owned()], Some(python)).unwrap()
}

fn installed(wheel: &Path, interpreter: &Interpreter) -> Installed {
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let archive = zip::list(ArchiveFile { name: name.to_owned(), path: wheel.to_owned(), digest: Digest::of(b"") })
        .unwrap_or_else(|error| panic!("{error}"));
    let done = install(&archive, interpreter, &mut |member| Ok(Box::new(zip::open(&archive, member)?)));
    done.unwrap_or_else(|error| panic!("{error}"))
}

/// All wheels as one layer, packed and unpacked again by tar.
fn carboys(wheels: &[PathBuf], interpreter: &Interpreter, folder: &Path) -> Files {
    let mut recipe = Recipe::new(0, CompressionLevel::Gzip { level: 1 });
    let mut image = Tree::default();
    for wheel in wheels {
        for (path, entry) in installed(wheel, interpreter).entries {
            recipe.put(&mut image, &path, entry).unwrap();
        }
    }
    let layer = folder.join("layer.tar.gz");
    Packer::default().pack(&recipe, &NoTars, File::create(&layer).unwrap(), &|_| {}).unwrap();
    let out = folder.join("carboy");
    fs::create_dir(&out).unwrap();
    ran(Command::new("tar").arg("xzf").arg(&layer).arg("-C").arg(&out).arg("--no-same-owner"));
    let prefix = "usr/local/";
    let site = format!("{prefix}lib/python{}/site-packages/", interpreter.version);
    let headers = format!("{prefix}include/python{}/", interpreter.version);
    let as_target = |path: String| match (path.strip_prefix(&site), path.strip_prefix(&headers)) {
        (Some(rest), _) => rest.to_owned(),
        (_, Some(rest)) => format!("include/{rest}"),
        _ => path.strip_prefix(prefix).unwrap_or_else(|| panic!("{path}")).to_owned(),
    };
    read(&out).into_iter().map(|(path, seen)| (as_target(path), seen)).collect()
}

/// Files below a folder, by relative path.
fn read(folder: &Path) -> Files {
    let mut open = vec![folder.to_path_buf()];
    let mut out = Files::new();
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                open.push(path);
                continue;
            }
            assert!(meta.is_file(), "{}", path.display());
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            out.insert(
                name,
                Seen { bytes: fs::read(&path).unwrap(), executable: meta.permissions().mode() & 0o111 != 0 },
            );
        }
    }
    out
}

fn ran(command: &mut Command) {
    let output = command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}: run scripts/setup"));
    let program = command.get_program().to_string_lossy();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn uvs(set: &Set, wheels: &[PathBuf], folder: &Path) -> Files {
    let target = folder.join("uv");
    let mut command = Command::new(test_cache("venv/bin/uv"));
    command.args([
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--offline",
        "--no-config",
        "--link-mode=hardlink",
    ]);
    command.arg("--python").arg(test_cache("venv/bin/python")).args(["--python-version", set.python]);
    command.env("TMPDIR", folder);
    command.args(["--python-platform", &format!("{}-manylinux_2_28", set.machine)]);
    command.arg("--cache-dir").arg(folder.join("uv-cache")).arg("--target").arg(&target).args(wheels);
    ran(&mut command);
    read(&target)
}

fn pips(set: &Set, wheels: &[PathBuf], folder: &Path) -> Files {
    let target = folder.join("pip");
    let mut command = Command::new(test_cache("venv/bin/python"));
    command.env_remove("PIP_FIND_LINKS").args([
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-compile",
        "--no-index",
    ]);
    command.args(["--only-binary=:all:", "--implementation=cp", "--python-version", set.python]);
    for policy in [
        "manylinux_2_28",
        "manylinux_2_17",
        "manylinux2014",
        "manylinux_2_12",
        "manylinux2010",
        "manylinux_2_5",
        "manylinux1",
    ] {
        command.arg(format!("--platform={policy}_{}", set.machine));
    }
    command.arg("--target").arg(&target).args(wheels);
    ran(&mut command);
    let plain = |path: String| match path.strip_prefix("include/site/") {
        Some(rest) => format!("include/{}", rest.split_once('/').unwrap().1),
        None => path,
    };
    read(&target).into_iter().map(|(path, seen)| (plain(path), seen)).collect()
}

/// A folder of wheels for one Python.
struct Set {
    folder: &'static str,
    python: &'static str,
    machine: &'static str,
    least: usize,
}

impl Set {
    fn wheels(&self) -> Vec<PathBuf> {
        let folder = test_cache(&format!("wheels/{}/{}-{}", self.folder, self.python, self.machine));
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut out: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "whl")).collect();
        out.sort();
        assert!(out.len() >= self.least, "only {} wheels: run scripts/setup", out.len());
        out
    }

    fn compare(&self) {
        let wheels = self.wheels();
        let folder = tempfile::tempdir().unwrap();
        let ours = carboys(&wheels, &interpreter(self.python), folder.path());
        for (other, theirs) in [("uv", uvs(self, &wheels, folder.path())), ("pip", pips(self, &wheels, folder.path()))]
        {
            let wrong = differences(&ours, &theirs, other);
            assert!(wrong.is_empty(), "{other}: {} differences:\n{}", wrong.len(), wrong.join("\n"));
        }
    }
}

/// What differs and should not.
fn differences(ours: &Files, theirs: &Files, other: &str) -> Vec<String> {
    let mut out = Vec::new();
    let paths: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    for path in paths {
        let is_theirs = is_theirs(path);
        match (ours.get(path), theirs.get(path)) {
            (Some(_), Some(_)) if is_theirs => out.push(format!("both have {path}")),
            (Some(ours), Some(theirs)) => {
                if ours.executable != theirs.executable && own(path) != Some("RECORD") {
                    out.push(format!("{path}: executable {}", ours.executable));
                }
                out.extend(content(path, &ours.bytes, &theirs.bytes, other));
            }
            (None, _) if is_theirs => {}
            (None, _) => out.push(format!("carboy lacks {path}")),
            (_, None) => out.push(format!("carboy alone has {path}")),
        }
    }
    out
}

/// How a file's bytes differ that should not.
fn content(path: &str, ours: &[u8], theirs: &[u8], other: &str) -> Option<String> {
    let differs = |what: &str| Some(format!("{path}: {what}"));
    if own(path) == Some("INSTALLER") {
        let (ours, theirs) = (ours.trim_ascii(), theirs.trim_ascii());
        return if (ours, theirs) == (b"carboy", other.as_bytes()) { None } else { differs("other words") };
    }
    if own(path) == Some("RECORD") {
        let (ours, theirs) = (lines(ours), lines(theirs));
        let odd: Vec<_> = ours.symmetric_difference(&theirs).collect();
        return if odd.is_empty() { None } else { differs(&format!("{odd:?}")) };
    }
    if ours == theirs {
        return None;
    }
    if path.starts_with("bin/") && ours.starts_with(b"#!/usr/local/bin/python") {
        let body = |bytes: &[u8]| String::from_utf8_lossy(bytes).split_once('\n').unwrap().1.to_owned();
        let (ours, theirs) = (body(ours), body(theirs));
        if ours == theirs || other == "pip" && said(&ours) == said(&theirs) {
            return None;
        }
        return differs(&format!("\n{ours}\n--\n{theirs}"));
    }
    differs("other bytes")
}

/// What a launcher imports and calls.
fn said(launcher: &str) -> Vec<String> {
    let lines = launcher.lines().map(str::trim);
    lines.filter(|line| line.starts_with("from ") || line.starts_with("sys.exit(")).map(str::to_owned).collect()
}

/// A RECORD's lines, but for those of files that are meant to differ.
fn lines(record: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8(record.to_vec()).unwrap();
    let mut out = BTreeSet::new();
    for line in text.lines() {
        let (path, rest) = line.split_once(",sha").unwrap_or((line, ""));
        let known = is_theirs(path) || own(path) == Some("INSTALLER");
        // its last two names tell enough of where a file is that is not in the site folder
        let outside = path.starts_with("../") || path.starts_with("bin/") || path.starts_with("include/");
        let outside = outside || path.starts_with("share/") || path.starts_with("etc/");
        if outside && !known {
            let names: Vec<_> = path.rsplit('/').take(2).collect();
            // the first line of scripts differs, and so do hash and size
            let rest = if names.get(1) == Some(&"bin") { "" } else { rest };
            out.insert(format!("{names:?} {rest}"));
        } else if !known {
            out.insert(line.to_owned());
        }
    }
    out
}

#[test]
fn a_dozen_wheels() {
    for (python, machine) in [("3.13", "x86_64"), ("3.13", "aarch64"), ("3.11", "x86_64")] {
        Set { folder: "small", python, machine, least: 12 }.compare();
    }
}

#[test]
#[ignore = "long"]
fn a_hundred_popular_wheels() {
    for machine in ["x86_64", "aarch64"] {
        Set { folder: "large", python: "3.13", machine, least: 100 }.compare();
    }
}
