use super::super::files::tests::list as list_of_files;
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

#[expect(clippy::too_many_lines, reason = "most lines are one expectation")]
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
        "git_ignored": [],
        "ignore_files": [],
        "image_index": "always",
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
            "command_env": [],
            "command_origin": "the command line",
            "distributions": [
              "flask 3.1.2",
              "numpy 2.3.1"
            ],
            "from_sdist": [],
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
            "notes": [],
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
        "target": "ghcr.io/acme/shop:1.4.2",
        "targets": [
          {
            "names": [
              "1.4.2",
              "1.4"
            ],
            "target": "ghcr.io/acme/shop:1.4.2"
          }
        ]
      }
    ]
    "#);
}

#[test]
fn chains_are_objects() {
    let mut why = why();
    why.platforms.truncate(1);
    let (path, rule, include) = ("libz.so.1".to_owned(), "exclude".to_owned(), Some("libz.so.1".to_owned()));
    why.left_out = vec![StaysBehind { path, rule, include }];
    let value: Value = serde_json::from_str(&why_json(&[why])).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
    [
      {
        "left_out": [
          {
            "include": "libz.so.1",
            "path": "libz.so.1",
            "rule": "exclude"
          }
        ],
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

#[test]
fn local_files_are_objects() {
    let value: Value = serde_json::from_str(&files_json(&[list_of_files()])).unwrap();
    insta::assert_snapshot!(value.to_string(), @r#"[{"ignore_files":[{"path":".gitignore","replaces_git":false}],"in":[{"path":"dist/app.js","reason":"tracked by git","size":7,"to":"/app/dist/app.js"},{"path":"main.py","reason":null,"size":7,"to":"/app/main.py"}],"out":[{"files":1,"path":".env","rule":".env*"},{"files":1,"path":"a\n","rule":"exclude"},{"files":12,"path":"node_modules/","rule":"node_modules"}],"profile":null}]"#);
}
