//! Debian's docker-registry on a loopback port, over the fixture images.
//!
//! Every test has a server of its own, which ends with the test. All of them serve
//! one folder, which is filled once for a run.

#![allow(dead_code, reason = "every test target takes what it needs")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tempfile::TempDir;

use crate::made::made;

/// Fixture layouts, and the repositories they are pushed to.
const IMAGES: [(&str, &str); 4] = [
    ("distroless/cc/latest", "distroless/cc:latest"),
    ("distroless/cc13/latest", "distroless/cc13:latest"),
    ("python/3.11-slim", "python:3.11-slim"),
    ("python/3.13-slim", "python:3.13-slim"),
];
/// Copies of one platform only.
const SINGLE: [(&str, &str, &str); 3] = [
    ("distroless/cc:latest", "linux/arm64", "single/cc:arm64"),
    ("distroless/cc:latest", "linux/amd64", "single/cc:amd64"),
    ("python:3.11-slim", "linux/arm64", "single/python:arm64"),
];
/// The account of a registry with [`Mode::Closed`].
const USER: &str = "paula";
pub const PASSWORD: &str = "open sesame";
const HTPASSWD: &str = "paula:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";
const SETUP: &str = "run scripts/setup";

/// What the server lets people do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Open,
    ReadOnly,
    /// Nothing without the account.
    Closed,
}

/// The server; it ends with this value.
pub struct DebianRegistry {
    pub host: String,
    _process: Running,
    _folder: TempDir,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl DebianRegistry {
    /// Serves the fixture images, and whatever is pushed.
    pub fn start(mode: Mode) -> Self {
        Self::over(storage(), mode)
    }

    fn over(storage: &Path, mode: Mode) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("registry.yml");
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        // Two servers may be given one port: the one that loses it takes another.
        for _ in 0..5 {
            let host = format!("127.0.0.1:{}", free_port());
            fs::write(&file, configuration(storage, folder.path(), &host, mode)).unwrap();
            let mut command = Command::new("docker-registry");
            command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
            let child = command.spawn().unwrap_or_else(|cause| panic!("docker-registry: {cause}: {SETUP}"));
            let mut process = Running(child);
            if process.listens(&host) {
                return Self { host, _process: process, _folder: folder };
            }
        }
        panic!("docker-registry does not answer: {SETUP}");
    }

    /// The digest that a tag names; none when there is no such tag.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        let accept = "application/vnd.oci.image.index.v1+json";
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let head = format!("HEAD /v2/{repository}/manifests/{tag} HTTP/1.0\r\nAccept: {accept}\r\n");
        write!(stream, "{head}Authorization: Basic {}\r\n\r\n", basic(PASSWORD)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix("Docker-Content-Digest: "));
        assert!(line.is_some() || answer.contains(" 404 "), "{answer}");
        line.map(str::to_owned)
    }
}

impl Running {
    fn listens(&mut self, host: &str) -> bool {
        let patience = Instant::now() + Duration::from_secs(20);
        while self.0.try_wait().unwrap().is_none() && Instant::now() < patience {
            if TcpStream::connect(host).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

/// The account with a password, as `Authorization` and docker's config.json have it.
pub fn basic(password: &str) -> String {
    BASE64_STANDARD.encode(format!("{USER}:{password}"))
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn configuration(storage: &Path, folder: &Path, host: &str, mode: Mode) -> String {
    let read_only = if mode == Mode::ReadOnly { "  maintenance: { readonly: { enabled: true } }\n" } else { "" };
    let auth = match mode {
        Mode::Closed => format!("auth: {{ htpasswd: {{ realm: test, path: {}/htpasswd }} }}\n", folder.display()),
        Mode::Open | Mode::ReadOnly => String::new(),
    };
    let storage = storage.display();
    format!(
        "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\n\
         storage:\n  filesystem: {{ rootdirectory: {storage} }}\n{read_only}http: {{ addr: \"{host}\" }}\n{auth}"
    )
}

/// The folder with the fixture images.
fn storage() -> &'static Path {
    static STORAGE: OnceLock<PathBuf> = OnceLock::new();
    STORAGE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("errors-registry");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let server = DebianRegistry::over(&folder, Mode::Open);
        for (layout, name) in IMAGES {
            crane(&["push", made("fixtures/oci").join(layout).to_str().unwrap(), &format!("{}/{name}", server.host)]);
        }
        for (from, platform, to) in SINGLE {
            let [from, to] = [from, to].map(|name| format!("{}/{name}", server.host));
            crane(&["copy", "--platform", platform, &from, &to]);
        }
        folder
    })
}

pub fn crane(args: &[&str]) {
    let output = Command::new(made("bin/crane")).args(args).output();
    let output = output.unwrap_or_else(|cause| panic!("crane: {cause}: {SETUP}"));
    assert!(output.status.success(), "crane {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
