//! Places a ready-made site-packages directory as an installer for this image would.
//!
//! `pip install --target` and `uv pip install --target` leave scripts in `bin/` with the build
//! host's interpreter, a `.lock`, and compiled files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contents::unreadable;
use super::contents::{Contents, Result};
use crate::python::record::{self, RecordChange};
use crate::python::{Distributions, Interpreter, script};
use crate::rootfs::{Content, Entry, Kind, LocalKind, Meta, RootPath, Tree, Walk};

/// The most bytes of a script or a RECORD file that carboy rewrites.
const TEXT_LIMIT: u64 = 16 << 20;

/// Returns the entries of the image, by path. Directories exist by their content.
pub(super) fn place(
    walk: &Walk,
    interpreter: &Interpreter,
    contents: &dyn Contents,
) -> Result<BTreeMap<RootPath, Entry>> {
    let is_package = walk.entries.iter().any(|entry| entry.path == b"bin/__init__.py");
    let mut out = BTreeMap::new();
    let mut record_changes = BTreeMap::new();
    let mut records = Vec::new();
    for local in &walk.entries {
        let text_path = String::from_utf8_lossy(&local.path).into_owned();
        if left_out(&local.path) {
            record_changes.insert(text_path, RecordChange::Gone);
            continue;
        }
        let below = RootPath::new(&local.path).map_err(|cause| unreadable(&text_path, cause))?;
        let script = local.path.strip_prefix(b"bin/").filter(|_| !is_package);
        match &local.kind {
            LocalKind::Folder => {}
            LocalKind::Link(target) => {
                out.insert(interpreter.purelib.join(&below), Entry::link(target.clone()));
            }
            LocalKind::File(file) => {
                let content = Content::Local(Arc::new(file.clone()));
                if let Some(name) = script {
                    let entry = script_entry(&below, &content, interpreter, contents)?;
                    let path = interpreter.scripts.child(name);
                    record_changes.insert(text_path, moved(&path, &entry, interpreter));
                    out.insert(path, entry);
                    continue;
                }
                let path = interpreter.purelib.join(&below);
                if local.path.ends_with(b".dist-info/RECORD") {
                    records.push((path.clone(), content.clone()));
                }
                out.insert(path, Entry::local(file));
            }
        }
    }
    for (path, content) in records {
        let text = contents.read(&content, TEXT_LIMIT).map_err(|cause| unreadable(&path, cause))?;
        let Ok(text) = String::from_utf8(text) else { continue };
        if let Some(rewritten) = record::rewrite(&text, &record_changes) {
            out.insert(path, Entry::bytes(0o644, rewritten.into_bytes()));
        }
    }
    Ok(out)
}

/// Reads the distributions in directories of an image from its own records. Leaves out a record that cannot be
/// read.
pub fn distributions(tree: &Tree, sites: &[RootPath], contents: &dyn Contents) -> Distributions {
    Distributions::read(tree, sites, &mut |path, limit| {
        let (_, entry) = tree.follow(path)?;
        contents.read(entry.content()?, limit).ok()
    })
}

/// Returns whether a file is left out: compiled files of unknown origin, and the lock that uv
/// leaves.
fn left_out(path: &[u8]) -> bool {
    let folder = path.split(|&b| b == b'/').any(|part| part == b"__pycache__");
    folder || path.ends_with(b".pyc") || path.ends_with(b".pyo") || path == b".lock"
}

fn script_entry(
    path: &RootPath,
    content: &Content,
    interpreter: &Interpreter,
    contents: &dyn Contents,
) -> Result<Entry> {
    let as_it_is = Entry { meta: Meta::root(0o755), kind: Kind::File(content.clone()) };
    if content.size() > TEXT_LIMIT {
        return Ok(as_it_is);
    }
    let text = contents.read(content, TEXT_LIMIT);
    let text = text.map_err(|cause| unreadable(path, cause))?;
    let rewritten = script::with_shebang(&text, &interpreter.shebang());
    Ok(rewritten.map_or(as_it_is, |text| Entry::bytes(0o755, text)))
}

/// Returns the line of RECORD for a script: its path relative to purelib.
fn moved(path: &RootPath, entry: &Entry, interpreter: &Interpreter) -> RecordChange {
    let path = record::relative(&interpreter.purelib, path);
    let known = entry.content().and_then(|content| Some((content.digest()?, content.size())));
    known.map_or(RecordChange::Gone, |(digest, size)| RecordChange::Moved { path, digest, size })
}
