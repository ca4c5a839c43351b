//! Images for every architecture of the table, from made-up bases and builders whose
//! programs are of that architecture.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/elf_object.rs"]
mod elf_object;
#[path = "support/small_layout.rs"]
mod small_layout;
#[path = "support/wheels.rs"]
mod wheels;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use carboy::oci::architecture::ARCHITECTURES;
use carboy::oci::{Architecture, Digest};
use elf_object::ElfObject;
use serde_json::{Value, json};
use small_layout::Layout;
use tempfile::TempDir;
use wheels::Wheel;

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = r#"
python = "3.13"
base = "oci:../base:1"
builder = "oci:../builder:1"
to = "oci:../out:1"
[dependencies]
lock = "requirements.txt"
index = false
wheelhouse = ["wheels"]
[image]
entrypoint = ["python3.13", "-m", "app"]
"#;

/// A project, a base and a builder of one architecture.
struct Images {
    folder: TempDir,
    architecture: &'static Architecture,
}

fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_mode(0o755);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

impl Images {
    fn new(architecture: &'static Architecture) -> Self {
        let images = Self { folder: TempDir::new().unwrap(), architecture };
        let triplet = architecture.triplet;
        let library = |soname: &str| images.object(false, Some(soname), &["libc.so.6"]);
        let own = |name: &str| (format!("usr/lib/{triplet}/{name}"), library(name));
        let loader = (architecture.loader[1..].to_owned(), images.object(false, Some("ld.so"), &[]));
        let text = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        let release = text("etc/os-release", "ID=debian\nVERSION_ID=13\n");
        let passwd = text("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        images.layout("base", &[loader.clone(), own("libc.so.6"), release.clone(), passwd]);
        let python = images.object(true, None, &["libpython3.13.so.1.0", "libc.so.6"]);
        let module = images.object(false, None, &["libz.so.1", "libc.so.6"]);
        images.layout(
            "builder",
            &[
                loader,
                own("libc.so.6"),
                own("libz.so.1"),
                own("libextra.so.2"),
                release,
                ("usr/local/lib/libpython3.13.so.1.0".to_owned(), library("libpython3.13.so.1.0")),
                ("usr/local/bin/python3.13".to_owned(), python),
                text("usr/local/lib/python3.13/os.py", "import zlib\n"),
                (format!("usr/local/lib/python3.13/lib-dynload/zlib.cpython-313-{triplet}.so"), module),
                text("etc/ld.so.conf.d/libc.conf", "/usr/local/lib\n"),
                text("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n"),
            ],
        );
        images.project();
        images
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn object(&self, program: bool, soname: Option<&str>, needed: &[&str]) -> Vec<u8> {
        ElfObject { architecture: self.architecture, program, soname, needed }.bytes()
    }

    fn layout(&self, name: &str, files: &[(String, Vec<u8>)]) {
        let mut layout = Layout::new(&self.path(name)).platform(&self.architecture.platform());
        layout.process = json!({ "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHON_VERSION=3.13.5"] });
        let tar = tar(files);
        layout.add(TAR, &tar, &Digest::of(&tar));
        layout.finish();
    }

    /// The application, and wheels of `fast` for this and for another machine.
    fn project(&self) {
        let own = Self::wheel(self.architecture);
        let other = ARCHITECTURES.iter().find(|other| *other != self.architecture).unwrap();
        let wheels = [own, Self::wheel(other)];
        for wheel in &wheels {
            wheel.write(&self.path("project/wheels"));
        }
        let hashes: Vec<_> = wheels.iter().map(|wheel| format!("--hash={}", wheel.sha256())).collect();
        fs::write(self.path("project/requirements.txt"), format!("fast==1.0 {}\n", hashes.join(" "))).unwrap();
        fs::write(self.path("project/app.py"), "import fast\n").unwrap();
        let platform = self.architecture.platform();
        fs::write(self.path("project/carboy.toml"), format!("platforms = [\"{platform}\"]\n{CONFIG}")).unwrap();
    }

    fn wheel(architecture: &'static Architecture) -> Wheel {
        let module = ElfObject { architecture, program: false, soname: None, needed: &["libextra.so.2"] }.bytes();
        Wheel::new("fast", "1.0")
            .tag(&format!("cp313-cp313-manylinux_2_17_{}", architecture.wheel))
            .file(&format!("fast.cpython-313-{}.so", architecture.triplet), module)
    }

    fn build(&self) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        command.arg("build").arg(self.path("project")).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path("home"));
        command.env("CARBOY_CACHE_DIR", self.path("cache")).env("CARBOY_ALLOW_OUTSIDE", self.folder.path());
        command.output().unwrap()
    }

    fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap();
        fs::read(self.path("out/blobs").join(digest.replace(':', "/"))).unwrap()
    }

    /// The document that a descriptor names.
    fn json(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&self.blob(descriptor)).unwrap()
    }
}

