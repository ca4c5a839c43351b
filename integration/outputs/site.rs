//! A project, a registry, and a cache that all tests of the process share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::registry::{Access, Registry};
use crate::support::{DEBIAN_13, Ran, emptied, project, run};

/// The project `hello`, and a registry with its base and builder.
pub struct Site {
    folder: TempDir,
    pub registry: Registry,
    environment: Vec<(String, String)>,
}

impl Site {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        project("hello", DEBIAN_13, folder.path());
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, registry: Registry::over_fixtures(Access::Open), environment: Vec::new() }
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().display().to_string()));
        self
    }

    /// The project's directory, in which carboy runs.
    pub fn project(&self) -> PathBuf {
        self.folder.path().join("hello")
    }

    /// A path beside the project.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a verb. `REG` stands for the registry, `OUT` for the folder beside the project.
    pub fn carboy(&self, args: &[&str]) -> Ran {
        static CACHE: OnceLock<PathBuf> = OnceLock::new();
        let cache = CACHE.get_or_init(|| emptied("outputs-cache"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        command.args(args.iter().map(|arg| self.full(arg))).current_dir(self.project()).stdin(Stdio::null());
        command.env_clear().env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("TMPDIR", self.beside("tmp")).env("CARBOY_CACHE_DIR", cache).env("CARBOY_PROGRESS", "plain");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ran::of(command.output().unwrap())
    }

    /// Builds the project.
    pub fn build(&self, args: &[&str]) -> Ran {
        let base = format!("--base=REG/{}", DEBIAN_13.base.replace(":nonroot", ":latest"));
        let builder = format!("--builder=REG/{}", DEBIAN_13.builder);
        self.carboy(&[&["build", &base, &builder], args].concat())
    }

    /// Builds the project; the lines of stdout.
    #[track_caller]
    pub fn built(&self, args: &[&str]) -> Vec<String> {
        let out = self.build(args).done();
        assert!(out.ends_with('\n'), "{out:?}");
        out.lines().map(str::to_owned).collect()
    }

    /// Errors of a run that fails, with `REG` and `OUT`.
    #[track_caller]
    pub fn error(&self, ran: &Ran) -> String {
        assert!(matches!(ran.code, Some(1 | 2)), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        let at = ran.stderr.find("error[").unwrap_or_else(|| panic!("{}", ran.stderr));
        self.short(&ran.stderr[at..])
    }

    pub fn full(&self, text: &str) -> String {
        text.replace("REG", &self.registry.host).replace("OUT", &self.folder.path().display().to_string())
    }

    pub fn short(&self, text: &str) -> String {
        text.replace(&self.registry.host, "REG").replace(&self.folder.path().display().to_string(), "OUT")
    }
}

/// The digest in a line of stdout.
pub fn digest(line: &str) -> &str {
    line.split_once('@').unwrap().1
}

/// Returns an image's manifest or index as skopeo reads it, and its digest.
pub fn raw(image: &str) -> (Value, String) {
    let text = run("skopeo", ["inspect", "--raw", "--tls-verify=false", image]);
    let digest = carboy::oci::Digest::of(text.as_bytes()).to_string();
    (serde_json::from_str(&text).unwrap(), digest)
}

/// A member of a tar.
pub fn member(archive: &Path, name: &str) -> String {
    run("tar", ["xOf".as_ref(), archive.as_os_str(), name.as_ref()])
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
