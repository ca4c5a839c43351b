//! What is in an image, told by crane, skopeo and GNU tar.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use super::{run, tool};

/// A manifest or index in a registry.
pub fn manifest(reference: &str) -> Value {
    serde_json::from_str(&run("crane", ["manifest", &untagged(reference)])).unwrap()
}

/// `repository@digest`: crane takes a tag or a digest, not both.
pub fn untagged(reference: &str) -> String {
    let Some((name, digest)) = reference.split_once('@') else { return reference.to_owned() };
    format!("{}@{digest}", repository(name))
}

/// What stands before tag and digest.
pub fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap();
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(repository, _)| repository)
}

/// One platform's image in a registry.
pub struct Image {
    repository: String,
    pub digest: String,
    pub manifest: Value,
    pub config: Value,
}

impl Image {
    pub fn of(reference: &str, platform: &str) -> Self {
        let index = manifest(reference);
        let listed = index["manifests"].as_array().unwrap().iter();
        let one = |entry: &&Value| platform == format!("linux/{}", entry["platform"]["architecture"].as_str().unwrap());
        let digest = listed.filter(one).map(|entry| entry["digest"].as_str().unwrap()).next().unwrap().to_owned();
        let repository = repository(reference).to_owned();
        let manifest = manifest(&format!("{repository}@{digest}"));
        let blob = manifest["config"]["digest"].as_str().unwrap();
        let config = serde_json::from_str(&run("crane", ["blob", &format!("{repository}@{blob}")])).unwrap();
        Self { repository, digest, manifest, config }
    }

    /// `repository@digest`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// The digests of its layers.
    pub fn layers(&self) -> Vec<String> {
        let layers = self.manifest["layers"].as_array().unwrap();
        layers.iter().map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
    }

    pub fn env(&self) -> BTreeMap<String, String> {
        let env = self.config["config"]["Env"].as_array().unwrap();
        env.iter()
            .map(|entry| entry.as_str().unwrap().split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// What GNU tar lists for a layer.
    pub fn entries(&self, layer: &str) -> Vec<Entry> {
        let blob = tool("crane").args(["blob", &format!("{}@{layer}", self.repository)]).output().unwrap();
        assert!(blob.status.success(), "no blob {layer}");
        let zstd = blob.stdout.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        let mut tar = tool("tar")
            .args([if zstd { "--zstd" } else { "--gzip" }, "--numeric-owner", "--full-time", "-tvf", "-"])
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = tar.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(&blob.stdout));
        let listed = tar.wait_with_output().unwrap();
        assert!(listed.status.success());
        writer.join().unwrap().unwrap();
        String::from_utf8(listed.stdout).unwrap().lines().map(Entry::parse).collect()
    }

    /// The last entry of each path, through all layers.
    pub fn tree(&self) -> BTreeMap<String, Entry> {
        let layers = self.layers();
        layers.iter().flat_map(|layer| self.entries(layer)).map(|entry| (entry.path.clone(), entry)).collect()
    }
}

/// An entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As `ls` writes it: `drwxr-xr-x`.
    pub mode: String,
    /// `uid/gid`.
    pub owner: String,
    pub time: String,
    /// Absolute.
    pub path: String,
}

impl Entry {
    fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap().to_owned();
        let (mode, owner, _size, day, time) = (word(), word(), word(), word(), word());
        let name = line.split_once(&format!("{day} {time} ")).unwrap().1;
        let name = name.split(" -> ").next().unwrap().split(" link to ").next().unwrap();
        let path = format!("/{}", name.trim_start_matches("./").trim_matches('/'));
        Self { mode, owner, time: format!("{day} {time}"), path }
    }
}

/// One platform of an image, laid out by skopeo and `unpack`.
pub struct Unpacked {
    folder: TempDir,
}

impl Unpacked {
    pub fn new(reference: &str, platform: &str) -> Self {
        let folder = TempDir::new().unwrap();
        run("unpack", [reference.as_ref(), platform.as_ref(), folder.path().as_os_str()]);
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn root(&self) -> PathBuf {
        self.path().join("rootfs")
    }
}
