//! What the integration tests stand on: test images in a real registry, the
//! binary itself, and other people's tools to look at what it made.
//!
//! A missing tool or test image fails the test and says `run scripts/setup`.

#![allow(dead_code, reason = "every test target takes what it needs")]

pub mod carboy;
pub mod harness;
pub mod image;
pub mod image_python;
pub mod registry;
pub mod running;
pub mod scripted;
mod test_cache;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub use test_cache::test_cache;

pub const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// A base and a builder of the same Debian release.
#[derive(Clone, Copy)]
pub struct Pair {
    pub python: &'static str,
    pub base: &'static str,
    pub builder: &'static str,
}

/// Without merged usr, as debian12's distroless is.
pub const DEBIAN_12: Pair = Pair { python: "3.11", base: "distroless/cc:nonroot", builder: "python:3.11-slim" };
/// Python 2 of Debian 11, which distroless is made of no more.
pub const PYTHON_2: Pair = Pair { python: "2.7", base: "distroless/cc:nonroot", builder: "python:2.7-slim" };
/// With merged usr.
pub const DEBIAN_13: Pair = Pair { python: "3.13", base: "distroless/cc13:nonroot", builder: "python:3.13-slim" };

/// How the kernel calls the architecture of a platform.
pub fn machine(platform: &str) -> &'static str {
    if platform.contains("arm64") { "aarch64" } else { "x86_64" }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The layout of a test image, such as `distroless/cc:nonroot`.
pub fn layout(image: &str) -> PathBuf {
    test_cache(&format!("fixtures/oci/{}", image.replace(':', "/")))
}

/// An empty folder in cargo's folder for tests, for what the tests of a process share: values
/// that are shared are never dropped. It is emptied here, when the next process starts.
pub fn emptied(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir(&folder).unwrap();
    folder
}

/// A program's end.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// A command of a tool that `scripts/setup` installs, with nothing of the user's settings.
pub fn tool(name: &str) -> Command {
    let mut command = match name {
        "crane" | "syft" => Command::new(test_cache(&format!("bin/{name}"))),
        "unpack" | "run-image" => Command::new(root().join("integration/fixtures").join(name)),
        _ => Command::new(name),
    };
    command.env("DOCKER_CONFIG", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs a tool to its end.
pub fn ran<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> Ran {
    match tool(name).args(args).output() {
        Ok(output) => Ran::of(output),
        Err(cause) => panic!("{name}: {cause}: run scripts/setup"),
    }
}

/// What a tool says when all goes well.
#[track_caller]
pub fn run<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> String {
    ran(name, args).done()
}

/// A copy of an example in a folder of its own, for the Python of `pair`; where
/// `scripts/setup` made its site-packages, with these instead of its lock file.
pub fn project(app: &str, pair: Pair, folder: &Path) -> PathBuf {
    let copy = locked_project(app, pair, folder);
    if ["flask", "flask27", "pandas"].contains(&app) {
        let mut text = fs::read_to_string(copy.join("carboy.toml")).unwrap();
        if !text.contains("site-packages") {
            let site =
                |platform: &str| format!("{platform:?} = \"build/{}-{}\"", pair.python, platform.replace("linux/", ""));
            let folders = PLATFORMS.map(site).join(", ");
            text = format!("{text}\n[dependencies]\nsite-packages = {{ {folders} }}\n");
        }
        let site = test_cache(&format!("site/{app}"));
        fs::write(copy.join("carboy.toml"), text.replace("\"build/", &format!("\"{}/", site.display()))).unwrap();
    }
    copy
}

/// A copy of an example in a folder of its own, for the Python of `pair`.
pub fn locked_project(app: &str, pair: Pair, folder: &Path) -> PathBuf {
    let copy = folder.join(app);
    let from = root().join("integration/apps").join(app);
    run("cp", ["-r".as_ref(), from.as_os_str(), copy.as_os_str()]);
    let text = fs::read_to_string(copy.join("carboy.toml")).unwrap();
    fs::write(copy.join("carboy.toml"), text.replace("3.13", pair.python)).unwrap();
    copy
}
