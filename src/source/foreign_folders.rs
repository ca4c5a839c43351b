//! Directories that are not the application's, recognised by their content: virtual environments,
//! caches, images.
//!
//! Sources: PEP 405 (`pyvenv.cfg`); <https://bford.info/cachedir/> (`CACHEDIR.TAG`); image-spec
//! `image-layout.md` (`oci-layout`); containers/image `directory_transport.go` (`version`).

use std::io::Read as _;
use std::path::Path;

use super::default_excludes::{CACHES, ENVIRONMENT, IMAGES};
use crate::oci::digest::is_hex;

/// The number of bytes of a marker file that are read.
const MARKER: u64 = 4096;
/// The number of entries of a directory that are examined.
const LOOKED_AT: usize = 16;
/// The first bytes of every `CACHEDIR.TAG`.
const TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// The tools that write their names into the tags of their caches.
const TOOLS: [&str; 7] = ["carboy", "cargo", "uv", "pip", "pytest", "ruff", "mypy"];
/// The directories of carboy's own cache, which had no marks in version 0.1.
const OWN: [&[u8]; 8] = [b"blobs", b"bytecode", b"elf", b"folders", b"layers", b"tars", b"tmp", b"wheels"];

/// Returns the rule that leaves out a whole directory, if there is one, given the names in it.
pub(super) fn rule(disk: &Path, names: &[&[u8]]) -> Option<&'static str> {
    let has = |name: &[u8]| names.binary_search(&name).is_ok();
    if has(b"pyvenv.cfg") {
        return Some(ENVIRONMENT);
    }
    if has(b"carboy-cache") && has(b"runs") {
        return Some(CACHES);
    }
    if has(b"CACHEDIR.TAG") && is_tools_tag(&read(&disk.join("CACHEDIR.TAG"))) || is_own_cache(disk, names) {
        return Some(CACHES);
    }
    let is_layout = has(b"oci-layout") && is_layout_marker(&read(&disk.join("oci-layout")));
    let is_directory =
        has(b"version") && has(b"manifest.json") && read(&disk.join("version")).starts_with(b"Directory Transport");
    (is_layout || is_directory).then_some(IMAGES)
}

/// Returns whether a `CACHEDIR.TAG` belongs to a tool with a cache that no image needs. A tag alone
/// is not enough: caches of models are tagged too, and belong into some images.
fn is_tools_tag(text: &[u8]) -> bool {
    let Some(comment) = text.strip_prefix(TAG) else { return false };
    let comment = String::from_utf8_lossy(comment).to_lowercase();
    let mut words = comment.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '-');
    // uv and ruff write the signature and nothing else.
    comment.trim().is_empty() || words.any(|word| TOOLS.contains(&word))
}

/// Returns whether text is the content of an `oci-layout` file.
pub(super) fn is_layout_marker(text: &[u8]) -> bool {
    let value = serde_json::from_slice::<serde_json::Value>(text);
    value.is_ok_and(|value| value["imageLayoutVersion"].is_string())
}

/// Returns whether a directory is a cache of carboy's: it holds only the cache's directories, and
/// these only entries, named by their SHA-256.
fn is_own_cache(disk: &Path, names: &[&[u8]]) -> bool {
    let is_known = |name: &&[u8]| OWN.contains(name) || *name == b"CACHEDIR.TAG";
    if !names.contains(&b"tmp".as_slice()) || !names.iter().all(is_known) {
        return false;
    }
    let folder = |name: &str| disk.join(if name == "blobs" { "blobs/sha256" } else { name });
    let kinds = names.iter().filter_map(|name| std::str::from_utf8(name).ok()).filter(|name| *name != "tmp");
    let mut entries = kinds
        .map(folder)
        .filter_map(|folder| fs_err::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().take(LOOKED_AT).map(|entry| entry.file_name()));
    let is_entry = |name: std::ffi::OsString| is_hex(name.as_encoded_bytes());
    entries.next().is_some_and(is_entry) && entries.all(is_entry)
}

/// Reads the start of a regular file; empty for an unreadable one.
fn read(path: &Path) -> Vec<u8> {
    let mut start = vec![];
    if fs_err::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
        && let Ok(file) = fs_err::File::open(path)
    {
        let _ = file.take(MARKER).read_to_end(&mut start);
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files<'a> = Vec<(String, &'a str)>;

    #[test]
    fn folders_are_told_by_what_is_in_them() {
        let tag =
            "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by pytest.\n";
        let models = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by huggingface_hub.\n";
        let hex = "a".repeat(64);
        let entry = |kind: &str| format!("{kind}/{hex}");
        let cases: [(&str, Files, Option<&str>); 12] = [
            ("environment", vec![("pyvenv.cfg".into(), "")], Some(ENVIRONMENT)),
            ("tagged", vec![("CACHEDIR.TAG".into(), tag), ("x".into(), "")], Some(CACHES)),
            ("uv's", vec![("CACHEDIR.TAG".into(), &tag[..43]), ("x".into(), "")], Some(CACHES)),
            ("models", vec![("CACHEDIR.TAG".into(), models), ("x".into(), "")], None),
            ("mistagged", vec![("CACHEDIR.TAG".into(), "Signature: 8a477"), ("x".into(), "")], None),
            ("own", vec![("tmp/x".into(), ""), (entry("blobs/sha256"), ""), (entry("tars"), "")], Some(CACHES)),
            ("wheels alone", vec![("tmp/x".into(), ""), (entry("wheels"), "")], Some(CACHES)),
            ("with more", vec![("tmp/x".into(), ""), (entry("tars"), ""), ("main.py".into(), "")], None),
            ("like one", vec![("tmp/x".into(), ""), ("layers/dense.py".into(), "")], None),
            ("layout", vec![("oci-layout".into(), r#"{"imageLayoutVersion": "1.0.0"}"#)], Some(IMAGES)),
            ("no layout", vec![("oci-layout".into(), "about layouts")], None),
            (
                "directory",
                vec![("version".into(), "Directory Transport Version: 1.1\n"), ("manifest.json".into(), "{}")],
                Some(IMAGES),
            ),
        ];
        for (case, files, want) in cases {
            let root = tempfile::tempdir().unwrap();
            for (name, text) in &files {
                let path = root.path().join(name);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, text).unwrap();
            }
            let mut names: Vec<_> = files.iter().map(|(name, _)| name.split('/').next().unwrap().as_bytes()).collect();
            names.sort_unstable();
            assert_eq!(rule(root.path(), &names), want, "{case}");
        }
    }
}
