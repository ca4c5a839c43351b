//! A project's folder, made-up images beside it, and builds of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::built::Built;
use super::images;

/// The files of a project and the arguments of its build.
#[derive(Clone, Default)]
pub struct Case {
    /// The name of its file of pinned digests.
    pub name: &'static str,
    /// A folder of [`super::images`], or `scratch`.
    pub base: &'static str,
    pub files: Vec<(String, Vec<u8>)>,
    pub args: Vec<&'static str>,
    pub env: Vec<(&'static str, &'static str)>,
}

impl Case {
    /// A project over a base with merged usr, with this configuration.
    pub fn new(name: &'static str, toml: &str) -> Self {
        Self { name, base: "merged", ..Self::default() }.file("carboy.toml", toml)
    }

    pub fn base(mut self, base: &'static str) -> Self {
        self.base = base;
        self
    }

    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), content.as_ref().to_vec()));
        self
    }

    pub fn args(mut self, args: &[&'static str]) -> Self {
        self.args.extend(args);
        self
    }

    pub fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self
    }
}

/// A case in a folder of its own.
pub struct Project {
    folder: TempDir,
    case: Case,
    /// The digests of the made-up images.
    pub images: Value,
}

/// The end of a build that succeeds.
pub struct Run {
    pub built: Built,
    events: Vec<Value>,
}

impl Project {
    pub fn new(case: &Case) -> Self {
        let folder = TempDir::new().unwrap();
        let project = folder.path().join("project");
        fs::create_dir(&project).unwrap();
        let images = images::write(&folder.path().join("images"));
        for (path, content) in &case.files {
            let path = project.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Self { folder, case: case.clone(), images }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Builds into the layout `target`, with the cache folder `cache`.
    #[track_caller]
    pub fn build(&self, target: &str, cache: &str, args: &[&str]) -> Run {
        self.build_by(Path::new(env!("CARGO_BIN_EXE_carboy")), target, cache, args)
    }

    /// Builds with another carboy.
    #[track_caller]
    pub fn build_by(&self, carboy: &Path, target: &str, cache: &str, args: &[&str]) -> Run {
        let target = self.path(target);
        let image = |name: &str| format!("oci:{}:1", self.path("images").join(name).display());
        let base = if self.case.base == "scratch" { "scratch".to_owned() } else { image(self.case.base) };
        let mut command = Command::new(carboy);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path("home")).stdin(Stdio::null());
        command.envs(self.case.env.iter().copied()).arg("build").arg(self.path("project"));
        command.args(["--base", &base, "--builder", &image("builder"), "--progress", "json"]);
        command.arg("--to").arg(format!("oci:{}:1", target.display()));
        command.arg("--cache-dir").arg(self.path(cache)).arg("--allow-outside").arg(self.path("images"));
        let output = command.args(args).args(&self.case.args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{}: {stderr}", self.case.name);
        Run {
            built: Built::new(target),
            events: stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        }
    }
}

impl Run {
    fn of(&self, event: &'static str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |object| object["event"] == event)
    }

    /// The warnings, sorted: platforms are built at the same time.
    pub fn warnings(&self) -> Vec<String> {
        let mut out: Vec<_> = self.of("warning").map(|event| event["message"].to_string()).collect();
        out.sort();
        out
    }

    /// The report without the target's name, time spent and the state of the cache.
    pub fn report(&self) -> Value {
        let mut report = self.of("report").next().unwrap().clone();
        for key in ["elapsed", "outputs", "reference"] {
            report.as_object_mut().unwrap().remove(key);
        }
        for platform in report["platforms"].as_array_mut().unwrap() {
            platform.as_object_mut().unwrap().remove("resolved");
            for layer in platform["layers"].as_array_mut().unwrap() {
                layer.as_object_mut().unwrap().remove("cached");
            }
        }
        report
    }
}
