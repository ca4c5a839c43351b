//! An image of one small layer, as a registry serves it.

use std::collections::BTreeMap;

use carboy::oci::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::support::scripted::{Reply, Request};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The image `small/base:1`, for linux/amd64: `/bin/tool` and two users.
#[derive(Clone)]
pub struct SmallImage {
    manifest: Vec<u8>,
    blobs: BTreeMap<String, Vec<u8>>,
    /// The layer's digest.
    #[allow(dead_code, reason = "every test target takes what it needs")]
    pub layer: String,
}

/// What is not as it should be.
#[derive(Clone, Default)]
pub struct Faults {
    pub media_type: Option<&'static str>,
    pub diff_id: Option<&'static str>,
}

impl SmallImage {
    pub fn new() -> Self {
        Self::with(&Faults::default())
    }

    pub fn with(faults: &Faults) -> Self {
        let tar = tar();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::copy(&mut tar.as_slice(), &mut gzip).unwrap();
        let layer = gzip.finish().unwrap();
        let diff_id = faults.diff_id.map_or_else(|| Digest::of(&tar).to_string(), str::to_owned);
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Env": ["PATH=/bin"] },
            "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        });
        let config = config.to_string().into_bytes();
        let descriptor = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len() });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor(faults.media_type.unwrap_or(LAYER), &layer)],
        });
        let digest = Digest::of(&layer).to_string();
        let blobs = [layer, config].map(|blob| (Digest::of(&blob).to_string(), blob));
        Self { manifest: manifest.to_string().into_bytes(), blobs: blobs.into(), layer: digest }
    }

    /// What a registry that behaves would answer.
    pub fn answer(&self, request: &Request) -> Reply {
        if request.is("GET", "/v2/small/base/manifests/1") {
            return Reply::new(200).with("Content-Type", MANIFEST).body(&self.manifest);
        }
        let digest = request.line.split("/v2/small/base/blobs/").nth(1).and_then(|rest| rest.split(' ').next());
        match digest.and_then(|digest| self.blobs.get(digest)) {
            Some(blob) if request.offset() == 0 => Reply::new(200).body(blob),
            Some(blob) => {
                let range = format!("bytes {}-{}/{}", request.offset(), blob.len() - 1, blob.len());
                Reply::new(206).with("Content-Range", &range).body(&blob[request.offset()..])
            }
            None => Reply::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        }
    }
}

fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    // Bytes that do not compress, so that a transfer has a middle.
    let noise: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let users = b"root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532::/home/nonroot:/bin/sh\n".to_vec();
    for (path, mode, bytes) in [("bin/tool", 0o755, noise), ("etc/passwd", 0o644, users)] {
        let mut header = tar::Header::new_gnu();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}
