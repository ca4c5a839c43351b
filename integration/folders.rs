//! The files of a project that go into the image: no caches and images, no secrets, no
//! development files. Builds over a layout of one small layer; no registry is needed.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/program.rs"]
mod program;
#[path = "support/small_layout.rs"]
mod small_layout;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use program::PROGRAM;
use serde_json::{Value, json};
use small_layout::Layout;
use tempfile::TempDir;

/// A configuration without Python that has an application.
const APP: &str = "[app]\nsource = \".\"\n";

/// A project, a base with a program, and a cache.
struct Harness {
    folder: TempDir,
}

/// The exit code and output of a run.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Harness {
    /// A project with files: names and contents.
    fn new(files: &[(&str, &str)]) -> Self {
        let harness = Self { folder: TempDir::new().unwrap() };
        Layout::write(&harness.path("base"), &[tar(&[("bin/tool", &PROGRAM)])]);
        fs::create_dir(harness.path("project")).unwrap();
        for (name, content) in files {
            harness.write(name, content.as_bytes());
        }
        harness
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.path("project").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn command(&self, verb: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        self.set_up(&mut command, verb, args);
        command
    }

    fn set_up<'a>(&self, command: &'a mut Command, verb: &str, args: &[&str]) -> &'a mut Command {
        let base = format!("--base=oci:{}:1", self.path("base").display());
        let fixed = ["--python=false", "--platform=linux/amd64", "--compression=gzip", &base];
        command.arg(verb).args(fixed).args(args).args(["--", "/bin/tool"]);
        command.current_dir(self.path("project")).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path("home"));
        command.env("TMPDIR", std::env::temp_dir());
        command.env("CARBOY_CACHE_DIR", self.path("cache"))
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command("build", args))
    }

    /// Builds to a layout beside the project, which has to succeed.
    #[track_caller]
    fn build(&self, args: &[&str]) -> Run {
        let _ = fs::remove_dir_all(self.path("image"));
        let run = self.run(&[&["--to=oci:../image:1"], args].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run
    }

    /// The paths in the last layer of an image, without `/app` itself. Folders end in a slash.
    fn entries(&self, layout: &str) -> Vec<String> {
        let layout = self.path(layout);
        let read = |name: &str| -> Value { serde_json::from_slice(&fs::read(layout.join(name)).unwrap()).unwrap() };
        let blob = |value: &Value| format!("blobs/{}", value["digest"].as_str().unwrap().replace(':', "/"));
        let index = read(&blob(&read("index.json")["manifests"][0]));
        let manifest = read(&blob(&index["manifests"][0]));
        let last = manifest["layers"].as_array().unwrap().last().unwrap();
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(fs::File::open(layout.join(blob(last))).unwrap()).read_to_end(&mut tar).unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let names = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let end = if entry.header().entry_type().is_dir() { "/" } else { "" };
            format!("{}{end}", entry.path().unwrap().display().to_string().trim_end_matches('/'))
        });
        let names = names.filter(|name| !["app/", "usr/", "usr/share/"].contains(&name.as_str()));
        let mut names: Vec<_> = names.filter(|name| !name.starts_with("usr/share/carboy")).collect();
        names.sort();
        names
    }

    /// The files of an image's application.
    fn app(&self) -> Vec<String> {
        let files = self.entries("image").into_iter().filter(|name| !name.ends_with('/'));
        files.filter_map(|name| Some(name.strip_prefix("app/")?.to_owned())).collect()
    }
}

impl Run {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The lines of stderr that begin so.
    fn lines(&self, start: &str) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.starts_with(start)).collect()
    }
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// All files of a folder, by their paths in a tar.
fn archive(folder: &Path) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all(".", folder).unwrap();
    tar.into_inner().unwrap()
}

