//! An OCI layout of one image for every machine.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use carboy::oci::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::machine::Machine;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// One machine's image.
pub struct Image {
    pub machine: Machine,
    /// Layers as tars.
    pub tars: Vec<Vec<u8>>,
    /// The configuration's `config`.
    pub process: Value,
}

/// Writes an image, named `1`; the digests of its manifests by platform.
pub fn write(folder: &Path, images: &[Image]) -> Value {
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    let layout = Layout { folder };
    let manifests: Vec<_> = images.iter().map(|image| layout.image(image)).collect();
    let digests = images.iter().zip(&manifests);
    let digests = digests.map(|(image, manifest)| (image.machine.platform(), manifest["digest"].clone())).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    let mut index = layout.blob(INDEX, index.to_string().as_bytes());
    index["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(folder.join("index.json"), json!({ "schemaVersion": 2, "manifests": [index] }).to_string()).unwrap();
    Value::Object(digests)
}

struct Layout<'a> {
    folder: &'a Path,
}

impl Layout<'_> {
    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        fs::write(self.folder.join("blobs").join(digest.replace(':', "/")), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    /// The first layer is gzip without compression, which is the same bytes in every
    /// version of an encoder; the others are plain tars.
    fn image(&self, image: &Image) -> Value {
        let layer = |(at, tar): (usize, &Vec<u8>)| {
            if at > 0 {
                return self.blob(TAR, tar);
            }
            let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
            gzip.write_all(tar).unwrap();
            self.blob(&format!("{TAR}+gzip"), &gzip.finish().unwrap())
        };
        let layers: Vec<_> = image.tars.iter().enumerate().map(layer).collect();
        let diff_ids: Vec<_> = image.tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
        let config = json!({
            "architecture": image.machine.architecture, "os": "linux", "config": image.process,
            "created": "2023-11-14T22:13:20Z",
            "history": diff_ids.iter().map(|_| json!({ "created_by": "made up" })).collect::<Vec<_>>(),
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
        let mut manifest = self.blob(MANIFEST, manifest.to_string().as_bytes());
        manifest["platform"] = json!({ "architecture": image.machine.architecture, "os": "linux" });
        manifest
    }
}
