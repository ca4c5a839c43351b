//! An OCI layout of one image, made of tars.

use std::fs;
use std::path::{Path, PathBuf};

use carboy::oci::{Digest, Platform};
use serde_json::{Value, json};

/// An image in the making.
pub struct Layout {
    folder: PathBuf,
    layers: Vec<Value>,
    diff_ids: Vec<String>,
    platform: Platform,
    /// The configuration's `config`.
    pub process: Value,
}

#[allow(dead_code, reason = "every test target takes what it needs")]
impl Layout {
    /// An image of these tars, named `1`.
    pub fn write(folder: &Path, tars: &[Vec<u8>]) -> PathBuf {
        let mut layout = Self::new(folder);
        for tar in tars {
            layout.add("application/vnd.oci.image.layer.v1.tar", tar, &Digest::of(tar));
        }
        layout.finish()
    }

    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        let process = json!({ "Env": ["PATH=/bin"] });
        Self {
            folder: folder.to_owned(),
            layers: Vec::new(),
            diff_ids: Vec::new(),
            platform: Platform::new("linux", "amd64"),
            process,
        }
    }

    /// For another platform than linux/amd64.
    pub fn platform(self, platform: &Platform) -> Self {
        Self { platform: platform.clone(), ..self }
    }

    /// Adds a layer with whatever diff id.
    pub fn add(&mut self, media_type: &str, blob: &[u8], diff_id: &Digest) {
        let descriptor = self.blob(media_type, blob);
        self.layers.push(descriptor);
        self.diff_ids.push(diff_id.to_string());
    }

    /// Adds a blob that is in a file already.
    pub fn add_file(&mut self, media_type: &str, file: &Path, digest: &Digest, diff_id: &Digest) {
        let size = fs::metadata(file).unwrap().len();
        fs::rename(file, self.path(digest)).unwrap();
        self.layers.push(json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size }));
        self.diff_ids.push(diff_id.to_string());
    }

    /// Adds fields to the descriptor of the last layer.
    pub fn describe(&mut self, details: &Value) {
        let layer = self.layers.last_mut().unwrap();
        for (name, value) in details.as_object().unwrap() {
            layer[name] = value.clone();
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.to_string().replace(':', "/"))
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        fs::write(self.path(&digest), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": bytes.len() })
    }

    pub fn finish(self) -> PathBuf {
        let mut config = json!(self.platform);
        config["config"] = self.process.clone();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": self.diff_ids });
        let config = self.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": self.layers });
        let mut manifest = self.blob(media_type, manifest.to_string().as_bytes());
        manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
        manifest["platform"] = json!(self.platform);
        fs::write(self.folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
        fs::write(self.folder.join("index.json"), index.to_string()).unwrap();
        self.folder
    }
}
