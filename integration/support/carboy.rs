//! The binary, in an environment of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::registry::Registry;
use super::{Pair, Ran, test_cache};

/// A verb of carboy's, with an empty home and an empty cache unless told otherwise.
pub struct Carboy {
    command: Command,
    _home: TempDir,
}

impl Carboy {
    pub fn build(project: &Path) -> Self {
        Self::verb("build").args([project])
    }

    pub fn plan(project: &Path) -> Self {
        Self::verb("plan").args([project])
    }

    /// Why a file would be in a project's image.
    pub fn why(file: &str, project: &Path) -> Self {
        Self::verb("why").args([file.as_ref(), project.as_os_str()])
    }

    /// Why a file is in an image.
    pub fn why_image(file: &str, image: &str) -> Self {
        Self::verb("why").args([file, "--image", image])
    }

    fn verb(name: &str) -> Self {
        let home = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path());
        command.env("TMPDIR", std::env::temp_dir());
        // Examples take site-packages and images from there.
        command.env("CARBOY_ALLOW_OUTSIDE", test_cache(""));
        command.stdin(Stdio::null()).arg(name);
        Self { command, _home: home }
    }

    /// The example from the pair's images in `registry`.
    pub fn over(registry: &Registry, pair: Pair, project: &Path) -> Self {
        Self::build(project).pair(registry, pair)
    }

    /// Over the pair's images in `registry`.
    pub fn pair(self, registry: &Registry, pair: Pair) -> Self {
        self.args(["--base", &registry.name(pair.base), "--builder", &registry.name(pair.builder)])
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub fn to(self, target: impl AsRef<str>) -> Self {
        self.args(["--to", target.as_ref()])
    }

    pub fn cache(self, folder: &Path) -> Self {
        self.args(["--cache-dir".as_ref(), folder.as_os_str()])
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn run(mut self) -> Ran {
        Ran::of(self.command.output().unwrap())
    }

    /// The one line that stdout has.
    #[track_caller]
    pub fn line(self) -> String {
        let [line] = self.lines().try_into().unwrap();
        line
    }

    /// The lines of stdout.
    #[track_caller]
    pub fn lines(self) -> Vec<String> {
        let out = self.run().done();
        assert!(out.ends_with('\n'), "{out:?}");
        out.lines().map(str::to_owned).collect()
    }

    /// The document that `--json` prints.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.args(["--json"]).line()).unwrap()
    }

    /// What `--progress json` tells, line by line.
    #[track_caller]
    pub fn events(self) -> Vec<Value> {
        let ran = self.args(["--progress", "json"]).run();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The report of a build of one profile.
    #[track_caller]
    pub fn report(self) -> Report {
        let mut reports = reports(self.events());
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }
}

/// The reports among events.
pub fn reports(events: Vec<Value>) -> Vec<Report> {
    events.into_iter().filter(|event| event["event"] == "report").map(Report).collect()
}

/// What a build says about itself.
pub struct Report(pub Value);

impl Report {
    pub fn digest(&self) -> String {
        self.0["digest"].as_str().unwrap().to_owned()
    }

    /// The layers of a kind: one for each platform.
    #[track_caller]
    pub fn layers(&self, kind: &str) -> Vec<String> {
        let platforms = self.0["platforms"].as_array().unwrap();
        let layers = platforms.iter().flat_map(|platform| platform["layers"].as_array().unwrap());
        let digests: Vec<_> = layers
            .filter(|layer| layer["kind"] == kind)
            .map(|layer| layer["digest"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(digests.len(), platforms.len(), "{kind} of {}", self.0);
        digests
    }
}