/// The files of all layers, by path.
fn files(images: &Images, manifest: &Value) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for layer in manifest["layers"].as_array().unwrap() {
        let blob = images.blob(layer);
        let zstd = layer["mediaType"].as_str().unwrap().ends_with("+zstd");
        let bytes = if zstd { zstd::decode_all(blob.as_slice()).unwrap() } else { blob };
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().trim_start_matches("./").to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            out.insert(path, content);
        }
    }
    out
}

/// The flags and names of a cache's entries.
fn listed(cache: &[u8], little_endian: bool) -> Vec<(u32, String)> {
    let word = |at: usize| {
        let bytes = cache[at..at + 4].try_into().unwrap();
        if little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    };
    let text = |at: u32| {
        let rest = &cache[usize::try_from(at).unwrap()..];
        String::from_utf8(rest.split(|&byte| byte == 0).next().unwrap().to_vec()).unwrap()
    };
    let entries = (0..usize::try_from(word(20)).unwrap()).map(|at| 48 + 24 * at);
    entries.map(|at| (word(at), text(word(at + 4)))).collect()
}

fn is_whole(architecture: &'static Architecture) {
    let images = Images::new(architecture);
    let run = images.build();
    assert!(run.status.success(), "{}: {}", architecture.name, String::from_utf8_lossy(&run.stderr));
    let index: Value = serde_json::from_slice(&fs::read(images.path("out/index.json")).unwrap()).unwrap();
    let entry = images.json(&index["manifests"][0])["manifests"][0].clone();
    let platform = architecture.platform();
    assert_eq!(entry["platform"]["architecture"], platform.architecture);
    assert_eq!(entry["platform"]["variant"].as_str(), platform.variant.as_deref());
    let manifest = images.json(&entry);
    let config = images.json(&manifest["config"]);
    assert_eq!((&config["architecture"], &config["os"]), (&platform.architecture.into(), &"linux".into()));
    assert_eq!(config["variant"].as_str(), platform.variant.as_deref());

    let files = files(&images, &manifest);
    let triplet = architecture.triplet;
    for path in [
        "usr/local/bin/python3.13".to_owned(),
        format!("usr/local/lib/python3.13/lib-dynload/zlib.cpython-313-{triplet}.so"),
        format!("usr/local/lib/python3.13/site-packages/fast.cpython-313-{triplet}.so"),
        // for the module of the standard library, and for the wheel
        format!("usr/lib/{triplet}/libz.so.1"),
        format!("usr/lib/{triplet}/libextra.so.2"),
    ] {
        assert!(files.contains_key(&path), "{}: no {path} among {:?}", architecture.name, files.keys());
    }
    let cache = listed(&files["etc/ld.so.cache"], architecture.little_endian);
    for name in ["libc.so.6", "libextra.so.2", "libpython3.13.so.1.0", "libz.so.1"] {
        let flags = architecture.cache_flags;
        assert!(cache.contains(&(flags, name.to_owned())), "{}: {name} is not in {cache:?}", architecture.name);
    }
}

#[test]
fn an_image_is_assembled_for_every_architecture_of_the_table() {
    for architecture in &ARCHITECTURES {
        is_whole(architecture);
    }
}

#[test]
fn a_builder_for_another_architecture_is_refused() {
    let (arm, riscv64) = (Architecture::named("arm").unwrap(), Architecture::named("riscv64").unwrap());
    let images = Images::new(riscv64);
    let text = fs::read_to_string(images.path("project/carboy.toml")).unwrap();
    fs::write(images.path("project/carboy.toml"), text.replace("linux/riscv64", &arm.platform().to_string())).unwrap();
    let run = images.build();
    assert_eq!(run.status.code(), Some(1));
    let stderr = String::from_utf8(run.stderr).unwrap();
    assert!(stderr.contains("has no image for linux/arm/v7"), "{stderr}");
    assert!(!Path::new(&images.path("out/index.json")).exists());
}
