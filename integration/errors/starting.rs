//! Images that would be built and could not be started by their user.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use carboy::oci::Digest;
use serde_json::{Value, json};

use crate::small_layout::Layout;
use crate::support::harness::{AMD64, CC, Harness, Run, SLIM};

/// `/bin/tool` of ELF's header alone, two users, and what a test needs besides.
fn base(harness: &Harness, more: &[(&str, u32, &[u8])]) -> String {
    base_of(harness, more, &json!({}))
}

/// The same, whose configuration says more.
fn base_of(harness: &Harness, more: &[(&str, u32, &[u8])], process: &Value) -> String {
    let elf = elf(0x40);
    let passwd = b"root:x:0:0::/root:/bin/sh\n";
    let mut own: Vec<(&str, u32, &[u8])> = vec![("bin/tool", 0o755, &elf), ("etc/passwd", 0o644, passwd)];
    own.retain(|(path, ..)| !more.iter().any(|(other, ..)| other == path));
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in own.iter().chain(more) {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
            tar.append_data(&mut header, path, &b""[..]).unwrap();
        } else if let Some(target) = bytes.strip_prefix(b"-> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, path, std::str::from_utf8(target).unwrap()).unwrap();
        } else {
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, *bytes).unwrap();
        }
    }
    let tar = tar.into_inner().unwrap();
    let folder = harness.folder().join("base");
    drop(fs::remove_dir_all(&folder)); // an earlier one
    let mut layout = Layout::new(&folder);
    layout.add("application/vnd.oci.image.layer.v1.tar", &tar, &Digest::of(&tar));
    for (key, value) in process.as_object().unwrap() {
        layout.process[key] = value.clone();
    }
    let folder = layout.finish();
    format!("--base=oci:{}:1", folder.display())
}

