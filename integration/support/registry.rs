//! Debian's docker-registry on a loopback port: a server for each test, which ends with it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tempfile::TempDir;

use super::{Pair, emptied, layout, run};

/// Test images that all registries over the fixtures have.
const IMAGES: [(&str, &str); 4] = [
    ("distroless/cc:latest", "distroless/cc:latest"),
    ("distroless/cc13:latest", "distroless/cc13:latest"),
    ("python:3.11-slim", "python:3.11-slim"),
    ("python:3.13-slim", "python:3.13-slim"),
];
/// Copies of one platform only.
const SINGLE: [(&str, &str, &str); 3] = [
    ("distroless/cc:latest", "linux/arm64", "single/cc:arm64"),
    ("distroless/cc:latest", "linux/amd64", "single/cc:amd64"),
    ("python:3.11-slim", "linux/arm64", "single/python:arm64"),
];
/// The account of a registry with [`Access::Account`].
const USER: &str = "paula";
pub const PASSWORD: &str = "open sesame";
pub const HTPASSWD: &str = "paula:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";
/// The time that a server has for its start, on a busy machine.
const START: Duration = Duration::from_mins(2);

/// Who may do what at a registry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Open,
    ReadOnly,
    /// Nothing without the account.
    Account,
}

/// A registry on a free port of the loopback interface; gone when dropped.
pub struct Registry {
    pub host: String,
    server: Child,
    _folder: TempDir,
}

impl Registry {
    /// An empty registry.
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let storage = folder.path().join("storage");
        Self::serve(folder, &storage, Access::Open)
    }

    /// A registry that has a base and its builder.
    pub fn with(pair: Pair) -> Self {
        let registry = Self::start();
        registry.push_fixture(pair.base);
        registry.push_fixture(pair.builder);
        registry
    }

    /// A registry that has test images, and what other tests of this process push. Its
    /// storage is filled once for each process.
    pub fn over_fixtures(access: Access) -> Self {
        Self::serve(TempDir::new().unwrap(), fixtures(), access)
    }

    fn serve(folder: TempDir, storage: &Path, access: Access) -> Self {
        let (config, log) = (folder.path().join("registry.yml"), folder.path().join("log"));
        fs::write(&config, configuration(storage, folder.path(), access)).unwrap();
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        // should the test be killed, the kernel ends the registry
        let server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut registry = Self { host: String::new(), server, _folder: folder };
        let start = Instant::now();
        while registry.host.is_empty() {
            let text = fs::read_to_string(&log).unwrap();
            let ended = registry.server.try_wait().unwrap();
            assert!(ended.is_none(), "docker-registry ended; run scripts/setup\n{text}");
            assert!(start.elapsed() < START, "docker-registry does not answer\n{text}");
            registry.host = listening(&text).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    pub fn push_fixture(&self, image: &str) {
        run("crane", ["push".as_ref(), layout(image).as_os_str(), self.name(image).as_ref()]);
    }

    /// The whole name of `repository:tag` here.
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.host)
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

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// The account with a password, as `Authorization` and docker's config.json have it.
pub fn basic(password: &str) -> String {
    BASE64_STANDARD.encode(format!("{USER}:{password}"))
}

fn configuration(storage: &Path, folder: &Path, access: Access) -> String {
    let read_only = if access == Access::ReadOnly { "  maintenance: { readonly: { enabled: true } }\n" } else { "" };
    let auth = match access {
        Access::Account => format!("auth: {{ htpasswd: {{ realm: test, path: {}/htpasswd }} }}\n", folder.display()),
        Access::Open | Access::ReadOnly => String::new(),
    };
    format!(
        "version: 0.1\n\
         log: {{ level: info, accesslog: {{ disabled: true }} }}\n\
         storage:\n  filesystem: {{ rootdirectory: {} }}\n  delete: {{ enabled: true }}\n{read_only}\
         http: {{ addr: \"127.0.0.1:0\" }}\n{auth}",
        storage.display()
    )
}

/// `127.0.0.1:PORT`, once the log says so.
fn listening(log: &str) -> Option<String> {
    let port = log.split("listening on 127.0.0.1:").nth(1)?;
    let end = port.find(|c: char| !c.is_ascii_digit())?;
    Some(format!("127.0.0.1:{}", &port[..end]))
}

/// The storage with the test images.
fn fixtures() -> &'static Path {
    static STORAGE: OnceLock<PathBuf> = OnceLock::new();
    STORAGE.get_or_init(|| {
        let storage = emptied("fixtures-registry");
        let registry = Registry::serve(TempDir::new().unwrap(), &storage, Access::Open);
        for (image, name) in IMAGES {
            run("crane", ["push".as_ref(), layout(image).as_os_str(), registry.name(name).as_ref()]);
        }
        for (from, platform, to) in SINGLE {
            run("crane", ["copy", "--platform", platform, &registry.name(from), &registry.name(to)]);
        }
        storage
    })
}
