//! `carboy build` from end to end: images in a registry, an image in a registry,
//! laid out by skopeo and started, for both platforms and over both Debian releases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::carboy::Carboy;
use support::image::{Image, Unpacked, manifest};
use support::registry::Registry;
use support::running::{Runner, Running, start};
use support::{DEBIAN_12, DEBIAN_13, PLATFORMS, Pair, machine, project, root, run};
use tempfile::TempDir;

/// An example, built and pushed; the registry that has it lives as long as this.
struct Built {
    registry: Registry,
    reference: String,
}

impl Built {
    fn new(app: &str, pair: Pair) -> Self {
        let registry = Registry::with(pair);
        let folder = TempDir::new().unwrap();
        let to = registry.name(&format!("{app}:1"));
        let reference = Carboy::over(&registry, pair, &project(app, pair, folder.path())).to(&to).line();
        assert_eq!(reference, format!("{to}@{}", run("crane", ["digest", &to]).trim()));
        Self { registry, reference }
    }

    fn unpacked(&self, platform: &str) -> Unpacked {
        Unpacked::new(&self.reference, platform)
    }
}

/// Starts hello on every platform under every runner.
fn hello_runs(pair: Pair) {
    let built = Built::new("hello", pair);
    for platform in PLATFORMS {
        let image = built.unpacked(platform);
        for runner in Runner::BOTH {
            let out = start(&image, runner, &[]).done();
            let begin = format!("hello from {} python {}.", machine(platform), pair.python);
            assert!(out.starts_with(&begin) && out.lines().count() == 1, "{platform} {runner:?}: {out}");
        }
    }
}

#[test]
fn hello_runs_over_debian_12() {
    hello_runs(DEBIAN_12);
}

#[test]
fn hello_runs_over_debian_13() {
    hello_runs(DEBIAN_13);
}

/// Flask under gunicorn, on every platform; an emulated start takes minutes, so that is done once.
fn flask_answers(pair: Pair) {
    let built = Built::new("flask", pair);
    for platform in PLATFORMS {
        let image = built.unpacked(platform);
        let runners = if platform == "linux/amd64" { &Runner::BOTH[..] } else { &[Runner::Crun] };
        for runner in runners.iter().copied() {
            let body = Running::serve(&image, runner).body();
            let body: Value = serde_json::from_str(&body).unwrap();
            let python = body["python"].as_str().unwrap();
            assert!(python.starts_with(&format!("{}.", pair.python)), "{body}");
            let want = json!({ "uid": 65532, "machine": machine(platform), "python": python, "tmp_writable": true });
            assert_eq!(body, want, "{platform} {runner:?}");
        }
    }
}

#[test]
fn flask_answers_over_debian_12() {
    flask_answers(DEBIAN_12);
}

#[test]
fn flask_answers_over_debian_13() {
    flask_answers(DEBIAN_13);
}

/// Modules that cannot be imported from any image, or are left out of all.
const MAY_FAIL: [(&str, &[&str]); 6] = [
    ("needs Tk, which the builder lacks", &["tkinter", "_tkinter", "turtle", "turtledemo"]),
    ("needs gdbm, which the builder lacks", &["_gdbm", "dbm.gnu"]),
    ("of Debian's packaging, from which the test images are made", &["_distutils_system_mod"]),
    ("asks find_library, which needs a compiler or ldconfig; the prompt does without it", &["_pyrepl._minimal_curses"]),
    ("left out by rule", &["ensurepip", "idlelib", "lib2to3"]),
    (
        "of other systems",
        &[
            "_ios_support",
            "_msi",
            "_overlapped",
            "_pyrepl.windows_console",
            "_scproxy",
            "_winapi",
            "_wmi",
            "asyncio.windows_events",
            "asyncio.windows_utils",
            "ctypes.wintypes",
            "encodings.mbcs",
            "encodings.oem",
            "msilib",
            "msvcrt",
            "multiprocessing.popen_spawn_win32",
            "nt",
            "winreg",
            "winsound",
        ],
    ),
];

