//! Text from images, registries, lock files and folders, whatever it holds: on stdout and
//! stderr it starts no line, moves no cursor and is no command to a CI system.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/scripted.rs"]
mod scripted;
#[path = "support/small_layout.rs"]
mod small_layout;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use carboy::oci::Digest;
use scripted::{Reply, Scripted};
use serde_json::{Value, json};
use small_layout::Layout;
use tempfile::TempDir;

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// A line of its own, escape sequences of one and two bytes, a new line of other kinds, text
/// that runs backwards or is not seen, and commands that may stand anywhere in a line.
const EVIL: &str = "pwned\n::error::x\r\u{1b}[2J\u{9b}2J\u{85}\u{2028}::add-mask::\u{202e}\u{2066}\u{200b}\u{feff}\u{7f}\u{8}##vso[task.complete]##[error]";

/// A project, its images, and what is printed over them.
struct Harness {
    folder: TempDir,
}

impl Harness {
    fn new() -> Self {
        let harness = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(harness.path("project")).unwrap();
        Layout::write(&harness.path("base"), &[tar(&[("bin/tool", b"tool")])]);
        Layout::write(&harness.path("builder"), &[tar(&[("opt/x", b"x")])]);
        harness
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: impl AsRef<OsStr>, text: &str) {
        fs::write(self.path("project").join(name.as_ref()), text).unwrap();
    }

    /// A configuration without Python that takes `/opt` out of the builder.
    fn configure(&self, more: &str) {
        self.file(
            "carboy.toml",
            &format!(
                "python = false\nplatforms = [\"linux/amd64\"]\nbase = \"oci:../base:1\"\nbuilder = \"oci:../builder:1\"\n\
                 to = \"oci:../out:1\"\n[image]\nentrypoint = [\"/bin/tool\"]\n\
                 [[extract]]\npaths = [\"/opt\"]\nlibraries = false\n{more}"
            ),
        );
    }

    /// Runs carboy in every way of showing progress; what was printed is harmless, tells of
    /// the evil text, and holds what it should.
    #[track_caller]
    fn harmless(&self, args: &[&str], code: i32, words: &[&str]) {
        self.harmless_in(&["plain", "json"], args, code, words);
    }

    #[track_caller]
    fn harmless_in(&self, modes: &[&str], args: &[&str], code: i32, words: &[&str]) {
        for &progress in modes {
            let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
            command.arg(args[0]).arg(format!("--progress={progress}")).args(&args[1..]);
            command.current_dir(self.path("project"));
            command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path("home"));
            command.env("TMPDIR", std::env::temp_dir()).stdin(Stdio::null());
            command.env("CARBOY_CACHE_DIR", self.path("cache")).env("CARBOY_ALLOW_OUTSIDE", self.path(""));
            let output = command.output().unwrap();
            let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(output.status.code(), Some(code), "{stderr:?}");
            for text in [&stdout, &stderr] {
                harmless(text);
            }
            let told = format!("{stdout}{stderr}");
            for word in words {
                assert!(told.contains(word), "no `{word}` in:\n{told}");
            }
            if progress == "json" {
                for line in stderr.lines() {
                    serde_json::from_str::<Value>(line).unwrap_or_else(|cause| panic!("{cause}: {line}"));
                }
            }
        }
    }
}

#[track_caller]
fn harmless(text: &str) {
    let odd = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert!(!text.contains(odd), "{text:?}");
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::"), "a command: {line:?}");
        assert!(!line.contains("##vso[") && !line.contains("##["), "a command: {line:?}");
        assert!(!line.starts_with("pwned"), "a line of its own: {line:?}");
    }
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = header(bytes.len());
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn header(size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size as u64);
    header
}

/// A name that fits into a header.
fn short() -> String {
    EVIL.replace("::add-mask::", "").replace("##[error]", "")
}

