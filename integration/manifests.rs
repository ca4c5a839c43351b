//! Manifests and configurations: what the base's say stays, and the bytes depend on
//! nothing else than the content.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/program.rs"]
mod program;
#[path = "support/small_layout.rs"]
mod small_layout;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use carboy::oci::Digest;
use program::PROGRAM;
use serde_json::{Value, json};
use small_layout::Layout;
use tempfile::TempDir;

const CONFIG: &str = r#"
python = false
platforms = ["linux/amd64"]
base = "oci:../base:1"
to = "oci:../out:1"
[app]
source = "files"
[image]
entrypoint = ["/bin/tool"]
annotations = { "z" = "1", "a" = "2" }
labels = { "z" = "1", "a" = "2" }
volumes = ["/v", "/b"]
ports = ["80/tcp", "443/tcp"]
"#;

/// A project over a base with one layer, of which a manifest says `details`.
fn project(folder: &Path, details: &Value) {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_mode(0o755);
    header.set_size(64);
    tar.append_data(&mut header, "bin/tool", PROGRAM.as_slice()).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut layout = Layout::new(&folder.join("base"));
    layout.process = json!({
        "Env": ["PATH=/bin"], "Healthcheck": {"Test": ["NONE"], "Interval": 5}, "Labels": {"m": "0"},
        "Volumes": {"/c": {}}, "OnBuild": null, "ArgsEscaped": true,
    });
    layout.add("application/vnd.docker.image.rootfs.diff.tar", &tar, &Digest::of(&tar));
    layout.describe(details);
    layout.finish();
    fs::create_dir_all(folder.join("project/files")).unwrap();
    fs::write(folder.join("project/files/data"), "data").unwrap();
    fs::write(folder.join("project/carboy.toml"), CONFIG).unwrap();
}

/// Builds; the digest of the index.
fn built(folder: &Path) -> String {
    let _ = fs::remove_dir_all(folder.join("out"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
    command.arg("build").arg(folder.join("project")).stdin(Stdio::null());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder.join("home"));
    command.env("CARBOY_CACHE_DIR", folder.join("cache")).env("CARBOY_ALLOW_OUTSIDE", folder);
    let run = command.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let line = String::from_utf8(run.stdout).unwrap();
    line.trim().rsplit_once('@').unwrap().1.to_owned()
}

fn path(layout: &Path, descriptor: &Value) -> PathBuf {
    layout.join("blobs").join(descriptor["digest"].as_str().unwrap().replace(':', "/"))
}

fn read(layout: &Path, descriptor: &Value) -> Value {
    serde_json::from_slice(&fs::read(path(layout, descriptor)).unwrap()).unwrap()
}

/// The manifest and the configuration of the only image.
fn image(layout: &Path) -> (Value, Value) {
    let mut next: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    while next["manifests"].is_array() {
        next = read(layout, &next["manifests"][0]);
    }
    let config = read(layout, &next["config"]);
    (next, config)
}

/// JSON with the keys of all objects from the last to the first.
fn backwards(json: &Value) -> String {
    match json {
        Value::Object(object) => {
            let mut fields: Vec<_> = object.iter().map(|(key, value)| (key, backwards(value))).collect();
            fields.sort_by(|one, two| two.0.cmp(one.0));
            let fields: Vec<_> = fields.into_iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(backwards).collect::<Vec<_>>().join(",")),
        value => value.to_string(),
    }
}

/// Writes a layout's configuration, manifest and index again, with keys in another order.
fn turn(layout: &Path) {
    let store = |mut descriptor: Value, json: &Value| {
        let bytes = backwards(json);
        descriptor["digest"] = json!(Digest::of(bytes.as_bytes()).to_string());
        fs::write(path(layout, &descriptor), bytes).unwrap();
        descriptor
    };
    let mut index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let mut manifest = read(layout, &index["manifests"][0]);
    manifest["config"] = store(manifest["config"].clone(), &read(layout, &manifest["config"]));
    index["manifests"][0] = store(index["manifests"][0].clone(), &manifest);
    fs::write(layout.join("index.json"), backwards(&index)).unwrap();
}

#[test]
fn a_base_layers_descriptor_keeps_what_it_says() {
    let folder = TempDir::new().unwrap();
    let details = json!({
        "annotations": {
            "containerd.io/snapshot/stargz/toc.digest": "sha256:00",
            "io.github.containers.zstd-chunked.manifest-position": "1:2:3:1",
        },
        "urls": ["https://mirror.example/layer"],
        "x-unknown": { "b": [1], "a": null },
    });
    project(folder.path(), &details);
    built(folder.path());
    let (of_base, _) = image(&folder.path().join("base"));
    let (manifest, config) = image(&folder.path().join("out"));
    let mut want = of_base["layers"][0].clone();
    want["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar");
    assert_eq!(manifest["layers"][0], want, "but docker's media type, nothing changes");
    assert_eq!(manifest["layers"][1].as_object().unwrap().len(), 3, "a new layer has type, digest and size");
    assert_eq!(
        config["config"],
        json!({
            "Entrypoint": ["/bin/tool"], "Env": config["config"]["Env"], "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
            "Healthcheck": {"Test": ["NONE"], "Interval": 5}, "Labels": {"a": "2", "m": "0", "z": "1"},
            "OnBuild": null, "User": "65532:65532", "Volumes": {"/b": {}, "/c": {}, "/v": {}}, "WorkingDir": "/app",
        })
    );
}

#[test]
fn runs_and_key_orders_give_one_digest() {
    let folder = TempDir::new().unwrap();
    project(folder.path(), &json!({ "annotations": { "b": "1", "a": "2" } }));
    let first = built(folder.path());
    assert_eq!(built(folder.path()), first, "another run");
    fs::remove_dir_all(folder.path().join("cache")).unwrap();
    assert_eq!(built(folder.path()), first, "a run without a cache");
    let base = folder.path().join("base");
    let before = fs::read(base.join("index.json")).unwrap();
    turn(&base);
    assert_ne!(fs::read(base.join("index.json")).unwrap(), before, "the base is written otherwise");
    assert_eq!(built(folder.path()), first, "a base with keys in another order");
}