/// After `walk.py`: the modules that Python says it has, whether or not a file is there.
const NAMES: &str = r#"
import importlib
for name in sorted(sys.stdlib_module_names):
    try:
        importlib.import_module(name)
    except BaseException as e:
        print("FAIL", name, repr(e)[:150])
"#;

/// Last: what Python compiled, for a run on an emulated platform, where that takes minutes.
const COMPILED: &str = r#"
import base64, io, tarfile
out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w:gz") as tar:
    tar.add(sys.pycache_prefix, "compiled")
print("COMPILED", base64.b64encode(out.getvalue()).decode())
"#;

fn standard_library_is_whole(pair: Pair) {
    let built = Built::new("hello", pair);
    let walk = std::fs::read_to_string(root().join("integration/fixtures/walk.py")).unwrap() + NAMES;
    let folder = TempDir::new().unwrap();
    let compiled = folder.path().join("compiled.tar.gz");
    for (platform, prefix) in PLATFORMS.into_iter().zip(["/tmp/compiled", "/compiled"]) {
        let image = built.unpacked(platform);
        let mut walk = walk.clone();
        if compiled.exists() {
            // compiled code is the same on every platform
            run("tar", ["-xzf".as_ref(), compiled.as_os_str(), "-C".as_ref(), image.root().as_os_str()]);
        } else {
            walk += COMPILED;
        }
        let prefix = format!("pycache_prefix={prefix}");
        let out = start(&image, Runner::Bwrap, &["/usr/local/bin/python3", "-X", &prefix, "-c", &walk]).done();
        if let Some(text) = out.lines().find_map(|line| line.strip_prefix("COMPILED ")) {
            std::fs::write(&compiled, STANDARD.decode(text).unwrap()).unwrap();
        }
        let expected = |name: &str| MAY_FAIL.iter().any(|(_, names)| names.contains(&name));
        let failed = out.lines().filter_map(|line| line.strip_prefix("FAIL "));
        let surprises: Vec<_> = failed.filter(|line| !expected(line.split(' ').next().unwrap())).collect();
        assert!(surprises.is_empty(), "{platform}: {surprises:#?}");
        let walked = out.lines().find_map(|line| line.strip_prefix("done ")).unwrap();
        assert!(walked.parse::<u32>().unwrap() > 500, "{platform}: only {walked} modules");
    }
}

#[test]
fn every_standard_module_is_importable_from_python_3_11() {
    standard_library_is_whole(DEBIAN_12);
}

#[test]
fn every_standard_module_is_importable_from_python_3_13() {
    standard_library_is_whole(DEBIAN_13);
}

fn image_continues_its_base(pair: Pair) {
    let built = Built::new("hello", pair);
    let base_name = built.registry.name(pair.base);
    let index = manifest(&built.reference);
    let platforms: Vec<_> = index["manifests"].as_array().unwrap().iter().map(|entry| &entry["platform"]).collect();
    let amd64 = json!({ "os": "linux", "architecture": "amd64" });
    let arm64 = json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
    assert_eq!(platforms, [&amd64, &arm64]);

    let annotations = |digest: &str| {
        json!({
            "org.opencontainers.image.base.name": base_name,
            "org.opencontainers.image.base.digest": digest,
            "org.opencontainers.image.created": "1980-01-01T00:00:00Z",
        })
    };
    assert_eq!(index["annotations"], annotations(run("crane", ["digest", &base_name]).trim()));
    for platform in PLATFORMS {
        let image = Image::of(&built.reference, platform);
        let base = Image::of(&base_name, platform);
        assert_eq!(image.manifest["annotations"], annotations(&base.digest));
        let own = base.layers().len();
        assert_eq!(image.layers()[..own], base.layers());
        assert_eq!(image.layers().len(), own + 2, "runtime and application");
        let diff_ids = |image: &Image| image.config["rootfs"]["diff_ids"].as_array().unwrap().clone();
        assert_eq!(diff_ids(&image)[..own], diff_ids(&base));
        assert_eq!(diff_ids(&image).len(), own + 2);

        let config = &image.config["config"];
        assert_eq!(config["User"], "65532:65532");
        assert_eq!(config["WorkingDir"], "/app");
        assert_eq!(config["Entrypoint"], json!(["/usr/local/bin/python", "main.py"]));
        assert!(config["Cmd"].is_null(), "{config}");
        let env = image.env();
        for (name, value) in base.env() {
            assert_eq!(env.get(&name), Some(&value), "{name} is the base's");
        }
        assert_eq!(env["SSL_CERT_FILE"], "/etc/ssl/certs/ca-certificates.crt");
        for (name, value) in [("LANG", "C.UTF-8"), ("PYTHONUNBUFFERED", "1"), ("PYTHONFAULTHANDLER", "1")] {
            assert_eq!(env[name], value);
        }
    }
}