#[test]
fn names_in_layers() {
    let harness = Harness::new();
    harness.configure("");
    let builder = |tar: Vec<u8>| {
        fs::remove_dir_all(harness.path("builder")).unwrap();
        Layout::write(&harness.path("builder"), &[tar]);
    };
    builder(tar(&[(&format!("../{}", short()), b"")]));
    harness.harmless(&["build"], 1, &["leads out of the image", "pwned"]);
    let mut device = header(0);
    let name = format!("opt/{}", short());
    device.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    device.set_entry_type(tar::EntryType::Char);
    device.set_cksum();
    builder([device.as_bytes(), &[0; 1024][..]].concat());
    harness.harmless(&["build"], 1, &["is a device", "pwned"]);
    // The plan lists taken files by name.
    builder(tar(&[(&name, b"x"), (&format!("opt/::error::{}", short()), b"y")]));
    harness.harmless(&["build"], 0, &[]);
    harness.harmless(&["plan"], 0, &["pwned"]);
    harness.harmless(&["plan", "--json"], 0, &["pwned"]);
    let last = format!("::error::{}", short());
    let last = last.as_str();
    harness.harmless(&["why", last], 0, &["pwned"]);
    harness.harmless(&["why", last, "--json"], 0, &["pwned"]);
    harness.harmless(&["why", last, "--image", "oci:../out:1"], 0, &["pwned"]);
    harness.harmless(&["why", "nothing"], 1, &[]);
}

#[test]
fn words_of_a_registry() {
    let harness = Harness::new();
    let build = |answer: Reply, words: &[&str]| {
        let server = Scripted::start(move |_| answer.clone());
        let base = format!("--base={}/small/base:1", server.host);
        let args = ["build", "--python=false", "--platform=linux/amd64", "--to=oci:../out:1", &base, "--", "/bin/tool"];
        harness.harmless_in(&["plain"], &args, 1, words);
    };
    let error = json!({ "errors": [{ "code": "DENIED", "message": EVIL }] });
    for status in [403, 404, 418] {
        build(Reply::new(status).with("Warning", "299 - \"pwned\u{9b}\"").body(error.to_string()), &[]);
    }
    build(Reply::new(403).body(error.to_string()), &["pwned"]);
    build(Reply::new(403).body(json!({ "details": EVIL }).to_string()), &["pwned"]);
    let manifest = |manifest: &Value| Reply::new(200).with("Content-Type", MANIFEST).body(manifest.to_string());
    let blob = |media_type: &str| json!({ "mediaType": media_type, "digest": Digest::of(b"").to_string(), "size": 0 });
    let odd_digest = json!({ "mediaType": TAR, "digest": EVIL, "size": 0 });
    let config = "application/vnd.oci.image.config.v1+json";
    build(manifest(&json!({ "schemaVersion": 2, "config": blob(EVIL), "layers": [] })), &["media type `pwned"]);
    build(manifest(&json!({ "schemaVersion": 2, "mediaType": EVIL })), &["pwned"]);
    build(manifest(&json!({ "schemaVersion": EVIL, "config": blob(config), "layers": [] })), &["pwned"]);
    build(manifest(&json!({ "schemaVersion": 2, "config": blob(config), "layers": [odd_digest] })), &["pwned"]);
    let index = "application/vnd.oci.image.index.v1+json";
    let mut entry = blob(MANIFEST);
    entry["platform"] = json!({ "os": EVIL, "architecture": EVIL, "variant": EVIL });
    let manifests = json!({ "schemaVersion": 2, "mediaType": index, "manifests": [entry] });
    build(Reply::new(200).with("Content-Type", index).body(manifests.to_string()), &["pwned"]);
    build(Reply::new(307).with("Location", "http://pwned\u{9b}##[error]/"), &[]);
    build(Reply::new(200).with("Content-Type", "pwned##vso[x]").body("{}"), &["pwned"]);
}

