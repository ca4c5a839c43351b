//! JSON documents for stdout: keys sorted, sizes in bytes, one line. Names stay as they
//! are from version to version; new ones may be added.
//!
//! **`carboy plan --json`** is an array with an object for each profile:
//!
//! - `profile` (null without one), `target` (null without one), `tags`, `base`, `builder`
//!   (null without one), `lock` (the lock file, null without one), `left_out`:
//!   `[{rule, files}]`, `left_out_tracked`: `[{path, rule, files}]`, what git tracks of
//!   that, folders with a slash at their ends
//! - `platforms`, for each:
//!   - `platform`, `python` (null without it), `command`, `user` (`uid:gid`), `workdir`
//!   - `base`: `{layers, packed, unpacked}`
//!   - `layers`: `[{kind, distribution, size: {layers, packed, unpacked}, files, known}]`;
//!     `distribution` is the only one in it, null for other layers; `packed` is
//!     an estimate unless `known`
//!   - `taken`: `[{layer, package, files: [{path, size, reason, needed_by}]}]`, what comes out of
//!     images; `package` is null for files of none; links have the size 0
//!   - `distributions`: what the lock file gives, `["numpy 2.3.1"]`
//!   - `missing`: `[{soname, needed_by}]`
//!
//! **`carboy why --json`** is an array with an object for each profile:
//!
//! - `profile` (null without one and for an image)
//! - `platforms`, for each: `platform`, `missing` as above, and `files`:
//!   `[{chain: [{path, name, owner}], end}]`; a chain begins with the file asked for

use std::io;

use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};

use super::reason::reason;
use crate::assemble::report::{
    Because, Chain, Group, LayerPreview, LeftOut, MissingLibrary, PlatformPreview, PlatformWhy, Preview, Size, Step,
    TakenFile, Tracked, Why,
};
use crate::printable;

/// Plans, for programs. Ends with a newline.
#[must_use]
pub fn plan_json(previews: &[Preview]) -> String {
    document(previews.iter().map(preview))
}

/// Chains, for programs. Ends with a newline.
#[must_use]
pub fn why_json(all: &[Why]) -> String {
    document(all.iter().map(|why| {
        json!({
            "profile": why.profile,
            "platforms": list(&why.platforms, of_platform),
        })
    }))
}

fn document(objects: impl Iterator<Item = Value>) -> String {
    text(&Value::Array(objects.collect())) + "\n"
}

/// A value on one line, in which everything is escaped that terminals and CI systems might
/// take for more than text. serde escapes only what JSON wants escaped: not the control
/// characters from U+0080 on.
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
        "target": preview.target,
        "tags": preview.tags,
        "base": preview.base,
        "builder": preview.builder,
        "lock": preview.lock,
        "platforms": list(&preview.platforms, platform),
        "left_out": left_out(&preview.left_out),
        "left_out_tracked": list(&preview.left_out.tracked, tracked),
    })
}

fn platform(preview: &PlatformPreview) -> Value {
    json!({
        "platform": preview.platform.to_string(),
        "python": preview.python,
        "base": size(preview.base),
        "layers": list(&preview.layers, layer),
        "distributions": preview.distributions,
        "taken": list(&preview.groups, group),
        "missing": list(&preview.missing, missing),
        "command": preview.command,
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
mod tests {
    use super::super::plan::tests::small;
    use super::super::why::tests::why;
    use super::*;
    use crate::progress::LayerKind;
    use crate::rootfs::RootPath;

    #[test]
    fn what_terminals_and_ci_systems_obey_is_escaped() {
        let value = json!({ "a": "é\n\u{1b}\u{9b}2J\u{7f}\u{2028}\u{202e}\u{e0041}", "b": "x ##vso[task] ###" });
        let written = text(&value);
        let a = r"é\n\u001b\u009b2J\u007f\u2028\u202e\udb40\udc41";
        assert_eq!(written, format!(r#"{{"a":"{a}","b":"x #\u0023vso[task] #\u0023\u0023"}}"#));
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
    }

    #[test]
    fn a_plan_has_everything() {
        let mut small = small();
        small.left_out.rules = [(".gitignore".to_owned(), 3)].into();
        small.left_out.tracked = vec![Tracked { path: "dist/".to_owned(), rule: ".gitignore".to_owned(), files: 2 }];
        let file = TakenFile {
            path: "/usr/lib/libz.so.1".to_owned(),
            size: 9,
            because: Because::NeededBy(vec![RootPath::new("x").unwrap()]),
        };
        small.platforms[0].groups = vec![Group { layer: LayerKind::Runtime, package: None, files: vec![file] }];
        small.platforms[0].missing = vec![MissingLibrary { soname: "libtk.so".to_owned(), needed_by: "/y".to_owned() }];
        let text = plan_json(&[small]);
        assert_eq!(text.lines().count(), 1);
        let value: Value = serde_json::from_str(&text).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
    [
      {
        "base": "gcr.io/distroless/cc-debian13:nonroot",
        "builder": "python:3.13-slim-trixie",
        "left_out": [
          {
            "files": 3,
            "rule": ".gitignore"
          }
        ],
        "left_out_tracked": [
          {
            "files": 2,
            "path": "dist/",
            "rule": ".gitignore"
          }
        ],
        "lock": null,
        "platforms": [
          {
            "base": {
              "layers": 0,
              "packed": 0,
              "unpacked": 0
            },
            "command": [
              "/usr/local/bin/python3.13",
              "-c",
              "print('it is\n', 1)"
            ],
            "distributions": [
              "flask 3.1.2",
              "numpy 2.3.1"
            ],
            "layers": [
              {
                "distribution": null,
                "files": 1234,
                "kind": "runtime",
                "known": false,
                "size": {
                  "layers": 1,
                  "packed": 18400000,
                  "unpacked": 61000000
                }
              }
            ],
            "missing": [
              {
                "needed_by": "/y",
                "soname": "libtk.so"
              }
            ],
            "platform": "linux/amd64",
            "python": null,
            "taken": [
              {
                "files": [
                  {
                    "needed_by": [
                      "/x"
                    ],
                    "path": "/usr/lib/libz.so.1",
                    "reason": "needed by /x",
                    "size": 9
                  }
                ],
                "layer": "runtime",
                "package": null
              }
            ],
            "user": "65532:65532",
            "workdir": "/app"
          }
        ],
        "profile": null,
        "tags": [
          "1.4.2",
          "1.4"
        ],
        "target": "ghcr.io/acme/shop:1.4.2"
      }
    ]
    "#);
    }

    #[test]
    fn chains_are_objects() {
        let mut why = why();
        why.platforms.truncate(1);
        let value: Value = serde_json::from_str(&why_json(&[why])).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
        [
          {
            "platforms": [
              {
                "files": [
                  {
                    "chain": [
                      {
                        "name": "libz.so.1",
                        "owner": null,
                        "path": "/usr/lib/x86_64-linux-gnu/libz.so.1"
                      },
                      {
                        "name": "numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so",
                        "owner": "numpy 2.3.1",
                        "path": "/usr/local/lib/python3.13/site-packages/numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so"
                      }
                    ],
                    "end": "dependencies"
                  }
                ],
                "missing": [],
                "platform": "linux/amd64"
              }
            ],
            "profile": null
          }
        ]
        "#);
    }
}