#[test]
fn a_second_build_packs_neither_cache_nor_images() {
    let harness = Harness::new(&[("app.py", "print(1)"), ("carboy.toml", APP)]);
    let digest = |args: &[&str]| {
        let run = harness.run(args);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout.trim().rsplit('@').next().unwrap().to_owned()
    };
    let first = digest(&["--cache-dir=ci/cache", "--to=oci:out:1.0"]);
    assert_eq!(harness.entries("project/out"), ["app/app.py"]);
    assert_eq!(digest(&["--cache-dir=ci/cache", "--to=oci:out:1.0"]), first);
    harness.write("shop.tar", &archive(&harness.path("project/out")));
    assert_eq!(digest(&["--push=false"]), first, "with another cache and no target");
    fs::remove_file(harness.path("project/ci/cache/CACHEDIR.TAG")).unwrap();
    assert_eq!(digest(&["--push=false"]), first);
    std::os::unix::fs::symlink("ci/cache", harness.path("project/link")).unwrap();
    let run = harness.run(&["--cache-dir=link", "--push=false"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_cache_in_the_projects_folder_gets_a_subfolder_and_a_target_there_is_refused() {
    let harness = Harness::new(&[("app.py", "print(1)"), ("carboy.toml", APP)]);
    let run = harness.build(&["--cache-dir=."]);
    assert!(run.stderr.contains("`.` holds other files, so the cache is in `./carboy`\n"), "{}", run.stderr);
    assert!(harness.path("project/carboy/CACHEDIR.TAG").exists());
    assert_eq!(harness.app(), ["app.py"]);
    harness.write("carboy.toml", b"[app]\nsource = \"carboy\"\n");
    let run = harness.run(&["--cache-dir=carboy", "--push=false"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("cannot be part of the image: it is the directory of the cache\n"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: name another directory, as in --cache-dir"), "{}", run.stderr);
    harness.write("carboy.toml", APP.as_bytes());
    let run = harness.run(&["--to=oci:.", "--push=false"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("cannot be part of the image: the image is written to it\n"), "{}", run.stderr);
}

#[test]
fn a_copied_folder_follows_the_same_rules() {
    let copy = "[[copy]]\nfrom = \"files\"\nto = \"/srv\"\n";
    let harness = Harness::new(&[("files/site.html", ""), ("files/.env", "A=1"), ("carboy.toml", copy)]);
    let run = harness.build(&["--cache-dir=files/cache"]);
    assert_eq!(harness.entries("image"), ["srv/", "srv/site.html"]);
    let lines = run.lines("left out ");
    assert!(lines.len() == 1 && lines[0].contains(".env* 1"), "{}", run.stderr);
    harness.write("carboy.toml", format!("{copy}include = [\".env\"]\n").as_bytes());
    harness.build(&["--cache-dir=files/cache"]);
    assert_eq!(harness.entries("image"), ["srv/", "srv/.env", "srv/site.html"]);
    harness.write("carboy.toml", b"[[copy]]\nfrom = \"files/.env\"\nto = \"/srv/env\"\n");
    harness.build(&[]);
    assert_eq!(harness.entries("image"), ["srv/", "srv/env"], "a file that is named itself");
}

#[test]
fn secrets_and_development_files_stay_out_until_they_are_named() {
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
    let login = "--index-url https://bot:hunter2@pypi.example.com/simple\n";
    let harness = Harness::new(&[
        ("app.py", key),
        ("certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMC4C\n-----END CERTIFICATE-----\n"),
        ("deploy/.NETRC", "machine a login b password c"),
        ("deploy/notes.txt", key),
        ("deploy/Prod.env", "A=1"),
        ("sa.json", r#"{"type":"service_account","private_key":"x"}"#),
        (".config/gcloud/x.db", ""),
        ("requirements-dev.txt", login),
        ("Dockerfile", ""),
        ("node_modules/a/index.js", ""),
        ("carboy.toml", APP),
    ]);
    harness.write("core", &[&b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"[..], &[4, 0, 62, 0]].concat());
    let run = harness.build(&[]);
    assert_eq!(harness.app(), ["app.py", "certs/ca.pem"]);
    let left_out = "left out 10 files: credentials 3, .env* 1, passwords in URLs 1, private keys 1,";
    assert_eq!(run.lines("left out "), [left_out], "{}", run.stderr);
    let warnings = ["warning[password-in-url]: `requirements-dev.txt` is left out: a URL in it has a password"];
    assert_eq!(run.lines("warning["), warnings);
    assert!(!run.stderr.contains("hunter2"));

    let include = ["deploy/.NETRC", "deploy/notes.txt", "Prod.env", "sa.json", ".config/gcloud/**", "core"];
    let include = include.map(|name| format!("{name:?}")).join(", ");
    let more = format!("{APP}include = [{include}, \"requirements-dev.txt\", \"Dockerfile\", \"node_modules/**\"]\n");
    harness.write("carboy.toml", more.as_bytes());
    let run = harness.build(&[]);
    assert_eq!(harness.app().len(), 11);
    assert!(run.lines("warning[").is_empty(), "{}", run.stderr);
}

fn git(folder: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(folder);
    let output = git.args(args).output().unwrap_or_else(|cause| panic!("git: {cause}: run scripts/setup"));
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_git_tracks_is_named_whatever_git_wrote_its_index() {
    let harness = Harness::new(&[
        ("shop/app.py", ""),
        ("shop/dev.env", ""),
        ("shop/.gitignore", "dist\n"),
        ("shop/dist/.env", ""),
        ("shop/dist/x.js", ""),
        ("shop/.github/a.yml", ""),
        ("shop/.github/b.yml", ""),
        ("shop/carboy.toml", APP),
    ]);
    let repository = harness.path("project");
    git(&repository, &["init", "--quiet"]);
    git(&repository, &["add", "--force", "--all"]);
    harness.write("shop/prod.env", b"untracked");
    let named = |folder: &Path| {
        let run = Run::of(harness.command("build", &["--push=false"]).current_dir(folder));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.lines("git tracks of these: ").concat()
    };
    let told = "git tracks of these: dev.env, dist/.env, .github/ (2 files)";
    for version in ["2", "3", "4"] {
        git(&repository, &["update-index", "--index-version", version]);
        assert_eq!(named(&repository.join("shop")), told, "version {version}");
    }
    git(&repository, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=all"]);
    git(&repository, &["worktree", "add", "--quiet", "../tree"]);
    assert_eq!(named(&harness.path("tree/shop")), told);
    let mut command = harness.command("build", &["--push=false", "--progress=json"]);
    let run = Run::of(command.current_dir(harness.path("tree/shop")));
    let report: Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(report["left_out_tracked"][2], json!({ "path": ".github/", "rule": "development files", "files": 2 }));
    harness.write("shop/carboy.toml", format!("{APP}exclude = [\"dev.env\", \"dist\", \".github\"]\n").as_bytes());
    assert_eq!(named(&repository.join("shop")), "", "what the configuration leaves out is meant");
}

/// A user who may not read everything.
const NOBODY: u32 = 65534;

/// Makes all that a user may reach theirs.
fn give(path: &Path) {
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

#[test]
fn a_folder_that_is_left_out_need_not_be_readable() {
    let harness = Harness::new(&[("app.py", ""), ("pgdata/x", "")]);
    let carboy = harness.path("carboy");
    fs::copy(env!("CARGO_BIN_EXE_carboy"), &carboy).unwrap();
    let rules = [
        (".dockerignore", "pgdata\n"),
        (".dockerignore", "pgdata/**\n"),
        (".dockerignore", "*\n!*.py\n"),
        (".containerignore", "pgdata\n"),
        (".gitignore", "pgdata/\n"),
        (".gitignore", "pgdata/*\n"),
        ("exclude", "pgdata/**"),
        ("exclude", "pgdata"),
        ("nothing", ""),
    ];
    for (name, text) in rules {
        let exclude = if name == "exclude" { format!("exclude = [{text:?}]\n") } else { String::new() };
        harness.write("carboy.toml", format!("{APP}{exclude}").as_bytes());
        if name != "exclude" {
            harness.write(name, text.as_bytes());
        }
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if is_root {
            give(&harness.path("."));
        }
        let pgdata = harness.path("project/pgdata");
        fs::set_permissions(&pgdata, fs::Permissions::from_mode(0o000)).unwrap();
        let mut command = Command::new("setpriv");
        let number = NOBODY.to_string();
        if is_root {
            command.args(["--reuid", &number, "--regid", &number, "--clear-groups"]);
        }
        let run = Run::of(harness.set_up(command.arg(&carboy), "build", &["--push=false"]));
        fs::set_permissions(&pgdata, fs::Permissions::from_mode(0o755)).unwrap();
        let _ = fs::remove_file(harness.path("project").join(name));
        if name == "nothing" {
            assert!(run.code == Some(1) && run.stderr.contains("pgdata`: Permission denied"), "{}", run.stderr);
        } else {
            assert_eq!(run.code, Some(0), "{name} {text:?}: {}", run.stderr);
            assert!(run.lines("left out ")[0].contains(&format!("{name} 1")), "{name} {text:?}: {}", run.stderr);
        }
    }
}

#[test]
fn empty_folders_are_in_the_image() {
    let harness = Harness::new(&[
        ("app.py", ""),
        ("media/.gitignore", "*\n!.gitignore\n"),
        ("media/x.bin", ""),
        ("secret/.env", ""),
        ("carboy.toml", APP),
    ]);
    fs::create_dir_all(harness.path("project/var/run")).unwrap();
    harness.build(&[]);
    assert_eq!(harness.entries("image"), ["app/app.py", "app/media/", "app/var/", "app/var/run/"]);
}

#[test]
fn a_path_that_leads_to_a_secret_is_refused_until_it_is_spelled_out() {
    let harness =
        Harness::new(&[(".git/config", "token"), (".env", "A=1"), ("certs/tls.key", "x"), ("src/app.py", "")]);
    std::os::unix::fs::symlink(".env", harness.path("project/alias.txt")).unwrap();
    std::os::unix::fs::symlink(".git", harness.path("project/code")).unwrap();
    let copy = |from: &str, include: &str| format!("[[copy]]\nfrom = {from:?}\nto = \"/srv/x\"\n{include}");
    for (toml, message, hint) in [
        (copy(".git/config", ""), "`.git/config` leads to `.git`, which the rule `.git` leaves out", ".git"),
        (copy("alias.txt", ""), "`alias.txt` leads to `.env`, which the rule `.env*` leaves out", ".env"),
        ("[app]\nsource = \"code\"\n".to_owned(), "`code` leads to `.git`, which the rule `.git` leaves out", ".git"),
    ] {
        harness.write("carboy.toml", toml.as_bytes());
        let run = harness.run(&["--push=false"]);
        assert_eq!(run.code, Some(1), "{toml}");
        assert!(run.stderr.contains(message), "{toml}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("include = [{hint:?}]")), "{toml}: {}", run.stderr);
    }
    for toml in [copy("alias.txt", "include = [\".env\"]\n"), copy("certs/tls.key", ""), copy(".env", "")] {
        harness.write("carboy.toml", toml.as_bytes());
        harness.build(&[]);
        assert_eq!(harness.entries("image"), ["srv/", "srv/x"], "{toml}");
    }
}

#[test]
fn a_configuration_that_is_named_stays_out() {
    let harness = Harness::new(&[("app.py", ""), ("ci/carboy.toml", APP), ("ci/other.txt", "")]);
    harness.build(&["--config=ci/carboy.toml", "."]);
    assert_eq!(harness.app(), ["app.py", "ci/other.txt"]);
}

#[test]
fn every_local_file_is_listed_with_its_rule_and_why_tells_it_too() {
    let harness = Harness::new(&[
        ("app.py", ""),
        (".env", ""),
        (".gitignore", "dist\n*.log\n"),
        ("dist/kept.js", "123"),
        ("dist/other.js", ""),
        ("files/site.html", "1"),
        ("files/.env", ""),
        ("carboy.toml", "[app]\nsource = \".\"\nexclude = [\"files\"]\n[[copy]]\nfrom = \"files\"\nto = \"/srv\"\n"),
    ]);
    git(&harness.path("project"), &["init", "--quiet"]);
    git(&harness.path("project"), &["add", "--force", "dist/kept.js"]);
    let run = |verb: &str, args: &[&str]| {
        let run = Run::of(&mut harness.command(verb, args));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let listed: Vec<_> =
        run("plan", &["--files"]).lines().filter(|line| !line.contains(".git/")).map(str::to_owned).collect();
    assert_eq!(
        listed,
        [
            "ignore file: .gitignore",
            "out .env  [.env*]",
            "out .gitignore  [carboy.toml and ignore files]",
            "in  app.py",
            "out carboy.toml  [carboy.toml and ignore files]",
            "in  dist/kept.js  [tracked by git]",
            "out dist/other.js  [.gitignore]",
            "out files/  [exclude, 2 files]",
            "out files/.env  [.env*]",
            "in  files/site.html  [[[copy]]]",
        ]
    );
    assert!(!harness.path("cache/tars").exists(), "no image is pulled");
    let json: Value = serde_json::from_str(&run("plan", &["--files", "--json"])).unwrap();
    assert_eq!(
        json[0]["in"][1],
        json!({"path": "dist/kept.js", "to": "/app/dist/kept.js", "size": 3, "reason": "tracked by git"})
    );
    assert_eq!(json[0]["out"][0], json!({"path": ".env", "rule": ".env*", "files": 1}));

    let why = |name: &str| run("why", &[name]);
    assert_eq!(
        why("dist/other.js"),
        "dist/other.js stays behind: the rule `.gitignore` leaves it out; to bring it in: include = [\"dist/other.js\"] under [app]\n"
    );
    let both = why(".env");
    assert_eq!(both.lines().count(), 2, "{both}");
    assert!(both.starts_with(".env stays behind: the rule `.env*` leaves it out"), "{both}");
    assert_eq!(why("/app/.env"), both.split_inclusive('\n').next().unwrap());
    let json: Value = serde_json::from_str(&run("why", &["app.py", "--json"])).unwrap();
    assert_eq!(json[0]["left_out"], json!([]));
}

#[test]
fn an_ignore_file_for_containers_replaces_gitignore_and_large_files_that_it_lets_in_are_told() {
    let harness = Harness::new(&[
        ("app.py", ""),
        (".gitignore", "dist/\n"),
        (".dockerignore", "tests\n"),
        ("tests/a.py", ""),
        ("carboy.toml", APP),
    ]);
    harness.write("dist/app.js", &vec![b'x'; 11 << 20]);
    let run = harness.build(&[]);
    assert_eq!(harness.app(), ["app.py", "dist/app.js"]);
    assert_eq!(run.lines("ignore file: "), ["ignore file: .dockerignore (in place of .gitignore)"]);
    assert_eq!(run.lines("git ignores "), ["git ignores 1 file that the image gets, 11.5 MB: dist/app.js 11.5 MB"]);
    fs::remove_file(harness.path("project/.dockerignore")).unwrap();
    let run = harness.build(&[]);
    assert_eq!(harness.app(), ["app.py", "tests/a.py"]);
    assert_eq!(run.lines("ignore file: "), ["ignore file: .gitignore"]);
    assert!(run.lines("git ignores ").is_empty());
}
