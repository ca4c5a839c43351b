//! A project, a cache and an output layout, and builds upon odd bases among them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use carboy::oci::Digest;
use serde_json::Value;
use tempfile::TempDir;

use crate::odd_image::OddImage;
use crate::scripted::{Reply, Request, Scripted};

/// A folder for one test.
pub struct Workbench {
    folder: Arc<TempDir>,
    names: Vec<(String, &'static str)>,
}

/// A build that ended.
pub struct Run {
    pub code: Option<i32>,
    /// Its warnings and errors, with names for what changes between runs.
    pub stderr: String,
    folder: Arc<TempDir>,
}

impl Workbench {
    pub fn new() -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        fs::create_dir(folder.path().join("project")).unwrap();
        let path = folder.path().display().to_string();
        Self { folder, names: vec![(path, "DIR")] }
    }

    /// A file or directory of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes docker's configuration.
    pub fn docker_config(&self, config: &Value) {
        fs::create_dir_all(self.path("docker")).unwrap();
        fs::write(self.path("docker/config.json"), config.to_string()).unwrap();
    }

    /// Builds upon a base for linux/amd64, with an empty cache.
    pub fn build(&self, base: &str, more: &[&str]) -> Run {
        for name in ["cache", "out"] {
            fs::remove_dir_all(self.path(name)).ok();
        }
        self.build_again(base, more)
    }

    /// Builds upon a base for linux/amd64, with the cache of the build before.
    pub fn build_again(&self, base: &str, more: &[&str]) -> Run {
        let path = |name: &str| self.path(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        command.args(["build", "--python=false", "--to=oci:../out:1", "--progress=plain"]);
        if !more.contains(&"--platform") {
            command.arg("--platform=linux/amd64");
        }
        command.arg(format!("--base={base}")).args(more).args(["--", "/bin/tool"]);
        command.current_dir(path("project")).stdin(Stdio::null());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", path("home"))
            .env("CARBOY_CACHE_DIR", path("cache"));
        command.env("DOCKER_CONFIG", path("docker")).env("CARBOY_ALLOW_OUTSIDE", self.folder.path());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let text = self.names.iter().fold(text, |text, (long, name)| text.replace(long, name));
        let told = ["error", "warning", "hint", "retrying"];
        let stderr = text.lines().map(str::trim_start).filter(|line| told.iter().any(|start| line.starts_with(start)));
        Run { code: output.status.code(), stderr: stderr.collect::<Vec<_>>().join("\n"), folder: self.folder.clone() }
    }

    /// Serves an image as `odd/base`, and builds upon it.
    pub fn build_served(&mut self, image: OddImage) -> Run {
        let server = Scripted::start(move |request: &Request| image.answer(request));
        self.build_from(&server)
    }

    /// Builds upon `odd/base:1` of a server.
    pub fn build_from(&mut self, server: &Scripted) -> Run {
        self.names.push((server.host.clone(), "SCRIPTED"));
        self.build(&format!("{}/odd/base:1", server.host), &[])
    }

    /// Writes an image as a layout, and builds upon it.
    pub fn build_layout(&self, image: &OddImage) -> Run {
        let layout = self.path("layout");
        fs::remove_dir_all(&layout).ok();
        image.write(&layout);
        self.build(&format!("oci:{}:1", layout.display()), &[])
    }

    /// Builds upon an image, from a registry and from a layout; both must give the same image.
    #[track_caller]
    pub fn succeeds(&mut self, image: &OddImage) -> Run {
        let from_layout = self.build_layout(image);
        assert_eq!(from_layout.code, Some(0), "from a layout:\n{}", from_layout.stderr);
        let of_layout = from_layout.manifest();
        let served = self.build_served(image.clone());
        assert_eq!(served.code, Some(0), "from a registry:\n{}", served.stderr);
        assert_eq!(served.manifest()["layers"], of_layout["layers"]);
        served
    }

    /// Builds upon an image from a registry, which fails; returns what was told.
    #[track_caller]
    pub fn fails(&mut self, image: OddImage) -> String {
        let run = self.build_served(image);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        for noise in ["panicked", "Some(", "Err(", "reqwest"] {
            assert!(!run.stderr.contains(noise), "`{noise}` in:\n{}", run.stderr);
        }
        run.stderr
    }
}

impl Run {
    fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The manifest that was written for linux/amd64.
    pub fn manifest(&self) -> Value {
        let index = self.json(&Self::read(&self.output().join("index.json"))["manifests"][0]);
        self.json(&index["manifests"][0])
    }

    /// The configuration that was written.
    pub fn config(&self) -> Value {
        self.json(&self.manifest()["config"])
    }

    /// The media types of all layers, without their common beginning.
    pub fn layer_types(&self) -> Vec<String> {
        let manifest = self.manifest();
        let layers = manifest["layers"].as_array().unwrap().iter();
        let kind =
            |layer: &Value| layer["mediaType"].as_str().unwrap().trim_start_matches("application/vnd.").to_owned();
        layers.map(kind).collect()
    }

    /// Returns whether the output has a blob, and its bytes are the digest's.
    pub fn has(&self, digest: &str) -> bool {
        let path = self.output().join("blobs").join(digest.replace(':', "/"));
        fs::read(path).is_ok_and(|bytes| Digest::of(&bytes).to_string() == digest)
    }

    fn json(&self, descriptor: &Value) -> Value {
        let digest = descriptor["digest"].as_str().unwrap();
        Self::read(&self.output().join("blobs").join(digest.replace(':', "/")))
    }

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

/// An error as the distribution specification has it, with a challenge.
pub fn unauthorized(challenges: &[String]) -> Reply {
    let reply = Reply::error(401, "UNAUTHORIZED", "authentication required");
    challenges.iter().fold(reply, |reply, challenge| reply.with("WWW-Authenticate", challenge))
}
