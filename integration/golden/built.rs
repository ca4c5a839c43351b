//! A built image in an OCI layout: its digests, and the entries of its layers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use carboy::oci::Digest;
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

/// The folder of a layout that has one image.
pub struct Built(PathBuf);

impl Built {
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.0.join("blobs").join(digest.replace(':', "/"))
    }

    fn json(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&fs::read(self.blob(text(&descriptor["digest"]))).unwrap()).unwrap()
    }

    /// The digest of the index, and those of each platform's manifest, configuration and
    /// layers.
    pub fn digests(&self) -> Value {
        let listed: Value = serde_json::from_slice(&fs::read(self.0.join("index.json")).unwrap()).unwrap();
        let [index] = listed["manifests"].as_array().unwrap().as_slice() else { panic!("one image: {listed}") };
        let mut platforms = Map::new();
        for entry in self.json(index)["manifests"].as_array().unwrap() {
            let platform = &entry["platform"];
            let name = format!("{}/{}", text(&platform["os"]), text(&platform["architecture"]));
            platforms.insert(name, self.platform(entry));
        }
        json!({ "index": index["digest"], "platforms": platforms })
    }

    fn platform(&self, entry: &Value) -> Value {
        let manifest = self.json(entry);
        let config = self.json(&manifest["config"]);
        let history = config["history"].as_array().unwrap().iter().filter(|step| step["empty_layer"] != true);
        let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter().zip(diff_ids).zip(history);
        let layers = layers.map(|((layer, diff_id), step)| {
            let kind = text(&step["created_by"]).strip_prefix("carboy: ").unwrap_or("base");
            json!({ "kind": kind, "media_type": layer["mediaType"], "digest": layer["digest"], "diff_id": diff_id })
        });
        let layers: Vec<_> = layers.collect();
        json!({ "manifest": entry["digest"], "config": manifest["config"]["digest"], "layers": layers })
    }

    /// The entries of a layer, a line each: name, type and mode, owner, time, size, target,
    /// the beginnings of the SHA-256 of extended attributes and of the content.
    pub fn entries(&self, digest: &str) -> Vec<String> {
        let open = || File::open(self.blob(digest)).unwrap();
        let mut magic = [0; 2];
        open().read_exact(&mut magic).unwrap();
        let reader: Box<dyn Read> = match magic {
            [0x28, 0xb5] => Box::new(zstd::Decoder::new(open()).unwrap()),
            [0x1f, 0x8b] => Box::new(GzDecoder::new(open())),
            _ => Box::new(open()),
        };
        tar::Archive::new(reader).entries().unwrap().map(|entry| line(entry.unwrap())).collect()
    }
}

fn line(mut entry: tar::Entry<'_, Box<dyn Read>>) -> String {
    let header = entry.header().clone();
    let kind = char::from(header.entry_type().as_byte());
    let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
    let (mode, time, size) = (header.mode().unwrap(), header.mtime().unwrap(), entry.size());
    let name = entry.path().unwrap().display().to_string();
    let mut out = format!("{name}: {kind}{mode:04o} {uid}:{gid} @{time} {size}");
    if let Some(target) = entry.link_name().unwrap() {
        write!(out, " -> {}", target.display()).unwrap();
    }
    for record in entry.pax_extensions().unwrap().into_iter().flatten() {
        let record = record.unwrap();
        write!(out, " {}={}", record.key().unwrap(), Digest::of(record.value_bytes()).hex().split_at(12).0).unwrap();
    }
    if size > 0 {
        let mut content = Vec::new();
        io::copy(&mut entry, &mut content).unwrap();
        write!(out, " {}", Digest::of(&content).hex().split_at(12).0).unwrap();
    }
    out
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A layer in what was pinned and in what was built.
pub struct Difference {
    /// Such as `linux/amd64 runtime (python 3.13.5)`.
    pub name: String,
    /// None for one that is not there.
    pub old: Option<Value>,
    pub new: Option<Value>,
}

impl Difference {
    /// One line.
    pub fn says(&self) -> String {
        let name = &self.name;
        match (&self.old, &self.new) {
            (Some(_), None) => format!("{name}: the layer is gone"),
            (None, _) => format!("{name}: the layer is new"),
            (Some(old), Some(new)) if old["diff_id"] == new["diff_id"] => {
                format!("{name}: the tar is the same, its compression differs")
            }
            (Some(old), Some(new)) => {
                format!("{name}: the tar differs: {} was pinned, {} was built", old["diff_id"], new["diff_id"])
            }
        }
    }
}

/// The layers that differ, by platform and kind.
pub fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let (old, new) = (layers(old), layers(new));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let of =
        |name: &String| Difference { name: name.clone(), old: old.get(name).cloned(), new: new.get(name).cloned() };
    names.into_iter().map(of).filter(|layer| layer.old != layer.new).collect()
}

/// Layers by platform and kind; a second of one kind gets a number.
fn layers(image: &Value) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for (platform, parts) in image["platforms"].as_object().unwrap() {
        for layer in parts["layers"].as_array().unwrap() {
            let name = format!("{platform} {}", text(&layer["kind"]));
            let free = (2..).map(|number| format!("{name} {number}"));
            let name = std::iter::once(name.clone()).chain(free).find(|name| !out.contains_key(name)).unwrap();
            out.insert(name, layer.clone());
        }
    }
    out
}
