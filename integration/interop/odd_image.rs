//! An image made piece by piece, served as `odd/base` or written as a layout.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use carboy::oci::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::scripted::{Reply, Request};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The manifests and blobs of a repository.
#[derive(Clone, Default)]
pub struct OddImage {
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// By tag and by digest: the `Content-Type`, and the bytes.
    pub manifests: BTreeMap<String, (Option<String>, Vec<u8>)>,
    /// The descriptor of the tag `1`.
    root: Value,
}

impl OddImage {
    /// An image of one layer, as tools write it.
    pub fn small() -> Self {
        let mut image = Self::default();
        let tar = tar();
        let layer = image.add(GZIP, &gzip(&tar));
        let manifest = image.image(&[layer], &[&tar], &json!({}));
        image.tag(&manifest, Some(MANIFEST));
        image
    }

    /// Adds a blob; returns its descriptor.
    pub fn add(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        self.blobs.insert(digest.clone(), bytes.to_vec());
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    /// Returns a manifest of layers over a configuration for linux/amd64, in which `change` stands.
    pub fn image(&mut self, layers: &[Value], tars: &[&[u8]], change: &Value) -> Value {
        let diff_ids: Vec<_> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
        let mut config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Env": ["PATH=/bin"] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        lay_over(&mut config, change);
        let config = self.add(CONFIG, config.to_string().as_bytes());
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })
    }

    /// Adds a manifest under its digest; returns its descriptor.
    pub fn manifest(&mut self, manifest: &Value, content_type: Option<&str>) -> Value {
        let bytes = manifest.to_string().into_bytes();
        let digest = Digest::of(&bytes).to_string();
        let own = manifest["mediaType"].as_str().or(content_type).unwrap_or(MANIFEST);
        let descriptor = json!({ "mediaType": own, "digest": digest, "size": bytes.len() });
        self.manifests.insert(digest, (content_type.map(str::to_owned), bytes));
        descriptor
    }

    /// Adds a manifest or index under the tag `1`, and under its digest.
    pub fn tag(&mut self, manifest: &Value, content_type: Option<&str>) {
        self.root = self.manifest(manifest, content_type);
        let entry = self.manifests[self.root["digest"].as_str().unwrap()].clone();
        self.manifests.insert("1".to_owned(), entry);
    }

    /// Adds an index of entries under the tag `1`.
    pub fn tag_index(&mut self, entries: &[Value]) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        self.tag(&index, Some(INDEX));
    }

    /// The answer of a registry that behaves.
    pub fn answer(&self, request: &Request) -> Reply {
        let target = request.line.split(' ').nth(1).unwrap();
        if let Some(reference) = target.strip_prefix("/v2/odd/base/manifests/") {
            let Some((content_type, bytes)) = self.manifests.get(reference) else {
                return Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
            };
            let reply = Reply::new(200).body(bytes);
            return content_type.iter().fold(reply, |reply, kind| reply.with("Content-Type", kind));
        }
        let digest = target.strip_prefix("/v2/odd/base/blobs/");
        match digest.and_then(|digest| self.blobs.get(digest)) {
            Some(blob) => Reply::new(200).body(blob),
            None => Reply::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        }
    }

    /// Writes a layout that names the image `1`.
    pub fn write(&self, folder: &Path) {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        let manifests = self.manifests.iter().map(|(digest, (_, bytes))| (digest, bytes));
        for (digest, bytes) in self.blobs.iter().chain(manifests) {
            if let Some(hex) = digest.strip_prefix("sha256:") {
                fs::write(blobs.join(hex), bytes).unwrap();
            }
        }
        let mut root = self.root.clone();
        root["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let index = json!({ "schemaVersion": 2, "manifests": [root] });
        fs::write(folder.join("index.json"), index.to_string()).unwrap();
    }
}

/// Replaces the fields of an object; `"DELETE"` removes one.
fn lay_over(object: &mut Value, change: &Value) {
    for (name, value) in change.as_object().unwrap() {
        let object = object.as_object_mut().unwrap();
        if value == "DELETE" {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

/// `/bin/tool` and two users.
pub fn tar() -> Vec<u8> {
    let users = b"root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532::/home/nonroot:/bin/sh\n";
    tar_of(&[("bin/tool", 0o755, &elf()), ("etc/passwd", 0o644, users)])
}

/// The header of a static x86-64 program.
fn elf() -> Vec<u8> {
    let mut elf = vec![0; 64];
    elf[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (elf[16], elf[18], elf[20], elf[24], elf[52]) = (3, 62, 1, 0x40, 64);
    elf
}

/// A tar of files.
pub fn tar_of(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_mode(*mode);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}
