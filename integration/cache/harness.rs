//! A small project without Python, over images in its own folder: a build takes a moment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use carboy::oci::Digest;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::PROGRAM;
use crate::small_layout::Layout;
use crate::support::Ran;

/// A project's folder beside a cache.
pub struct Harness {
    folder: TempDir,
}

impl Harness {
    /// Base and donor have so many files of `size` bytes each.
    pub fn new(files: usize, size: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let project = folder.path().join("project");
        let base = tar(&[
            ("bin/tool".to_owned(), 0o755, PROGRAM.to_vec()),
            ("etc/passwd".to_owned(), 0o644, b"root:x:0:0::/:\n".to_vec()),
        ]);
        let data: Vec<_> = (0..files).map(|number| (format!("data/{number}"), 0o644, noise(number, size))).collect();
        Layout::write(&folder.path().join("images/base"), &[base]);
        Layout::write(&folder.path().join("images/donor"), &[tar(&data)]);
        fs::create_dir_all(project.join("app")).unwrap();
        let text = "python = false\nplatforms = [\"linux/amd64\"]\n\
            [[extract]]\nfrom = \"builder\"\npaths = [\"/data/**\"]\nto = \"/copy\"\n\
            [app]\nsource = \"app\"\n[image]\nentrypoint = [\"/bin/tool\"]\n";
        fs::write(project.join("carboy.toml"), text).unwrap();
        let harness = Self { folder };
        harness.set_version("1");
        harness
    }

    /// Changes the application, and with it the image.
    pub fn set_version(&self, version: &str) {
        fs::write(self.path("project/app/version"), version).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// carboy with the project's images, to be started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path("home"));
        command.env("TMPDIR", std::env::temp_dir());
        command.env("CARBOY_BASE", format!("oci:{}:1", self.path("images/base").display()));
        command.env("CARBOY_BUILDER", format!("oci:{}:1", self.path("images/donor").display()));
        command.env("CARBOY_CACHE_DIR", self.cache()).env("CARBOY_PROGRESS", "plain");
        command.current_dir(self.path("project")).stdin(Stdio::null()).args(args);
        command
    }

    pub fn build(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(&["build"]).args(args).output().unwrap())
    }

    /// The digest that a build without a cache gives.
    pub fn expected(&self) -> String {
        let cache = TempDir::new().unwrap();
        let output = self.command(&["build", "--push=false"]).env("CARBOY_CACHE_DIR", cache.path()).output().unwrap();
        Ran::of(output).done().trim().to_owned()
    }
}

/// Bytes that do not compress.
pub fn noise(seed: usize, size: usize) -> Vec<u8> {
    let mut state = u32::try_from(seed).unwrap().wrapping_mul(747_796_405).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..size).map(|_| next()).collect()
}

fn tar(files: &[(String, u32, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// The names of an OCI layout and what they lead to, with every blob below verified.
pub fn names(layout: &Path) -> BTreeMap<String, String> {
    let Ok(index) = fs::read(layout.join("index.json")) else { return BTreeMap::new() };
    let index: Value = serde_json::from_slice(&index).unwrap();
    let mut out = BTreeMap::new();
    for entry in index["manifests"].as_array().unwrap() {
        let name = entry["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap();
        check(layout, entry);
        out.insert(name.to_owned(), entry["digest"].as_str().unwrap().to_owned());
    }
    out
}

/// Reads a descriptor's blob and, of a manifest, all that it names.
fn check(layout: &Path, descriptor: &Value) {
    let digest = descriptor["digest"].as_str().unwrap();
    let bytes = fs::read(layout.join("blobs").join(digest.replace(':', "/"))).unwrap();
    assert_eq!(Digest::of(&bytes).to_string(), digest);
    assert_eq!(descriptor["size"], bytes.len());
    if descriptor["mediaType"].as_str().unwrap().contains("json") && !digest.is_empty() {
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let lists = ["manifests", "layers"].map(|key| document[key].as_array().cloned().unwrap_or_default());
        let config = Some(document["config"].clone()).filter(|config| config["digest"].is_string());
        lists.into_iter().flatten().chain(config).for_each(|below| check(layout, &below));
    }
}

/// Staged files and run folders in a cache or a layout.
pub fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut out = Vec::new();
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with(".carboy-") || name.starts_with("run-") {
                out.push(path);
            } else if path.is_dir() {
                open.push(path);
            }
        }
    }
    out
}
