//! A project's folder, a cache and a registry, and carboy run among them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::emptied;
use super::registry::{Access, Registry};

/// Over the fixtures, for one platform, with the cache of [`Harness::warm`].
pub const CC: &str = "--base=REGISTRY/distroless/cc";
pub const SLIM: &str = "--builder=REGISTRY/python:3.11-slim";
pub const AMD64: &str = "--platform=linux/amd64";

/// A project in a folder of its own, a cache, and a registry to push to.
pub struct Harness {
    folder: TempDir,
    pub registry: Option<Registry>,
    /// The repository to push to.
    target: String,
    names: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    /// What comes before all other arguments.
    pub first: Vec<String>,
}

/// The exit code and output of a run.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Harness {
    /// An empty project and an empty cache; who gets as far as a registry has none.
    pub fn alone() -> Self {
        Self::over(None)
    }

    /// An empty project, an empty cache and an open registry.
    pub fn new() -> Self {
        Self::with(Registry::over_fixtures(Access::Open))
    }

    /// An empty project and an empty cache.
    pub fn with(registry: Registry) -> Self {
        Self::over(Some(registry))
    }

    fn over(registry: Option<Registry>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let target = format!("t{}/shop", COUNT.fetch_add(1, Ordering::Relaxed));
        let host = registry.as_ref().map_or("registry.invalid", |registry| &registry.host).to_owned();
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("project")).unwrap();
        let names = vec![(format!("{host}/{target}"), "TARGET".to_owned()), (host, "REGISTRY".to_owned())];
        let first = ["build", "--progress=plain", "--to=TARGET:1"].map(str::to_owned).to_vec();
        let path = folder.path().display().to_string();
        Self { folder, registry, target, names, environment: Vec::new(), first }.named("DIR", &path)
    }

    /// An empty project, and the fixtures for Python 3.11 pulled already.
    pub fn warm() -> Self {
        static SEED: OnceLock<PathBuf> = OnceLock::new();
        let seed = SEED.get_or_init(|| {
            let folder = emptied("harness-cache");
            let harness = Self::new();
            harness.succeeds(&[CC, SLIM, AMD64, "--push=false", "--", "python3"]);
            link(&harness.cache(), &folder);
            folder
        });
        let harness = Self::new();
        link(seed, &harness.cache());
        harness
    }

    /// Has a text stand as a name in arguments, and in what is printed.
    pub fn named(mut self, name: &str, text: &str) -> Self {
        self.names.push((text.to_owned(), name.to_owned()));
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has docker's configuration hold an account of the registry.
    pub fn logged_in(self, auth: &str) -> Self {
        let folder = self.folder.path().join("docker");
        fs::create_dir_all(&folder).unwrap();
        let host = &self.registry.as_ref().unwrap().host;
        let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#);
        fs::write(folder.join("config.json"), config).unwrap();
        let folder = folder.display().to_string();
        self.env("DOCKER_CONFIG", &folder)
    }

    /// Writes a file of the project.
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.project().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// Beside the project.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// The program with arguments, to be started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        command.args(self.first.iter().map(|arg| self.full(arg))).args(args.iter().map(|arg| self.full(arg)));
        command.current_dir(self.project()).stdin(Stdio::null());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path().join("home")).env("CARBOY_CACHE_DIR", self.cache());
        command.env("TMPDIR", std::env::temp_dir());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        self.ended(&self.command(args).output().unwrap())
    }

    /// What a run printed, with names for what changes between runs.
    pub fn ended(&self, output: &Output) -> Run {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.names.iter().fold(text, |text, (long, name)| text.replace(long, name))
        };
        Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// A text in which names stand, such as the line of a build, as it was.
    pub fn full(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (long, name)| text.replace(name, long))
    }

    /// What the tag names that is pushed.
    pub fn tag(&self) -> Option<String> {
        self.registry.as_ref()?.tag(&self.target, "1")
    }

    /// A run that is refused before anything is done.
    pub fn refuses(&self, args: &[&str]) -> String {
        let text = self.fails(args);
        assert!(text.starts_with("exit: 2\n"), "{text}");
        assert!(!self.cache().exists(), "nothing was to be done");
        text
    }

    /// A run that fails, and leaves nothing behind.
    pub fn fails(&self, args: &[&str]) -> String {
        let before = self.tag();
        let run = self.run(args);
        let text = run.text();
        assert!(matches!(run.code, Some(1 | 2)), "{text}");
        assert_eq!(run.stdout, "", "stdout is for references");
        for noise in ["panicked", "backtrace", "Some(", "None)", "Err(", "reqwest", "hyper", "Os {", "{ kind"] {
            assert!(!run.stderr.contains(noise), "`{noise}` in:\n{text}");
        }
        assert_eq!(self.tag(), before, "the tag moved");
        text
    }

    /// A run that succeeds; what it printed.
    pub fn succeeds(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "{}", run.text());
        run
    }

    /// A build that succeeds in the cache that a failed one left: everything that
    /// it finds there is right, for docker-registry checks what is pushed.
    pub fn recovers(&self, args: &[&str]) {
        let run = self.succeeds(args);
        let digest = self.tag().unwrap();
        assert_eq!(run.stdout, format!("TARGET:1@{digest}\n"));
    }
}

impl Run {
    /// Exit code, stdout and stderr. What was done until then depends on which
    /// worker was faster, so it is left out; so is how long pauses were.
    pub fn text(&self) -> String {
        let done = ["pulled ", "packed ", "mounted ", "pushed ", "present already: "];
        let lines = self.stderr.lines().filter(|line| !done.iter().any(|verb| line.starts_with(verb)));
        let lines: Vec<_> = lines
            .map(|line| match pause(line) {
                Some(pause) => line.replace(&format!(" {pause} s: "), " N s: "),
                None => line.to_owned(),
            })
            .collect();
        let code = self.code.map_or("none".to_owned(), |code| code.to_string());
        format!("exit: {code}\n-- stdout\n{}-- stderr\n{}\n", self.stdout, lines.join("\n"))
    }

    /// The seconds that its retries waited, together.
    pub fn pauses(&self) -> f32 {
        self.stderr.lines().filter_map(pause).map(|pause| pause.parse::<f32>().unwrap()).sum()
    }
}

/// The seconds that a retry waits, as its line has them.
fn pause(line: &str) -> Option<&str> {
    let (before, _) = line.strip_prefix("retrying ")?.split_once(" s: ")?;
    before.rsplit(' ').next()
}

/// Links the files of a folder into another, as carboy changes none in place; copies them
/// where the folders are on two file systems.
fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            link(&entry.path(), &to);
        } else {
            fs::hard_link(entry.path(), &to).or_else(|_| fs::copy(entry.path(), &to).map(drop)).unwrap();
        }
    }
}
