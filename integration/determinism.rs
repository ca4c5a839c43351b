//! The same input gives the same image, another input only what it has to; and
//! everything that a configuration can ask for is in the image.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use support::carboy::{Carboy, Report, reports};
use support::image::{Image, Unpacked};
use support::registry::Registry;
use support::running::{Runner, start};
use support::{DEBIAN_13, PLATFORMS, project};
use tempfile::TempDir;

/// A registry, and flask in a folder.
struct Harness {
    registry: Registry,
    folder: TempDir,
    project: PathBuf,
}

impl Harness {
    fn new(app: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let project = project(app, DEBIAN_13, folder.path());
        Self { registry: Registry::with(DEBIAN_13), folder, project }
    }

    fn build(&self) -> Carboy {
        self.build_of(&self.project)
    }

    fn build_of(&self, project: &Path) -> Carboy {
        Carboy::over(&self.registry, DEBIAN_13, project).to(self.registry.name("app:1"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.project.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Other times and modes than a checkout under another umask would have.
fn disturb(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            disturb(&path);
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let then = SystemTime::now() - Duration::from_hours(24);
            fs::File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
        }
    }
}

#[test]
fn jobs_folders_times_and_modes_do_not_matter() {
    let harness = Harness::new("flask");
    let one = harness.build().cache(&harness.path("cache-1")).args(["--jobs", "1"]).line();
    fs::create_dir(harness.path("elsewhere")).unwrap();
    let copy = project("flask", DEBIAN_13, &harness.path("elsewhere"));
    disturb(&copy);
    let many = harness.build_of(&copy).cache(&harness.path("cache-2")).args(["--jobs", "16"]).line();
    assert_eq!(one, many);
}

#[test]
fn a_warm_rebuild_packs_nothing() {
    let harness = Harness::new("flask");
    let cache = harness.path("cache");
    let cold = harness.build().cache(&cache).line();
    let events = harness.build().cache(&cache).events();
    let packed: Vec<_> = events.iter().filter(|event| event["verb"] == "pack").collect();
    for kind in ["runtime", "dependencies", "application"] {
        assert!(packed.iter().any(|event| event["layer"] == kind), "{kind}: {packed:#?}");
    }
    assert!(packed.iter().all(|event| event["event"] == "ended" && event["outcome"] == "present"), "{packed:#?}");
    let moved = |event: &&serde_json::Value| event["event"] == "ended" && event["outcome"] != "present";
    assert_eq!(events.iter().find(moved), None, "nothing is pulled or pushed either");

    let [report] = reports(events).try_into().ok().unwrap();
    assert_eq!(report.digest(), cold.split_once('@').unwrap().1);
    for platform in report.0["platforms"].as_array().unwrap() {
        assert!(platform["layers"].as_array().unwrap().iter().all(|layer| layer["cached"] == true), "{platform}");
    }
}

#[test]
fn only_what_changed_is_another_layer() {
    let harness = Harness::new("flask");
    let cache = harness.path("cache");
    let build = || harness.build().cache(&cache);
    let before = build().report();

    let main = fs::read_to_string(harness.project.join("app.py")).unwrap();
    harness.write("app.py", &format!("{main}\n# changed\n"));
    let after = build().report();
    let same = |kind, one: &Report, other: &Report| one.layers(kind) == other.layers(kind);
    assert!(same("runtime", &before, &after) && same("dependencies", &before, &after));
    assert!(!same("application", &before, &after));
    assert_ne!(before.digest(), after.digest());

    harness.write("app.py", &main);
    assert_eq!(build().report().digest(), before.digest(), "and back");

    let dated = build().env("SOURCE_DATE_EPOCH", "1700000000").report();
    for kind in ["runtime", "dependencies", "application"] {
        assert!(!same(kind, &before, &dated), "{kind} has its time");
    }
    let image = Image::of(dated.0["reference"].as_str().unwrap(), "linux/arm64");
    assert_eq!(image.config["created"], "2023-11-14T22:13:20Z");
    assert_eq!(image.manifest["annotations"]["org.opencontainers.image.created"], "2023-11-14T22:13:20Z");
    let layer = &dated.layers("application")[1];
    assert!(image.entries(layer).iter().all(|entry| entry.time == "2023-11-14 22:13:20"));
}

/// Everything that `[image]`, `[[user]]`, `[[directory]]` and `[[copy]]` can say.
const WHOLE: &str = r#"
[[user]]
name = "monty"
uid = 1000
gid = 1000
home = "/home/monty"

[[directory]]
path = "/var/lib/shop"
mode = "0750"
owner = "monty"

[[copy]]
from = "files/shop.conf"
to = "/etc/shop/shop.conf"
mode = "0640"
owner = "monty"

[[copy]]
from = "files/run"
to = "/opt/run"

[image]
entrypoint = ["python", "-c", "import os; print(os.getuid(), open('/etc/shop/shop.conf').read())"]
cmd = ["more"]
env = { APP_MODE = "prod", LANG = "C" }
user = "monty"
workdir = "/var/lib/shop"
ports = ["8080", "53/udp"]
volumes = ["/var/lib/shop/data"]
labels = { team = "glass" }
annotations = { "org.opencontainers.image.title" = "shop" }
stop-signal = "SIGINT"
"#;

#[test]
fn a_configuration_is_in_the_image_whole() {
    let harness = Harness::new("hello");
    harness.write("carboy.toml", WHOLE);
    harness.write("files/shop.conf", "open");
    harness.write("files/run", "#!/usr/local/bin/python\n");
    fs::set_permissions(harness.project.join("files/run"), fs::Permissions::from_mode(0o775)).unwrap();
    let reference = harness.build().line();
    let base = Unpacked::new(&harness.registry.name(DEBIAN_13.base), "linux/amd64");
    for platform in PLATFORMS {
        let image = Image::of(&reference, platform);
        let config = &image.config["config"];
        assert_eq!(config["User"], "1000:1000");
        assert_eq!(config["Entrypoint"][0], "/usr/local/bin/python");
        assert_eq!(config["Cmd"], json!(["more"]));
        assert_eq!(config["WorkingDir"], "/var/lib/shop");
        assert_eq!(config["ExposedPorts"], json!({ "8080/tcp": {}, "53/udp": {} }));
        assert_eq!(config["Volumes"], json!({ "/var/lib/shop/data": {} }));
        assert_eq!(config["Labels"], json!({ "team": "glass" }));
        assert_eq!(config["StopSignal"], "SIGINT");
        assert_eq!(image.manifest["annotations"]["org.opencontainers.image.title"], "shop");
        let env = image.env();
        assert_eq!((env["APP_MODE"].as_str(), env["LANG"].as_str()), ("prod", "C"));

        let tree = image.tree();
        for (path, mode, owner) in [
            ("/home/monty", "drwx------", "1000/1000"),
            ("/home/nonroot", "drwx------", "65532/65532"),
            ("/var/lib/shop", "drwxr-x---", "1000/1000"),
            ("/etc/shop/shop.conf", "-rw-r-----", "1000/1000"),
            ("/opt/run", "-rwxr-xr-x", "0/0"),
            ("/etc", "drwxr-xr-x", "0/0"),
        ] {
            let entry = &tree[path];
            assert_eq!((entry.mode.as_str(), entry.owner.as_str()), (mode, owner), "{platform} {path}");
        }
    }
    let image = Unpacked::new(&reference, "linux/amd64");
    for (file, line) in [("passwd", "monty:x:1000:1000:"), ("group", "monty:x:1000:")] {
        let read = |image: &Unpacked| fs::read_to_string(image.root().join("etc").join(file)).unwrap();
        let (old, new) = (read(&base), read(&image));
        let added = new.strip_prefix(old.trim_end()).unwrap().trim();
        assert!(added.starts_with(line) && added.lines().count() == 1, "{file}: {new}");
    }
    for runner in Runner::BOTH {
        assert_eq!(start(&image, runner, &[]).done(), "1000 open\n", "{runner:?}");
    }
}

#[test]
fn secrets_stay_out_unless_named() {
    let harness = Harness::new("hello");
    let key = ["-----BEGIN ", "PRIVATE KEY-----\n"].concat();
    let secret = [".env", ".env.local", ".git/config", "keys/id_rsa", "keys/server.pem", "__pycache__/main.pyc"];
    let ignored = ["notes.txt", "docker.txt", "carboy.txt"];
    for name in secret.iter().chain(&ignored) {
        harness.write(name, &key);
    }
    harness.write("keys/public.pem", "-----BEGIN CERTIFICATE-----\n");
    harness.write(".gitignore", "main.py\n");
    harness.write(".dockerignore", "docker.txt\nnotes.txt\n");
    harness.write(".carboyignore", "carboy.txt\n");
    let app = |reference: &str| {
        let tree = Image::of(reference, "linux/amd64").tree();
        let files = tree.into_values().filter(|entry| entry.mode.starts_with('-'));
        files.filter_map(|entry| Some(entry.path.strip_prefix("/app/")?.to_owned())).collect::<Vec<_>>()
    };
    let cache = harness.path("cache");
    let ran = harness.build().cache(&cache).run();
    assert!(ran.stderr.contains("left out 13 files"), "{}", ran.stderr);
    let reference = ran.done();
    assert_eq!(app(reference.trim()), ["keys/public.pem", "main.py"]);

    let text = fs::read_to_string(harness.project.join("carboy.toml")).unwrap();
    let include = "[app]\ninclude = [\".env\", \"keys/id_rsa\", \"notes.txt\"]\n";
    harness.write("carboy.toml", &format!("{text}\n{include}"));
    let reference = harness.build().cache(&cache).line();
    assert_eq!(app(&reference), [".env", "keys/id_rsa", "keys/public.pem", "main.py", "notes.txt"]);
}
