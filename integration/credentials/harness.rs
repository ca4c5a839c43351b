//! carboy with a home of its own, and a registry that tells who came.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tempfile::TempDir;

use crate::small_image::SmallImage;
use crate::support::Ran;
use crate::support::scripted::{Reply, Request, Scripted};

/// The account of the registry.
pub const USER: &str = "paula";
pub const PASSWORD: &str = "open sesame";

/// A machine, and a registry with an image for its account.
pub struct Machine {
    pub folder: TempDir,
    pub registry: Scripted,
    environment: Vec<(String, String)>,
}

/// Returns the account in base64.
pub fn account() -> String {
    BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

/// Returns whether a request carries the account.
pub fn is_known(request: &Request) -> bool {
    request.headers.get("authorization").is_some_and(|given| *given == format!("Basic {}", account()))
}

/// A registry that wants the account with each request.
pub fn closed() -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let image = SmallImage::new();
    move |request| {
        if is_known(request) {
            let is_login = request.is("GET", "/v2/ ");
            return if is_login { Reply::new(200).body("{}") } else { image.answer(request) };
        }
        Reply::error(401, "UNAUTHORIZED", "authentication required").with("WWW-Authenticate", "Basic realm=\"r\"")
    }
}

/// A registry with a token service that gives everybody a token, but refuses all passwords.
pub fn public() -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let image = SmallImage::new();
    move |request| match request.headers.get("authorization").map(String::as_str) {
        Some(given) if given.starts_with("Basic") => {
            Reply::new(401).body(r#"{"details":"incorrect username or password"}"#)
        }
        Some("Bearer public") if request.is("GET", "") => image.answer(request),
        _ if request.is("GET", "/token") => Reply::new(200).body(r#"{"token":"public"}"#),
        _ => {
            let realm = format!("Bearer realm=\"http://{}/token\",service=\"r\"", request.headers["host"]);
            Reply::new(401).with("WWW-Authenticate", &realm)
        }
    }
}

impl Machine {
    /// A machine without credentials.
    pub fn new(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        for path in ["home", "project", "bin"] {
            fs::create_dir(folder.path().join(path)).unwrap();
        }
        Self { folder, registry: Scripted::start(script), environment: Vec::new() }
    }

    /// A path on the machine.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file; `REGISTRY` stands for the registry.
    pub fn file(self, path: &str, text: &str) -> Self {
        let at = self.path(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, self.full(text)).unwrap();
        self
    }

    /// Writes a helper program in the shell's language.
    pub fn helper(self, name: &str, script: &str) -> Self {
        let path = format!("bin/docker-credential-{name}");
        let machine = self.file(&path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(machine.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
        machine
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        let value = self.full(value);
        self.environment.push((name.to_owned(), value));
        self
    }

    fn full(&self, text: &str) -> String {
        text.replace("REGISTRY", &self.registry.host).replace("DIR", &self.folder.path().display().to_string())
    }

    /// carboy in the project's directory.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        command.args(args.iter().map(|arg| self.full(arg))).current_dir(self.path("project")).stdin(Stdio::null());
        command.env_clear().env("HOME", self.path("home")).env("TMPDIR", std::env::temp_dir());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Pulls the image, and pushes what is made of it when there is a target.
    pub fn build(&self, more: &[&str]) -> Ran {
        let base = ["build", "--python=false", "--base=REGISTRY/small/base:1", "--platform=linux/amd64", "--no-cache"];
        let push: &[&str] = if more.iter().any(|arg| arg.starts_with("--to") || arg.starts_with("--push")) {
            &[]
        } else {
            &["--push=false"]
        };
        self.run(&[&base, push, more, &["--", "/bin/tool"]].concat())
    }

    /// Returns the diagnostics, with names for what changes between runs.
    pub fn told(&self, ran: &Ran) -> String {
        let folder = self.folder.path().display().to_string();
        let text = ran.stderr.replace(&self.registry.host, "REGISTRY").replace(&folder, "DIR");
        assert!(!text.contains(PASSWORD) && !text.contains(&account()), "{text}");
        let is_told = |line: &&str| {
            let is_diagnostic =
                ["warning[", "error[", "hint: ", "  hint: "].iter().any(|start| line.starts_with(start));
            // The image has no program.
            is_diagnostic && !line.contains("cannot-start")
        };
        text.lines().filter(is_told).collect::<Vec<_>>().join("\n")
    }
}