#[test]
fn what_an_image_says_of_itself() {
    let harness = Harness::new();
    harness.configure("[[copy]]\nfrom = \"carboy.toml\"\nto = \"/etc/x\"\nowner = \"nobody\"\n");
    let passwd = format!("{}:x:1:1::/:/\n", EVIL.replace(['\n', ':'], ""));
    fs::remove_dir_all(harness.path("base")).unwrap();
    let release = format!("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"{}\"\n", EVIL.replace('\n', "\r"));
    Layout::write(
        &harness.path("base"),
        &[tar(&[("bin/tool", b"tool"), ("etc/passwd", passwd.as_bytes()), ("etc/os-release", release.as_bytes())])],
    );
    harness.harmless(&["build"], 1, &["nobody"]);
    // A script whose program nobody has.
    let script = format!("#!/{}/sh\n", EVIL.replace(['\n', '\r'], ""));
    fs::remove_dir_all(harness.path("builder")).unwrap();
    Layout::write(&harness.path("builder"), &[tar(&[("opt/x", script.as_bytes())])]);
    harness.configure("");
    harness.harmless(&["build"], 1, &["pwned"]);
}

#[test]
fn names_in_folders() {
    let harness = Harness::new();
    harness.configure("[app]\nsource = \".\"\n");
    let name = EVIL.replace('/', "");
    harness.file(".gitignore", &format!("{}\n", EVIL.replace(['\n', '[', ']'], "")));
    harness.file(EVIL.replace(['\n', '[', ']', '\r'], ""), "x");
    harness.file(&name, "x");
    harness.file(OsStr::from_bytes(b"pwned\xff\n::error::"), "x");
    harness.harmless(&["plan"], 0, &[]);
    symlink("/etc/passwd", harness.path("project").join(format!("z{name}"))).unwrap();
    harness.harmless(&["build"], 1, &["pwned"]);
}

#[test]
fn words_of_lock_files_and_configurations() {
    let harness = Harness::new();
    let build = |file: &str, text: &str| {
        for old in fs::read_dir(harness.path("project")).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        harness.file(file, text);
        // Values that a TOML parser quotes may be secrets: they are not shown at all.
        let told: &[&str] = if text.starts_with("version = \"") { &["uv.lock:1"] } else { &["pwned"] };
        // A lock file is judged with its images: these have no Python.
        let images = ["--base=oci:../base:1", "--builder=oci:../builder:1"];
        let (images, code) =
            if file.ends_with("carboy.toml") || file == "pyproject.toml" { (&[][..], 2) } else { (&images[..], 1) };
        harness.harmless(&[&["build", "--to=oci:../out:1"], images, &["--", "python3"]].concat(), code, told);
    };
    let quoted = json!(EVIL.replace(['\u{7f}', '\u{8}'], "")).to_string(); // a TOML string too
    let one_line = EVIL.replace(['\n', '\r', '\u{2028}', '\u{85}'], "");
    build("requirements.txt", &format!("{one_line}=={one_line}\n"));
    build("requirements.txt", &format!("-r {one_line}\n"));
    build("requirements.txt", &format!("six==1 --hash={one_line}\n"));
    build(
        "uv.lock",
        &format!(
            "version = 1\n[[package]]\nname = {quoted}\nversion = \"1\"\nsource = {{ virtual = \".\" }}\ndependencies = [{{ name = \"pwned\" }}]\n"
        ),
    );
    build("uv.lock", &format!("version = {quoted}\n"));
    build("pylock.toml", &format!("lock-version = {quoted}\n"));
    build(
        "Pipfile.lock",
        &format!("{{\"_meta\": {{\"pipfile-spec\": 6}}, \"default\": {{{quoted}: {{\"version\": {quoted}}}}}}}"),
    );
    build("poetry.lock", &format!("package = []\n[metadata]\nlock-version = {quoted}\ncontent-hash = \"\"\n"));
    build("carboy.toml", &format!("{quoted} = 1\n"));
    build("carboy.toml", &format!("python = {quoted}\n"));
    build("carboy.toml", &format!("base = {quoted}\n"));
    build("carboy.toml", &format!("base = {}\n", json!(format!("oci:{}", EVIL.replace(['\u{7f}', '\u{8}'], "")))));
    build(
        "pyproject.toml",
        &format!("[project]\nrequires-python = {quoted}\nname = \"x\"\n[tool.carboy]\npwned = 1\n"),
    );
}