/// The header of a static x86-64 program.
fn elf(entry: u8) -> Vec<u8> {
    let mut elf = vec![0; 64];
    elf[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (elf[16], elf[18], elf[20], elf[24], elf[52]) = (3, 62, 1, entry, 64);
    elf
}

/// A file of the project, which can be executed on the disk.
fn executable(harness: &Harness, name: &str, bytes: &[u8]) {
    let path = harness.project().join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a build that fails, and returns its error and hints.
#[track_caller]
fn refused(harness: &Harness, base: &str, command: &[&str]) -> String {
    let args = [&["--python=false", base, AMD64, "--"], command].concat();
    harness.fails(&args).trim_start_matches("exit: 1\n-- stdout\n-- stderr\n").to_owned()
}

/// The warnings of a build, with their hints.
fn warnings(run: &Run) -> String {
    let is_warning = |line: &&str| line.starts_with("warning[") || line.starts_with("  hint: ");
    let lines: Vec<_> = run.stderr.lines().filter(is_warning).collect();
    lines.join("\n")
}

const APP: &str = "[app]\nsource = \".\"\n";

#[test]
fn files_that_the_kernel_does_not_start() {
    let harness = Harness::alone().file("carboy.toml", APP);
    let base = base(&harness, &[("etc/start", 0o755, b"x")]);
    for (name, bytes, want) in [
        ("crlf", &b"#!/bin/tool\r\nx\r\n"[..], "has Windows line endings, and `#!` takes the carriage return"),
        ("bare", b"print(1)\n", "is neither a script with a `#!` line nor machine code"),
        ("nothing", b"", "is empty"),
        ("marked", b"\xef\xbb\xbf#!/bin/tool\n", "has a byte order mark before its `#!`"),
        ("program.exe", b"MZ\x90\0", "is neither a script with a `#!` line nor machine code"),
        ("libx.so", &elf(0), "is a shared library without an entry point, not a program"),
        ("nameless", b"#! \n", "names no program after `#!`"),
        ("long", &[b"#!/bin/tool ", &[b'x'; 300][..]].concat(), "has a `#!` line of more than 255 bytes"),
    ] {
        executable(&harness, name, bytes);
        let text = refused(&harness, &base, &[&format!("/app/{name}")]);
        let start = format!("error[cannot-start]: linux/amd64: `/app/{name}`, the entrypoint, {want}");
        assert!(text.starts_with(&start), "{text}");
        assert!(text.contains("\nhint: "), "{text}");
    }
    let run = harness.succeeds(&["--python=false", &base, AMD64, "--push=false", "--", "/etc/start"]);
    insta::assert_snapshot!(warnings(&run), @"warning[cannot-start]: `/etc/start`, the entrypoint, is neither a script with a `#!` line nor machine code; it comes from another image");
    assert!(
        refused(&harness, &base, &["./crlf"]).contains("hint: give it Unix line endings: sed -i 's/\\r$//' crlf\n")
    );
}

#[test]
fn scripts_whose_program_cannot_be_started() {
    let harness = Harness::alone().file("carboy.toml", APP);
    let files: [(&str, u32, &[u8]); 3] =
        [("usr/bin/env", 0o755, &elf(0x40)), ("bin/closed", 0o700, &elf(0x40)), ("bin/none", 0o755, b"-> /opt/none")];
    let base = base(&harness, &files);
    for (name, line, want) in [
        ("relative", "#!tool", "starts with `#!tool`, but the image has no `tool`"),
        ("dangling", "#!/bin/none -x", "starts with `#!/bin/none -x`, but the image has no `/bin/none`"),
        ("named", "#!/usr/bin/env nothing", "starts with `#!/usr/bin/env nothing`, but the image has no `nothing`"),
        ("spaced", "#!/usr/bin/env tool -u", "and env looks for a program named `tool -u`"),
        (
            "refused",
            "#!/bin/closed",
            "cannot execute `/bin/closed`, the interpreter of the entrypoint: it has mode 0700",
        ),
        ("itself", "#!/app/itself", "starts more than 5 nested scripts"),
    ] {
        executable(&harness, name, format!("{line}\nx\n").as_bytes());
        let text = refused(&harness, &base, &[&format!("/app/{name}")]);
        assert!(text.starts_with("error[") && text.contains(want), "{text}");
    }
    executable(&harness, "first", b"#!/app/second -x\n");
    executable(&harness, "second", b"#!/usr/bin/env -S A=1 tool -u\n");
    harness.succeeds(&["--python=false", &base, AMD64, "--push=false", "--", "/app/first"]);
}

#[test]
fn an_entrypoint_that_leads_nowhere() {
    let harness = Harness::alone().file("carboy.toml", APP).file("a", "");
    let base = base(&harness, &[("bin/run", 0o755, b"-> ../opt/run")]);
    insta::assert_snapshot!(refused(&harness, &base, &["run"]), @"
    error[entrypoint-not-found]: linux/amd64: `/bin/run`, the entrypoint, is a link to `../opt/run`, which the image does not have

    hint: put what it leads to into the image, or name another program
    ");
    insta::assert_snapshot!(refused(&harness, &base, &["cd", "/app"]), @"
    error[entrypoint-not-found]: linux/amd64: the image has no program `cd`

    hint: `cd` is a shell's own, and no shell starts the entrypoint: name the program itself; `workdir` and `env` under [image] set directory and variables
    ");
}

#[test]
fn what_is_closed_to_the_images_user() {
    let copy = "[[copy]]\nfrom = \"tool\"\nto = \"/srv/shop/tool\"\nmode = \"0700\"\n";
    let harness = Harness::alone().file("carboy.toml", &format!("{APP}{copy}"));
    executable(&harness, "tool", &elf(0x40));
    let base = base(&harness, &[("root/", 0o700, b""), ("root/tool", 0o755, &elf(0x40))]);
    insta::assert_snapshot!(refused(&harness, &base, &["/srv/shop/tool"]), @r#"
    error[no-permission]: linux/amd64: the image's user 65532:65532 cannot execute `/srv/shop/tool`, the entrypoint: it has mode 0700 and owner 0:0

    hint: set mode = "0755" or owner = "65532:65532" under the [[copy]] with to = "/srv/shop/tool"
    "#);
    // its interpreter has to read a script
    executable(&harness, "run", b"#!/bin/tool\n");
    let run = format!("{APP}[[copy]]\nfrom = \"run\"\nto = \"/srv/run\"\nmode = \"0711\"\n");
    let harness = harness.file("carboy.toml", &run);
    let text = refused(&harness, &base, &["/srv/run"]);
    assert!(text.contains("cannot read `/srv/run`, the entrypoint: it has mode 0711"), "{text}");
    let owned = format!("{APP}{copy}owner = \"65532:65532\"\n");
    let build = ["--python=false", &base, AMD64, "--push=false", "--"];
    let starts = |harness: &Harness, program: &str| harness.succeeds(&[&build[..], &[program]].concat());
    let harness = harness.file("carboy.toml", &owned);
    starts(&harness, "/srv/shop/tool");
    let harness =
        harness.file("carboy.toml", &format!("{owned}[[directory]]\npath = \"/srv/shop\"\nmode = \"0750\"\n"));
    insta::assert_snapshot!(refused(&harness, &base, &["/srv/shop/tool"]), @r#"
    error[no-permission]: linux/amd64: the image's user 65532:65532 cannot reach `/srv/shop/tool`, the entrypoint: `/srv/shop` has mode 0750 and owner 0:0

    hint: set mode = "0755" or owner = "65532:65532" under the [[directory]] with path = "/srv/shop"
    "#);
    insta::assert_snapshot!(refused(&harness, &base, &["/root/tool"]), @r#"
    error[no-permission]: linux/amd64: the image's user 65532:65532 cannot reach `/root/tool`, the entrypoint: `/root` has mode 0700 and owner 0:0

    hint: put it where every user can read it, or set user = "0:0" under [image]
    "#);
    starts(&harness.file("carboy.toml", &format!("{APP}[image]\nuser = \"0\"\n")), "/root/tool");
}

#[test]
fn a_working_directory_that_is_closed() {
    let toml = "[image]\nworkdir = \"/root\"\n[[user]]\nname = \"shop\"\nuid = 7\n";
    let harness = Harness::alone().file("carboy.toml", toml);
    let base = base(&harness, &[("root/", 0o700, b"")]);
    insta::assert_snapshot!(refused(&harness, &base, &["tool"]), @r#"
    error[no-permission]: linux/amd64: the image's user 65532:65532 cannot enter `/root`, the working directory: it has mode 0700 and owner 0:0

    hint: choose another `workdir` under [image], or set user = "0:0" under [image]
    "#);
}

/// Compiles for x86-64, without the host's libraries.
fn gcc(folder: &Path, args: &[&str]) -> Vec<u8> {
    let mut gcc = Command::new("x86_64-linux-gnu-gcc");
    let output = gcc.current_dir(folder).args(["-nostdlib", "-fPIC", "-o", "out"]).args(args).output();
    let output = output.unwrap_or_else(|cause| panic!("x86_64-linux-gnu-gcc: {cause}: run scripts/setup"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(folder.join("out")).unwrap()
}

#[test]
fn a_loader_and_a_library_that_are_closed() {
    let harness = Harness::alone();
    let folder = harness.folder();
    fs::write(folder.join("start.c"), "void _start(void) {}\n").unwrap();
    let [loader, library] = ["own-loader.so", "libown.so.1"]
        .map(|name| gcc(folder, &["-shared", "-xc", "/dev/null", &format!("-Wl,-soname,{name}")]));
    fs::write(folder.join("libown.so.1"), &library).unwrap();
    let program = ["start.c", "-pie", "-Wl,--no-as-needed", "libown.so.1", "-Wl,-dynamic-linker,/lib/own-loader.so"];
    let program = gcc(folder, &program);
    let of = |of_loader, mode| {
        let own = "lib/x86_64-linux-gnu/libown.so.1";
        let files = [("bin/start", 0o755, &program), ("lib/own-loader.so", of_loader, &loader), (own, mode, &library)];
        base(&harness, &files.map(|(path, mode, bytes)| (path, mode, bytes.as_slice())))
    };
    insta::assert_snapshot!(refused(&harness, &of(0o744, 0o600), &["start"]), @r#"
    2 errors:
    error[no-permission]: linux/amd64: the image's user 65532:65532 cannot execute `/lib/own-loader.so`, the dynamic loader: it has mode 0744 and owner 0:0
    error[no-permission]: linux/amd64: the image's user 65532:65532 cannot read `/lib/x86_64-linux-gnu/libown.so.1`, a library that /bin/start loads: it has mode 0600 and owner 0:0

    hint: put it where every user can read it, or set user = "0:0" under [image]
    "#);
    fs::remove_dir_all(folder.join("base")).unwrap();
    harness.succeeds(&["--python=false", &of(0o755, 0o644), AMD64, "--push=false", "--", "start"]);
}

/// As uv installs it for root: below a home that is closed to others.
#[test]
fn a_python_in_roots_home() {
    let harness = Harness::alone().file("carboy.toml", "").file("main.py", "");
    let uv = "root/.local/share/uv/python/cpython-3.13-linux-x86_64-gnu";
    let names = ["bin/python3.13", "lib/python3.13/os.py", "lib/python3.13/encodings/__init__.py"];
    let paths = names.map(|name| format!("{uv}/{name}"));
    let elf = elf(0x40);
    let target = format!("-> /{}", paths[0]);
    let files: [(&str, u32, &[u8]); 5] = [
        ("root/", 0o700, b""),
        ("bin/python3", 0o755, target.as_bytes()),
        (&paths[0], 0o755, &elf),
        (&paths[1], 0o644, b""),
        (&paths[2], 0o644, b""),
    ];
    let base = base(&harness, &files);
    let builder = base.replace("--base", "--builder");
    let build = [base.as_str(), &builder, AMD64, "--", "python3", "main.py"];
    insta::assert_snapshot!(harness.fails(&build), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[no-permission]: linux/amd64: the image's user 65532:65532 cannot reach `/bin/python3`, the entrypoint: `/root` has mode 0700 and owner 0:0

    hint: use a builder that has Python in a directory that every user can read (uv: UV_PYTHON_INSTALL_DIR=/opt/python), or set user = "0:0" under [image]
    "#);
    let harness = harness.file("carboy.toml", "[image]\nuser = \"0\"\n");
    harness.succeeds(&[&build[..3], &["--push=false", "--", "python3", "main.py"]].concat());
}

#[test]
fn modules_that_cannot_be_read() {
    let harness = Harness::alone().file("carboy.toml", "[image]\nuser = \"7\"\n").file("main.py", "");
    let elf = elf(0x40);
    let files: [(&str, u32, &[u8]); 4] = [
        ("bin/python3.13", 0o755, &elf),
        ("lib/python3.13/os.py", 0o644, b""),
        ("lib/python3.13/abc.py", 0o600, b""),
        ("lib/python3.13/ast.py", 0o640, b""),
    ];
    let base = base(&harness, &files);
    let builder = base.replace("--base", "--builder");
    let run = harness.succeeds(&[&base, &builder, AMD64, "--push=false", "--", "python3.13", "main.py"]);
    insta::assert_snapshot!(warnings(&run), @"
    warning[invalid-account]: the image has no account for uid 7, so getpass.getuser() and the home directory are unknown
      hint: add a [[user]] with uid = 7
    warning[no-permission]: the image's user 7:0 cannot read 1 file: /lib/python3.13/abc.py
    ");
}

#[test]
fn what_python_is_to_run_and_the_image_lacks() {
    let harness = Harness::warm().file("src/main.py", "").file("shop/__init__.py", "").file("tool/__main__.py", "");
    let fails = |command: &[&str]| {
        let text = harness.fails(&[&[CC, SLIM, AMD64, "--"], command].concat());
        text.trim_start_matches("exit: 1\n-- stdout\n-- stderr\n").to_owned()
    };
    insta::assert_snapshot!(fails(&["python", "-u", "nothere.py"]), @"
    error[missing-script]: linux/amd64: the command runs the script `nothere.py`, but the image has no `/app/nothere.py`

    hint: relative paths start at the working directory, /app; an ignore file or `exclude` may leave the file out; if it is mounted when the image runs, name its directory in `volumes` under [image]
    ");
    insta::assert_snapshot!(fails(&["python", "main.py", "--port", "80"]), @"
    error[missing-script]: linux/amd64: the command runs the script `main.py`, but the image has no `/app/main.py`

    hint: it has `/app/src/main.py`
    ");
    insta::assert_snapshot!(fails(&["python", "shop"]), @"
    error[missing-script]: linux/amd64: the command runs the directory `/app/shop`, but it has no `__main__.py`

    hint: name a file, or start a package with -m
    ");
    insta::assert_snapshot!(fails(&["python3", "-m", "gunicorn", "shop:app"]), @"
    error[missing-module]: linux/amd64: the command runs the module `gunicorn`, but the image has no `gunicorn`

    hint: add the package that provides `gunicorn` to the dependencies
    ");
    let warned = |command: &[&str]| {
        let run = harness.succeeds(&[&[CC, SLIM, AMD64, "--push=false", "--"], command].concat());
        warnings(&run)
    };
    insta::assert_snapshot!(warned(&["python", "-m", "shop"]), @"warning[missing-module]: the command runs the module `shop`, but the image has neither `shop.py` nor `shop/__main__.py`");
    for fine in [
        &["python", "-X", "dev", "src/main.py"][..],
        &["python", "tool"],
        &["python", "-m", "tool"],
        &["python", "-m", "json.tool"],
        &["python", "-c", "print('$HOME')"],
        &["python", "/run/secrets/start.py"],
        &["python"],
    ] {
        assert_eq!(warned(fine), "", "{fine:?}");
    }
    let harness = harness.file("carboy.toml", "[runtime]\nexclude = [\"http\"]\n");
    let text = harness.fails(&[CC, SLIM, AMD64, "--", "python", "-m", "http.server"]);
    let hint = "hint: `http` is a part of the standard library that `exclude` or carboy leaves out";
    assert!(text.contains("the module `http.server`, but the image has no `http`") && text.contains(hint), "{text}");
}

/// Told once, however many images there are.
#[test]
fn words_for_a_shell_that_is_not_there() {
    let toml = "[image]\nentrypoint = [\"tool\"]\ncmd = [\"--port\", \"${PORT:-80}\", \"&&\", \"x\"]\n[profile.other]\ntags = [\"2\"]\n";
    let harness = Harness::alone().file("carboy.toml", toml);
    let base = base(&harness, &[]);
    let build = ["--python=false", &base, AMD64, "--push=false", "--profile=default", "--profile=other"];
    let run = harness.succeeds(&build);
    insta::assert_snapshot!(warnings(&run), @"
    warning[shell-syntax]: no shell expands `${PORT:-80}` in the image's command, so the program gets it unchanged
      hint: let the program read the variable itself, or write its value
    warning[shell-syntax]: no shell interprets `&&` in the image's command, so the program gets it as an argument
      hint: start one program, or a script that starts the others
    ");
}

/// A Python that is none, and what a test needs besides; for base and builder.
fn python(harness: &Harness, more: &[(&str, u32, &[u8])]) -> [String; 3] {
    let elf = elf(0x40);
    let library = ["lib/python3.13/os.py", "lib/python3.13/encodings/__init__.py"];
    let mut files: Vec<(&str, u32, &[u8])> = vec![("bin/python3.13", 0o755, &elf)];
    files.extend(library.map(|name| (name, 0o644, &b""[..])));
    files.extend(more);
    let base = base(harness, &files);
    [base.replace("--base", "--builder"), base, AMD64.to_owned()]
}

/// A build that fails, or the warnings of one that succeeds.
fn tried(harness: &Harness, images: &[String; 3], command: &[&str]) -> String {
    let images: Vec<_> = images.iter().map(String::as_str).collect();
    let run = harness.run(&[&images[..], &["--push=false", "--"], command].concat());
    let lines = run
        .stderr
        .lines()
        .filter(|line| ["warning[", "error[", "hint: ", "  hint: "].iter().any(|start| line.starts_with(start)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn modules_that_come_from_elsewhere() {
    let harness = Harness::alone().file("carboy.toml", "").file("main.py", "");
    let gunicorn = |program| {
        ["python3.13", "-m", "gunicorn", "app:app"].map(|word| if word == "python3.13" { program } else { word })
    };
    let missing =
        "error[missing-module]: linux/amd64: the command runs the module `gunicorn`, but the image has no `gunicorn`";
    let bare = tried(&harness, &python(&harness, &[]), &gunicorn("python3.13"));
    assert!(bare.starts_with(missing), "{bare}");
    let dots = ".\n".repeat(500_000);
    let many = (0..300).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    let site = "lib/python3.13/site-packages";
    let venv = "opt/venv/bin/python";
    for (program, name, content) in [
        ("/opt/venv/bin/python", "opt/venv/pyvenv.cfg", "home = /bin\n"),
        ("/opt/venv/bin/python", "opt/venv/bin/pyvenv.cfg", "home = /bin\n"),
        ("python3.13", "home/nonroot/.local/lib/python3.13/site-packages/gunicorn/__main__.py", ""),
        ("python3.13", &format!("{site}/sitecustomize.py"), ""),
        ("python3.13", "app/usercustomize.py", ""),
        ("python3.13", &format!("{site}/dots.pth"), dots.as_str()),
        ("python3.13", &format!("{site}/many.pth"), &many),
        ("python3.13", &format!("{site}/mounted.pth"), "/mnt/code\n"),
        ("python3.13", "lib/python313.zip", ""),
    ] {
        let images = python(&harness, &[(venv, 0o755, b"-> /bin/python3.13"), (name, 0o644, content.as_bytes())]);
        assert_eq!(tried(&harness, &images, &gunicorn(program)), "", "{name}");
    }
    let images = python(&harness, &[(&format!("{site}/few.pth"), 0o644, ".\n.//\n".repeat(400).as_bytes())]);
    assert!(tried(&harness, &images, &gunicorn("python3.13")).starts_with(missing), "the same folders");
    for variable in ["PYTHONHOME = \"/opt\"", "PYTHONUSERBASE = \"/opt\"", "PYTHONPATH = \"/plugins\""] {
        let harness = Harness::alone().file("carboy.toml", &format!("[image.env]\n{variable}\n"));
        assert_eq!(tried(&harness, &python(&harness, &[]), &gunicorn("python3.13")), "", "{variable}");
    }
    insta::assert_snapshot!(tried(&harness, &python(&harness, &[]), &["python3.13", "-m", "x:app"]), @"
    error[missing-module]: linux/amd64: the command runs the module `x:app`, but the image has no `x:app`
    hint: -m takes a module, as in: python -m gunicorn x:app
    ");
}

#[test]
fn scripts_that_may_be_mounted_and_programs_that_only_sound_like_python() {
    let harness = Harness::alone().file("carboy.toml", "").file("main.py", "");
    let elf = elf(0x40);
    let images = python(&harness, &[("bin/python-shop", 0o755, &elf), ("etc/shop/", 0o755, b"")]);
    assert_eq!(tried(&harness, &images, &["python-shop", "serve"]), "");
    insta::assert_snapshot!(tried(&harness, &images, &["python3.13", "/config/main.py"]), @"
    warning[missing-script]: the command runs the script `/config/main.py`, but the image has no `/config/main.py`
      hint: if it is mounted when the image runs, name `/config` in `volumes` under [image]
    ");
    insta::assert_snapshot!(tried(&harness, &images, &["python3.13", "/etc/shop/main.py"]), @"
    error[missing-script]: linux/amd64: the command runs the script `/etc/shop/main.py`, but the image has no `/etc/shop/main.py`
    hint: it has `/app/main.py`; if it is mounted when the image runs, name its directory in `volumes` under [image]
    ");
    insta::assert_snapshot!(tried(&harness, &images, &["python3.13", "/app/none/start.py"]), @"
    error[missing-script]: linux/amd64: the command runs the script `/app/none/start.py`, but the image has no `/app/none/start.py`
    hint: an ignore file or `exclude` may leave the file out; if it is mounted when the image runs, name its directory in `volumes` under [image]
    ");
}

#[test]
fn what_a_wrapper_starts() {
    let harness = Harness::alone().file("carboy.toml", "").file("main.py", "");
    let elf = elf(0x40);
    let wrappers = ["bin/tini", "bin/dumb-init", "bin/catatonit", "bin/env"].map(|name| (name, 0o755, elf.as_slice()));
    let images = python(&harness, &wrappers);
    for wrapper in
        [&["tini", "-g", "--"][..], &["dumb-init"], &["catatonit", "--"], &["env", "A=1"], &["tini", "env", "A=1"]]
    {
        let found = tried(&harness, &images, &[wrapper, &["python3.13", "nothere.py"]].concat());
        assert!(
            found.starts_with(
                "error[missing-script]: linux/amd64: the command runs the script `nothere.py`, but the image has no"
            ),
            "{found}"
        );
    }
    let found = tried(&harness, &images, &["tini", "--", "nothere"]);
    assert!(
        found.starts_with("error[entrypoint-not-found]: linux/amd64: the image has no program `nothere`"),
        "{found}"
    );
    assert_eq!(tried(&harness, &images, &["tini", "--", "python3.13", "main.py"]), "");
    assert_eq!(tried(&harness, &images, &["env", "PYTHONPATH=/plugins", "python3.13", "-m", "gunicorn"]), "");
}

#[test]
fn a_shell_that_the_base_starts_reads_its_words() {
    let harness = Harness::alone().file("carboy.toml", "[image]\ncmd = [\"tool --port $PORT && x\"]\n");
    let build = |base: &str| warnings(&harness.succeeds(&["--python=false", base, AMD64, "--push=false"]));
    let shell = json!({ "Entrypoint": ["/bin/sh", "-c"] });
    assert_eq!(build(&base_of(&harness, &[("bin/sh", 0o755, &elf(0x40))], &shell)), "");
    let own = build(&base_of(&harness, &[], &json!({ "Entrypoint": ["/bin/tool"] })));
    assert!(own.starts_with("warning[shell-syntax]: no shell expands `$PORT`"), "{own}");
}

#[test]
fn volumes_of_a_base_whose_user_is_another() {
    let harness = Harness::alone().file("carboy.toml", "[image]\nentrypoint = [\"tool\"]\n");
    let build = |base: &str| warnings(&harness.succeeds(&["--python=false", base, AMD64, "--push=false"]));
    let volumes = |user: &str| json!({ "Volumes": { "/data": {}, "/open": {}, "/none": {} }, "User": user });
    let files: [(&str, u32, &[u8]); 2] = [("data/", 0o755, b""), ("open/", 0o1777, b"")];
    insta::assert_snapshot!(build(&base_of(&harness, &files, &volumes(""))), @r#"
    warning[unwritable-volume]: the image's user 65532:65532 cannot write to the base's volume `/data` (mode 0755, owner 0:0)
      hint: add a [[directory]] with path = "/data" and owner = "65532:65532"
    warning[unwritable-volume]: the image's user 65532:65532 cannot write to the base's volume `/none` (not in the image, so the container runtime creates it for root)
      hint: add a [[directory]] with path = "/none" and owner = "65532:65532"
    "#);
    assert_eq!(build(&base_of(&harness, &files, &volumes("7"))), "", "as the base has it");
}

#[test]
fn accounts_that_nobody_asked_for() {
    let harness = Harness::alone().file("carboy.toml", "[image]\nentrypoint = [\"tool\"]\n");
    let passwd = b"root:x:0:0::/root:/bin/sh\n";
    let base =
        base(&harness, &[("home", 0o644, b""), ("etc/passwd", 0o600, passwd), ("etc/group", 0o640, b"root:x:0:\n")]);
    let (found, _) = built(harness, &base);
    let modes = ["etc/passwd", "etc/group"].map(|path| found[path].0);
    assert_eq!(modes, [0o600, 0o640], "what is there keeps its mode");
    assert!(!found.contains_key("home/nonroot"), "no room for it");
}

/// Mode, owner and group, and what it holds.
type File = (u32, u64, u64, String);

/// The last layer's entries.
fn application(layout: &Path) -> BTreeMap<String, File> {
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let blob = |descriptor: &Value| {
        let digest: Digest = descriptor["digest"].as_str().unwrap().parse().unwrap();
        fs::read(layout.join("blobs").join(digest.to_string().replace(':', "/"))).unwrap()
    };
    let index = json(&fs::read(layout.join("index.json")).unwrap());
    let index = json(&blob(&index["manifests"][0]));
    let manifest = json(&blob(&index["manifests"][0]));
    let layer = blob(manifest["layers"].as_array().unwrap().last().unwrap());
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(layer.as_slice()));
    let entries = tar.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let (mode, uid, gid) = {
            let header = entry.header();
            (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap())
        };
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (path.trim_matches('/').to_owned(), (mode, uid, gid, text))
    });
    entries.collect()
}

/// A build into a layout, and what it warned of.
fn built(mut harness: Harness, base: &str) -> (BTreeMap<String, File>, String) {
    harness.first.truncate(2); // its target
    let run = harness.succeeds(&["--python=false", base, AMD64, "--compression=gzip", "--to=oci:DIR/out:1"]);
    (application(&harness.folder().join("out")), warnings(&run))
}

#[test]
fn the_user_that_carboy_chooses_has_an_account() {
    let harness = Harness::alone().file("carboy.toml", "[image]\nentrypoint = [\"tool\"]\n");
    let base = base(&harness, &[("etc/group", 0o644, b"root:x:0:\nnonroot:x:5:\n")]);
    let (found, _) = built(harness, &base);
    let passwd = "root:x:0:0::/root:/bin/sh\nnonroot65532:x:65532:65532:nonroot65532:/home/nonroot:/sbin/nologin\n";
    assert_eq!(found["etc/passwd"].3, passwd);
    assert_eq!(found["etc/group"].3, "root:x:0:\nnonroot:x:5:\nnonroot65532:x:65532:\n");
    assert_eq!(found["home/nonroot"], (0o700, 65532, 65532, String::new()));
}

#[test]
fn volumes_are_folders_of_the_images_user() {
    let toml = "[image]\nentrypoint = [\"tool\"]\nuser = \"7:8\"\nvolumes = [\"/data\", \"/srv/open\", \"/srv/closed\"]\n\
                [[directory]]\npath = \"/srv/open\"\nmode = \"1777\"\n[[directory]]\npath = \"/srv/closed\"\n";
    let harness = Harness::alone().file("carboy.toml", "[image]\nvolumes = [\"/etc/passwd\"]\n");
    let base = base(&harness, &[]);
    insta::assert_snapshot!(refused(&harness, &base, &["tool"]), @"
    error[invalid-volume]: linux/amd64: the volume `/etc/passwd` is a file in the image, not a directory

    hint: name its directory under `volumes`
    ");
    let (found, warnings) = built(harness.file("carboy.toml", toml), &base);
    let folder = |path: &str| (found[path].0, found[path].1, found[path].2);
    assert_eq!([folder("data"), folder("srv/open")], [(0o755, 7, 8), (0o1777, 0, 0)]);
    insta::assert_snapshot!(warnings, @r#"
    warning[unwritable-volume]: the image's user 7:8 cannot write to the volume `/srv/closed` (mode 0755, owner 0:0)
      hint: add a [[directory]] with path = "/srv/closed" and owner = "7:8"
    "#);
}
