//! JSON documents for stdout: keys sorted, sizes in bytes, one line. Names of keys never change
//! between versions; new ones may be added.
//!
//! **`carboy plan --json`** is an array with an object for each profile:
//!
//! - `profile` (null without one), `targets`: `[{target, names}]`, `target` and `tags`, those of the
//!   first (null and empty without one), `image_index` (`always` or `never`), `base`, `builder`
//!   (null without one), `lock` (the lock file, null without one), `left_out`:
//!   `[{rule, files}]`, `left_out_tracked`: `[{path, rule, files}]`, what git tracks of
//!   that, folders with a slash at their ends, `ignore_files`: `[{path, replaces_git}]`, and
//!   `git_ignored`: `[{path, size}]`, what `.gitignore` names and another ignore file lets in
//! - `platforms`, for each:
//!   - `platform`, `python` (null without it), `command`, `command_origin` (null for the base's
//!     command), `command_env` (names of the variables that its file sets), `user` (`uid:gid`), `workdir`
//!   - `base`: `{layers, packed, unpacked}`
//!   - `layers`: `[{kind, distribution, size: {layers, packed, unpacked}, files, known}]`;
//!     `distribution` is the only one in it, null for other layers; `packed` is
//!     an estimate unless `known`
//!   - `taken`: `[{layer, package, files: [{path, size, reason, needed_by}]}]`, what comes out of
//!     images; `package` is null for files of none; links have the size 0
//!   - `distributions`: what the lock file gives, `["numpy 2.3.1"]`
//!   - `from_sdist`: those whose wheels are made from their sdists
//!   - `missing`: `[{soname, needed_by}]`
//!   - `notes`: other facts that checks found, sentences
//!
//! **`carboy plan --files --json`** is an array with an object for each profile:
//!
//! - `profile` (null without one), `ignore_files` as above
//! - `in`: `[{path, to, size, reason}]`; `to` is the path in the image, null for the project's wheel;
//!   `reason` is null for files that no rule concerns
//! - `out`: `[{path, rule, files}]`, directories with a slash at their ends
//!
//! **`carboy why --json`** is an array with an object for each profile:
//!
//! - `profile` (null without one and for an image), `left_out`: `[{path, rule, include}]`, the local
//!   files of that name that stay behind; `include` is the glob that brings one in, or null
//! - `platforms`, for each: `platform`, `missing` as above, and `files`:
//!   `[{chain: [{path, name, owner}], end}]`; a chain begins with the file asked for

use std::io;

use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};

use super::reason::reason;
use crate::assemble::report::{
    Because, Chain, FileList, Group, IgnoreFile, LayerPreview, LeftOut, LeftOutPath, ListedFile, MissingLibrary,
    PlatformPreview, PlatformWhy, Preview, Size, StaysBehind, Step, TakenFile, Tracked, Why,
};
use crate::printable;

/// Returns plans as JSON. Ends with a newline.
#[must_use]
pub fn plan_json(previews: &[Preview]) -> String {
    document(previews.iter().map(preview))
}

/// Returns chains as JSON. Ends with a newline.
#[must_use]
pub fn why_json(all: &[Why]) -> String {
    document(all.iter().map(|why| {
        json!({
            "profile": why.profile,
            "left_out": list(&why.left_out, stays_behind),
            "platforms": list(&why.platforms, of_platform),
        })
    }))
}

/// Returns local files as JSON. Ends with a newline.
#[must_use]
pub fn files_json(lists: &[FileList]) -> String {
    let file =
        |file: &ListedFile| json!({ "path": file.path, "to": file.to, "size": file.size, "reason": file.reason });
    document(lists.iter().map(|list_of| {
        json!({
            "profile": list_of.profile,
            "ignore_files": list(&list_of.left_out.ignore_files, ignore_file),
            "in": list(&list_of.included, file),
            "out": list(&list_of.left_out.paths, left_out_path),
        })
    }))
}

fn stays_behind(one: &StaysBehind) -> Value {
    json!({ "path": one.path, "rule": one.rule, "include": one.include })
}

fn left_out_path(one: &LeftOutPath) -> Value {
    json!({ "path": one.path, "rule": one.rule, "files": one.files })
}

fn document(objects: impl Iterator<Item = Value>) -> String {
    text(&Value::Array(objects.collect())) + "\n"
}

