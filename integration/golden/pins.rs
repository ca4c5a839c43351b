//! Compares the digests of a build with pinned ones.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::built::{Built, Difference, differences, text};
use super::project::{Case, Project};

/// Environment variable: `write` pins what is built.
const MODE: &str = "CARBOY_GOLDEN";
/// Environment variable: the carboy to compare entries with.
const OLD: &str = "CARBOY_GOLDEN_OLD";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("integration/golden/{name}.json"))
}

fn writes() -> bool {
    let mode = std::env::var(MODE).unwrap_or_default();
    assert!(["", "write"].contains(&mode.as_str()), "{MODE}={mode} is not known: it is `write` or unset");
    mode == "write"
}

fn write(name: &str, value: &Value) {
    fs::write(file(name), serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
}

#[track_caller]
fn read(name: &str) -> Value {
    let text = fs::read(file(name)).unwrap_or_else(|cause| panic!("{name}.json: {cause}; run with {MODE}=write"));
    serde_json::from_slice(&text).unwrap()
}

/// Checks that the made-up images are those that all pinned digests are of.
#[track_caller]
pub fn check_images(images: &Value) {
    if writes() {
        write("images", images);
    } else {
        assert_same_images(images);
    }
}

#[track_caller]
fn assert_same_images(images: &Value) {
    let pinned = read("images");
    assert_eq!(*images, pinned, "the made-up images changed, so digests of builds say nothing about carboy");
}

impl Case {
    /// Builds the case and checks the digests.
    #[track_caller]
    pub fn holds(&self) {
        let project = Project::new(self);
        let built = project.build("image", "cache", &[]).built;
        let digests = built.digests();
        if writes() {
            write(self.name, &digests);
            return;
        }
        assert_same_images(&project.images);
        let pinned = read(self.name);
        assert!(digests == pinned, "{}", self.tell(&project, &pinned, &built));
    }

    /// Says what differs from the pinned digests.
    fn tell(&self, project: &Project, pinned: &Value, built: &Built) -> String {
        let digests = built.digests();
        let layers = differences(pinned, &digests);
        let mut out = format!("{} is another image than the one in {}\n", self.name, file(self.name).display());
        for layer in &layers {
            writeln!(out, "  {}", layer.says()).unwrap();
        }
        for (platform, old) in pinned["platforms"].as_object().unwrap() {
            for part in ["config", "manifest"] {
                if old[part] != digests["platforms"][platform][part] {
                    writeln!(out, "  {platform}: the {part} differs").unwrap();
                }
            }
        }
        let kinds = |image: &Value| -> Vec<String> {
            let platforms = image["platforms"].as_object().unwrap().values();
            let layers = platforms.flat_map(|platform| platform["layers"].as_array().unwrap());
            layers.map(|layer| layer["kind"].to_string()).collect()
        };
        if kinds(pinned) != kinds(&digests) {
            writeln!(out, "  the order of layers differs, or their kinds do").unwrap();
        }
        match std::env::var_os(OLD) {
            Some(old) => out += &compare(&project.build_by(Path::new(&old), "old", "old-cache", &[]).built, built),
            None => {
                writeln!(out, "{OLD}=PROGRAM compares the entries of layers with those of an older carboy").unwrap();
            }
        }
        out
    }
}

/// The entries that differ between two images.
fn compare(old: &Built, new: &Built) -> String {
    let mut out = String::new();
    for Difference { name, old: before, new: after } in differences(&old.digests(), &new.digests()) {
        let entries = |image: &Built, layer: Option<Value>| {
            layer.map(|layer| image.entries(text(&layer["digest"]))).unwrap_or_default()
        };
        let (before, after) = (entries(old, before), entries(new, after));
        writeln!(out, "{name}:").unwrap();
        let (one, other): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), after.iter().collect());
        for entry in one.symmetric_difference(&other) {
            let sign = if one.contains(entry) { '-' } else { '+' };
            writeln!(out, "  {sign} {entry}").unwrap();
        }
        if one == other {
            writeln!(out, "  the same entries{}", if before == after { "" } else { " in another order" }).unwrap();
        }
    }
    out
}
