//! A project whose image is pushed, and the programs that push it and pull it again.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::OnceLock;

use carboy::oci::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

use super::certificates::{Certificates, HOST};
use crate::program::PROGRAM;
use crate::random::Random;
use crate::small_layout::Layout;
use crate::support::registry::{PASSWORD, basic};
use crate::support::{DEBIAN_13, Ran, emptied, test_cache};

/// The bytes of each of the base's layers and of the project's file; none of them compresses.
const LAYER: usize = 400_000;
const FILE: usize = 1_000_000;

/// A project, a cache and the settings of a machine.
pub struct Project {
    folder: TempDir,
    certificates: Option<Rc<Certificates>>,
    environment: Vec<(String, String)>,
}

/// A build that went well.
pub struct Build {
    /// `HOST/REPOSITORY:TAG@DIGEST`.
    pub line: String,
    pub events: Vec<Value>,
}

impl Project {
    pub fn new() -> Self {
        Self::of(FILE)
    }

    /// A project with a file of so many bytes.
    pub fn of(bytes: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let project = folder.path().join("project");
        fs::create_dir_all(project.join("files")).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::write(project.join("files/noise"), noise(7, bytes)).unwrap();
        let text = "python = false\nplatforms = [\"linux/amd64\"]\n[[copy]]\nfrom = \"files/noise\"\nto = \"/srv/noise\"\n\
             [image]\nentrypoint = [\"/bin/tool\"]\n";
        fs::write(project.join("carboy.toml"), text).unwrap();
        fs::write(folder.path().join("hosts"), format!("127.0.0.1 localhost {HOST}\n")).unwrap();
        Self { folder, certificates: None, environment: Vec::new() }
    }

    /// The example that prints the Python it runs in.
    pub fn hello() -> Self {
        let this = Self::new();
        let project = this.folder.path().join("project");
        fs::remove_dir_all(&project).unwrap();
        crate::support::project("hello", DEBIAN_13, this.folder.path());
        fs::rename(this.folder.path().join("hello"), project).unwrap();
        this
    }

    /// Has docker's configuration hold the account at these registries.
    pub fn logged_in(self, hosts: &[&str]) -> Self {
        let auth = basic(PASSWORD);
        let auths = hosts.iter().map(|host| ((*host).to_owned(), serde_json::json!({ "auth": auth })));
        let auths: serde_json::Map<_, _> = auths.collect();
        let config = serde_json::json!({ "auths": auths }).to_string();
        fs::write(self.folder.path().join("config.json"), config).unwrap();
        self
    }

    /// Reaches [`HOST`], and trusts an authority that a variable of carboy names.
    pub fn trusting(self, certificates: &Rc<Certificates>, variable: &str) -> Self {
        let path = certificates.authority();
        self.reaching(certificates).env(variable, path.to_str().unwrap())
    }

    /// Reaches [`HOST`]; carboy trusts no authority.
    pub fn reaching(mut self, certificates: &Rc<Certificates>) -> Self {
        self.certificates = Some(Rc::clone(certificates));
        self
    }

    /// Has files of an authority and of a client where docker looks for those of a host.
    pub fn certified(self, host: &str, names: &[&str]) -> Self {
        let to = self.folder.path().join("home/.config/docker/certs.d").join(host);
        fs::create_dir_all(&to).unwrap();
        for name in names {
            fs::copy(self.certificates.as_ref().unwrap().folder().join(name), to.join(name)).unwrap();
        }
        self
    }