/// Returns a value on one line, with every character escaped that terminals and CI systems might
/// interpret. serde escapes only the characters that JSON requires: not the control characters from
/// U+0080.
///
/// # Panics
/// Never: values have string keys, and memory takes all bytes.
#[must_use]
pub fn text(value: &Value) -> String {
    let mut out = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut out, Printable));
    written.expect("values have string keys, and memory takes all bytes");
    String::from_utf8(out).expect("JSON is UTF-8")
}

struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let (mut before, mut written) = (None, 0);
        for (at, c) in fragment.char_indices() {
            if printable::is_unsafe(c) || c == '#' && before == Some('#') {
                out.write_all(&fragment.as_bytes()[written..at])?;
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
                written = at + c.len_utf8();
            }
            before = Some(c);
        }
        out.write_all(&fragment.as_bytes()[written..])
    }
}

pub fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    items.iter().map(one).collect()
}

fn preview(preview: &Preview) -> Value {
    json!({
        "profile": preview.profile,
        "target": preview.targets.first().map(|first| &first.target),
        "tags": preview.targets.first().map(|first| first.names.as_slice()).unwrap_or_default(),
        "targets": list(&preview.targets, |one| json!({ "target": one.target, "names": one.names })),
        "image_index": preview.index.name(),
        "base": preview.base,
        "builder": preview.builder,
        "lock": preview.lock,
        "platforms": list(&preview.platforms, platform),
        "left_out": left_out(&preview.left_out),
        "left_out_tracked": list(&preview.left_out.tracked, tracked),
        "ignore_files": list(&preview.left_out.ignore_files, ignore_file),
        "git_ignored": list(&preview.left_out.git_ignored, git_ignored),
    })
}

fn platform(preview: &PlatformPreview) -> Value {
    json!({
        "platform": preview.platform.to_string(),
        "python": preview.python,
        "base": size(preview.base),
        "layers": list(&preview.layers, layer),
        "distributions": preview.distributions,
        "from_sdist": preview.from_sdist,
        "taken": list(&preview.groups, group),
        "missing": list(&preview.missing, missing),
        "notes": preview.notes,
        "command": preview.command,
        "command_origin": preview.command_origin,
        "command_env": preview.command_env,
        "user": preview.user,
        "workdir": preview.workdir,
    })
}

fn layer(layer: &LayerPreview) -> Value {
    json!({ "kind": layer.kind.name(), "distribution": layer.distribution, "size": size(layer.size), "files": layer.files, "known": layer.known })
}

pub fn size(size: Size) -> Value {
    json!({ "layers": size.layers, "packed": size.packed, "unpacked": size.unpacked })
}

fn group(group: &Group) -> Value {
    let file = |file: &TakenFile| {
        let needed_by: Vec<_> = match &file.because {
            Because::NeededBy(by) => by.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        let reason = reason(&file.because, ToString::to_string);
        json!({ "path": file.path, "size": file.size, "reason": reason, "needed_by": needed_by })
    };
    json!({ "layer": group.layer.name(), "package": group.package, "files": list(&group.files, file) })
}

pub fn ignore_file(file: &IgnoreFile) -> Value {
    json!({ "path": file.path, "replaces_git": file.replaces_git })
}

pub fn git_ignored((path, size): &(String, u64)) -> Value {
    json!({ "path": path, "size": size })
}

pub fn left_out(left_out: &LeftOut) -> Value {
    left_out.rules.iter().map(|(rule, files)| json!({ "rule": rule, "files": files })).collect()
}

pub fn tracked(tracked: &Tracked) -> Value {
    json!({ "path": tracked.path, "rule": tracked.rule, "files": tracked.files })
}

pub fn missing(missing: &MissingLibrary) -> Value {
    json!({ "soname": missing.soname, "needed_by": missing.needed_by })
}

fn of_platform(why: &PlatformWhy) -> Value {
    json!({
        "platform": why.platform.to_string(),
        "files": list(&why.files, chain),
        "missing": list(&why.missing, missing),
    })
}

fn chain(chain: &Chain) -> Value {
    let step = |step: &Step| json!({ "path": step.path, "name": step.name, "owner": step.owner });
    json!({ "chain": list(&chain.steps, step), "end": chain.end })
}

#[cfg(test)]
mod tests;