#[test]
fn image_continues_its_base_of_debian_12() {
    image_continues_its_base(DEBIAN_12);
}

#[test]
fn image_continues_its_base_of_debian_13() {
    image_continues_its_base(DEBIAN_13);
}

/// What a process of the image finds.
const PROBE: &str = r#"
import json, os, ssl, stat, sys
def refused(path):
    try:
        open(path, "w").close()
    except OSError as e:
        return type(e).__name__ if e.errno != 30 else "read-only"
def show(path):
    s = os.stat(path)
    return f"{stat.S_IMODE(s.st_mode):o} {s.st_uid}:{s.st_gid}"
os.chdir("/")
import main
print(json.dumps({
    "id": f"{os.getuid()}:{os.getgid()}",
    "root": refused("/x"), "app": refused("/app/x"), "tmp": refused("/tmp/x"),
    "main": main.__file__,
    "home": show("/home/nonroot"), "roots home": show("/root"),
    "certificates": len(ssl.create_default_context().get_ca_certs()) > 100,
}))
"#;

/// In every layer's last word, and for a process where ids are mapped one to one.
fn owners_and_modes_hold(pair: Pair) {
    let built = Built::new("hello", pair);
    for platform in PLATFORMS {
        let image = Image::of(&built.reference, platform);
        let tree = image.tree();
        for (path, mode, owner) in [
            ("/tmp", "drwxrwxrwt", "0/0"),
            ("/root", "drwx------", "0/0"),
            ("/home", "drwxr-xr-x", "0/0"),
            ("/home/nonroot", "drwx------", "65532/65532"),
            ("/app", "drwxr-xr-x", "0/0"),
            ("/app/main.py", "-rw-r--r--", "0/0"),
            ("/usr/local/bin", "drwxr-xr-x", "0/0"),
        ] {
            let entry = &tree[path];
            assert_eq!((entry.mode.as_str(), entry.owner.as_str()), (mode, owner), "{platform} {path}");
        }
        let base = Image::of(&built.registry.name(pair.base), platform).layers().len();
        for layer in &image.layers()[base..] {
            for entry in image.entries(layer) {
                assert!(!entry.mode.starts_with('h'), "a hardlink: {entry:?}");
                assert_eq!(entry.time, "1980-01-01 00:00:00", "{entry:?}");
            }
        }
    }
    let image = built.unpacked("linux/amd64");
    for runner in Runner::BOTH {
        let out = start(&image, runner, &["/usr/local/bin/python3", "-c", PROBE]).done();
        let mut found: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        let mut want = json!({
            "id": "65532:65532", "root": "read-only", "app": "read-only", "tmp": null, "main": "/app/main.py",
            "home": "700 65532:65532", "roots home": "700 0:0", "certificates": true,
        });
        if run("id", ["-u"]).trim() != "0" {
            // every file is the image's user's then
            for owned in ["home", "roots home"] {
                found[owned] = json!(null);
                want[owned] = json!(null);
            }
        }
        assert_eq!(found, want, "{runner:?}");
    }
}

#[test]
fn owners_and_modes_hold_over_debian_12() {
    owners_and_modes_hold(DEBIAN_12);
}

#[test]
fn owners_and_modes_hold_over_debian_13() {
    owners_and_modes_hold(DEBIAN_13);
}