    /// Sets a variable of carboy.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A program with the machine's settings; [`HOST`] is this machine for it.
    fn command(&self, program: &Path) -> Command {
        let folder = self.folder.path();
        let mut command = if self.certificates.is_some() {
            let mut command = Command::new("bwrap");
            command.args(["--dev-bind", "/", "/", "--die-with-parent", "--bind"]);
            command.arg(folder.join("hosts")).args(["/etc/hosts", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder.join("home")).env("DOCKER_CONFIG", folder);
        command.env("TMPDIR", std::env::temp_dir()).env("REGISTRY_AUTH_FILE", folder.join("config.json"));
        command.current_dir(folder.join("project")).stdin(Stdio::null());
        command
    }

    fn carboy(&self, base: &str, to: &str) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_carboy").as_ref());
        command.args(["build", "--progress=json", "--base", base, "--to", to, "--cache-dir"]).arg(self.cache());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// A build that fails; what it printed on stderr.
    #[track_caller]
    pub fn fails(&self, base: &str, to: &str) -> String {
        let ran = Ran::of(self.carboy(base, to).output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
        ran.stderr
    }

    #[track_caller]
    pub fn build(&self, base: &str, to: &str) -> Build {
        self.watched(base, to, |_| ())
    }

    /// A build of which each event is shown to `watch` as it happens.
    #[track_caller]
    pub fn watched(&self, base: &str, to: &str, mut watch: impl FnMut(&Value)) -> Build {
        let mut child = self.carboy(base, to).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut events = Vec::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            assert!(!event["cause"].to_string().contains("://"), "the address of somebody's manual: {event}");
            watch(&event);
            events.push(event);
        }
        let ran = Ran::of(child.wait_with_output().unwrap());
        let told: Vec<_> = events.iter().filter(|event| event["event"] != "advanced").map(Value::to_string).collect();
        assert_eq!(ran.code, Some(0), "{}", told.join("\n"));
        Build { line: ran.stdout.trim_end().to_owned(), events }
    }

    /// Pushes the base as it is.
    pub fn push_base(&self, to: &str) {
        self.push_layout(base(), to);
    }

    /// Copies an OCI layout of several platforms.
    pub fn push_layout(&self, layout: &Path, to: &str) {
        self.copy(&format!("oci:{}", layout.display()), &format!("docker://{to}"));
    }

    /// Copies with skopeo: plain HTTP to this machine by its address, and TLS to [`HOST`].
    fn copy(&self, from: &str, to: &str) {
        let mut skopeo = self.command("/usr/bin/skopeo".as_ref());
        skopeo.args(["copy", "--all", "--preserve-digests"]);
        for (side, image) in [("src", from), ("dest", to)] {
            if image.starts_with("docker://127.") {
                skopeo.arg(format!("--{side}-tls-verify=false"));
            } else if let Some(it) = &self.certificates {
                skopeo.arg(format!("--{side}-cert-dir={}", it.folder().display()));
            }
        }
        Ran::of(skopeo.args([from, to]).output().unwrap()).done();
    }

    /// Pulls what was built with two other programs, which check each digest.
    pub fn pulls_again(&self, line: &str) {
        let (name, digest) = line.rsplit_once('@').unwrap();
        let copy = TempDir::new().unwrap();
        let folder = format!("dir:{}", copy.path().display());
        self.copy(&format!("docker://{name}"), &folder);
        let manifest = fs::read(copy.path().join("manifest.json")).unwrap();
        assert_eq!(Digest::of(&manifest).to_string(), digest);
        // crane has no certificate of a client.
        if self.folder.path().join("home/.config").exists() {
            return;
        }
        let mut crane = self.command(&test_cache("bin/crane"));
        crane.envs(self.certificates.as_ref().map(|it| ("SSL_CERT_FILE", it.authority())));
        Ran::of(crane.args(["pull", "--format=oci", name]).arg(copy.path().join("oci")).output().unwrap()).done();
    }
}

impl Build {
    /// The blobs whose push ended like this.
    pub fn pushed(&self, outcome: &str) -> usize {
        let ended = self.events.iter().filter(|event| event["event"] == "ended" && event["verb"] == "push");
        ended.filter(|event| event["outcome"] == outcome).count()
    }

    /// Why something was tried again.
    pub fn retries(&self) -> Vec<String> {
        let retries = self.events.iter().filter(|event| event["event"] == "retrying");
        retries.map(|event| format!("{}: {}", event["what"], event["cause"])).collect()
    }
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length.div_ceil(8)).flat_map(|_| random.next().to_le_bytes()).take(length).collect()
}

/// An OCI layout of a base with three layers.
fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        let users = b"root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532::/home/nonroot:/bin/sh\n";
        let first =
            tar(&[("bin/tool", 0o755, &PROGRAM), ("etc/passwd", 0o644, users), ("srv/1", 0o644, &noise(1, LAYER))]);
        let others = [2, 3].map(|seed| tar(&[(&format!("srv/{seed}"), 0o644, &noise(seed, LAYER))]));
        let mut layout = Layout::new(&emptied("servers-base"));
        for tar in [&[first], &others[..]].concat() {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&tar).unwrap();
            layout.add("application/vnd.oci.image.layer.v1.tar+gzip", &gzip.finish().unwrap(), &Digest::of(&tar));
        }
        layout.finish()
    })
}

fn tar(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        header.set_mode(*mode);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}
