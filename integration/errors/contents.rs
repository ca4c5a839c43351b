//! What should go into the image, and is not there or cannot.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::{run, test_cache};

const BUILD: [&str; 5] = [CC, SLIM, AMD64, "--", "python3"];

fn configured(text: &str) -> Harness {
    Harness::warm().file("carboy.toml", text)
}

#[test]
fn a_folder_of_site_packages_that_is_not_there() {
    let harness = configured("[dependencies.site-packages]\n\"linux/amd64\" = \"site/amd64\"\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: cannot use `dependencies.site-packages` for linux/amd64: there is no directory `site/amd64`
    ");
    harness.file("site/amd64/shop.py", "").recovers(&BUILD);
}

/// `_native.so` needs a library that exists only where it was linked.
#[test]
fn a_library_that_nobody_has() {
    let harness = configured("[dependencies]\nsite-packages = \"site\"\n").file("site/shop.py", "");
    let site = harness.project().join("site");
    gcc(&site, &["-o", "../../libnowhere.so.1", "-Wl,-soname,libnowhere.so.1"]);
    gcc(&site, &["-o", "_native.so", "-Wl,--no-as-needed", "../../libnowhere.so.1"]);
    let host = match std::env::consts::ARCH {
        "aarch64" => "linux/arm64",
        _ => "linux/amd64",
    };
    let harness = harness.named("PLATFORM", host);
    let build = [CC, SLIM, "--platform=PLATFORM", "--", "python3"];
    insta::assert_snapshot!(harness.fails(&build), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-library]: PLATFORM: missing shared library `libnowhere.so.1`, needed by /usr/local/lib/python3.11/site-packages/_native.so

    hint: use a builder that has it; if it is not needed: allow-missing = ["libnowhere.so.1"] under [runtime]
    "#);
    let allowed = "[dependencies]\nsite-packages = \"site\"\n[runtime]\nallow-missing = [\"libnowhere.so.1\"]\n";
    harness.file("carboy.toml", allowed).recovers(&build);
}

fn gcc(folder: &Path, args: &[&str]) {
    let mut command = Command::new("gcc");
    command.current_dir(folder).args(["-shared", "-nostdlib", "-xc", "/dev/null", "-xnone"]).args(args);
    let output = command.output().unwrap_or_else(|cause| panic!("gcc: {cause}: run scripts/setup"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_library_to_open_by_name_that_nobody_has() {
    let harness = configured("[runtime]\ndlopen = [\"libnowhere.so.1\"]\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[missing-library]: linux/amd64: missing shared library `libnowhere.so.1`, needed by `runtime.dlopen`

    hint: use a builder that has it, or leave it out of `dlopen`
    ");
}

#[test]
fn a_part_of_the_standard_library_that_is_not_there_is_warned_of() {
    let run = configured("[runtime]\nexclude = [\"sqlite4\"]\n").succeeds(&BUILD);
    let warning = run.stderr.lines().find(|line| line.starts_with("warning[")).unwrap_or_default();
    insta::assert_snapshot!(warning, @"warning[unused-exclude]: runtime.exclude: Python 3.11 has no `sqlite4` to leave out");
}

#[test]
fn no_entrypoint() {
    insta::assert_snapshot!(Harness::warm().fails(&BUILD[..3]), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[no-entrypoint]: no entrypoint is set

    hint: put the command after `--`, as in: carboy build -- python -m shop, or set `entrypoint` under [image], as in: entrypoint = ["python", "-m", "shop"]
    "#);
}

#[test]
fn an_entrypoint_that_is_not_in_the_image() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "pyhton3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[entrypoint-not-found]: linux/amd64: the image has no program `pyhton3`

    hint: it has `python3`
    ");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "gunicorn", "shop:app"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[entrypoint-not-found]: linux/amd64: the image has no program `gunicorn`

    hint: add the package that provides `gunicorn` to the dependencies
    ");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "/usr/local/bin/pyhton3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[entrypoint-not-found]: linux/amd64: the image has no program `/usr/local/bin/pyhton3`

    hint: it has `/usr/local/bin/python3`
    ");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "bin/serve"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[entrypoint-not-found]: linux/amd64: the image has no program `bin/serve`

    hint: write its path in the image: the application's files are in /app, or where `to` under [app] says
    ");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "gunicorn shop:app"]), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[entrypoint-not-found]: linux/amd64: the image has no program `gunicorn shop:app`

    hint: there is no shell in the image to split it: entrypoint = ["gunicorn", "shop:app"]
    "#);
    let site = test_cache("site/flask/3.11-amd64").display().to_string();
    let harness = harness.file("carboy.toml", &format!("[dependencies]\nsite-packages = \"{site}\"\n"));
    let harness = harness.env("CARBOY_ALLOW_OUTSIDE", &site);
    harness.recovers(&[CC, SLIM, AMD64, "--", "flask"]);
}

#[test]
fn an_entrypoint_that_is_not_executable() {
    let harness = Harness::warm().file("run.sh", "#!/bin/sh\n");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "./run.sh"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[cannot-start]: linux/amd64: `/app/run.sh`, the entrypoint, is not executable

    hint: chmod +x it, or start it with python
    ");
}

#[test]
fn a_user_that_is_not_in_the_image() {
    let harness = configured("[image]\nuser = \"nonrot\"\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-account]: linux/amd64: invalid `image.user`: the image has no user `nonrot`

    hint: it has `nonroot`; a `[[user]]` table adds another
    ");
    let harness = harness.file("carboy.toml", "[image]\nuser = \"shop:shop\"\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-account]: linux/amd64: invalid `image.user`: the image has no user `shop`

    hint: add it with a `[[user]]` table, or write numbers
    ");
    harness.file("carboy.toml", "[image]\nuser = \"shop\"\n[[user]]\nname = \"shop\"\nuid = 1000\n").recovers(&BUILD);
}

#[test]
fn a_user_whose_number_is_taken() {
    let harness = configured("[[user]]\nname = \"shop\"\nuid = 65532\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-account]: linux/amd64: invalid `user.name`: user `shop` (65532) collides with the image's user `nonroot` (65532)

    hint: choose another name or uid
    ");
}

#[test]
fn a_selected_path_that_is_not_there() {
    let harness = configured("[[extract]]\nfrom = \"builder\"\npaths = [\"/usr/bin/openssll\"]\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[missing-path]: linux/amd64: cannot take files for [[extract]] from builder: the image has no `/usr/bin/openssll`

    hint: it has `/usr/bin/openssl`
    ");
}

#[test]
fn a_script_whose_program_nobody_has() {
    let harness = Harness::warm();
    let folder = tempfile::TempDir::new().unwrap();
    let layer = folder.path().join("layer.tar");
    let mut tar = tar::Builder::new(std::fs::File::create(&layer).unwrap());
    for (name, line) in [("bin/broken", "#!/opt/nowhere -E\n"), ("bin/lost", "#!/usr/bin/env -S FOO=1 rubi\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(line.len() as u64);
        tar.append_data(&mut header, name, line.as_bytes()).unwrap();
    }
    tar.finish().unwrap();
    let host = &harness.registry.as_ref().unwrap().host;
    let (base, to) = (format!("{host}/distroless/cc"), format!("{host}/scripts:1"));
    let layer = layer.to_str().unwrap();
    run("crane", ["append", "--platform=linux/amd64", "--base", &base, "--new_layer", layer, "--new_tag", &to]);
    let toml = format!("[[extract]]\nfrom = \"{to}\"\npaths = [\"/bin/broken\", \"/bin/lost\"]\n");
    let harness = harness.file("carboy.toml", &toml);
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    3 errors:
    error[missing-interpreter]: linux/amd64: /bin/lost starts with `#!/usr/bin/env -S FOO=1 rubi`, but neither the image nor REGISTRY/scripts:1 has `/usr/bin/env`
    error[missing-interpreter]: linux/amd64: /bin/lost starts with `#!/usr/bin/env -S FOO=1 rubi`, but neither the image nor REGISTRY/scripts:1 has `rubi`
    error[missing-interpreter]: linux/amd64: /bin/broken starts with `#!/opt/nowhere -E`, but neither the image nor REGISTRY/scripts:1 has `/opt/nowhere`

    hint: name an image that has it, or leave the script out of `paths`
    ");
}

#[test]
fn a_file_to_copy_that_is_not_there() {
    let harness = configured("[[copy]]\nfrom = \"certs.pem\"\nto = \"/etc/certs.pem\"\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: there is no file `certs.pem`
    ");
    harness.file("certs.pem", "").recovers(&BUILD);
}

#[test]
fn a_destination_below_a_file() {
    let harness = configured("[[copy]]\nfrom = \"a\"\nto = \"/etc/passwd/a\"\n").file("a", "");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[path-conflict]: linux/amd64: `/etc/passwd/a` cannot be written: `/etc/passwd` is a file in the layers below

    hint: choose another destination
    ");
}

#[test]
fn a_source_that_is_not_there() {
    let harness = configured("[app]\nsource = \"src\"\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: there is no directory `src`
    ");
}

#[test]
fn a_link_out_of_the_application() {
    let harness = Harness::warm().file("app.py", "");
    symlink("../../etc/passwd", harness.project().join("passwd")).unwrap();
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[outside-project]: the link `passwd` leads out of the directory, to `../../etc/passwd`

    hint: exclude the link, or replace it by a copy of its target
    ");
    std::fs::remove_file(harness.project().join("passwd")).unwrap();
    harness.recovers(&BUILD);
}

#[test]
fn a_socket_in_the_application() {
    let harness = Harness::warm().file("app.py", "");
    let _socket = UnixListener::bind(harness.project().join("app.sock")).unwrap();
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[unreadable-file]: `app.sock` is a socket: images have only files, directories and links

    hint: exclude it
    ");
    harness.file("carboy.toml", "[app]\nexclude = [\"app.sock\"]\n").recovers(&BUILD);
}

#[test]
fn a_pipe_in_the_application() {
    let harness = Harness::warm().file("app.py", "");
    assert!(Command::new("mkfifo").arg(harness.project().join("queue")).status().unwrap().success());
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[unreadable-file]: `queue` is a named pipe: images have only files, directories and links

    hint: exclude it
    ");
}

/// The wheels of one platform, or of another Python, in place of the right ones.
#[test]
fn wheels_that_do_not_fit() {
    let toml =
        |site: &str| format!("[dependencies]\nsite-packages = \"{}\"\n", test_cache(&format!("site/{site}")).display());
    let harness = configured(&toml("flask/3.11-amd64"));
    let harness = harness.env("CARBOY_ALLOW_OUTSIDE", &test_cache("site").display().to_string());
    let told = |args: &[&str], harness: &Harness| {
        harness.fails(args).replace(&test_cache("site").display().to_string(), "SITE")
    };
    insta::assert_snapshot!(told(&[CC, SLIM, "--platform=linux/arm64", "--", "python3"], &harness), @"
    exit: 1
    -- stdout
    -- stderr
    error[wrong-wheel]: linux/arm64: MarkupSafe 3.0.4 is for another machine: its wheel is for cp311-cp311-manylinux_2_17_x86_64, cp311-cp311-manylinux2014_x86_64, cp311-cp311-manylinux_2_28_x86_64; the image has Python 3.11, glibc 2.36, aarch64; its file `/usr/local/lib/python3.11/site-packages/markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so` does not fit

    hint: install wheels for this platform: uv pip install --reinstall --python-platform aarch64-manylinux_2_28 --python-version 3.11 --only-binary :all: --target SITE/flask/3.11-amd64 MarkupSafe==3.0.4
    ");
    let harness = harness.file("carboy.toml", &toml("flask/3.13-amd64"));
    insta::assert_snapshot!(told(&BUILD, &harness), @"
    exit: 1
    -- stdout
    -- stderr
    error[wrong-wheel]: linux/amd64: MarkupSafe 3.0.4 is for another Python: its wheel is for cp313-cp313-manylinux_2_17_x86_64, cp313-cp313-manylinux2014_x86_64, cp313-cp313-manylinux_2_28_x86_64; the image has Python 3.11, glibc 2.36, x86_64; its file `/usr/local/lib/python3.11/site-packages/markupsafe/_speedups.cpython-313-x86_64-linux-gnu.so` does not fit

    hint: install wheels for this platform: uv pip install --reinstall --python-platform x86_64-manylinux_2_28 --python-version 3.11 --only-binary :all: --target SITE/flask/3.13-amd64 MarkupSafe==3.0.4
    ");
    harness.file("carboy.toml", &toml("flask/3.11-amd64")).recovers(&BUILD);
}

/// What nothing imports is told, and stops nothing.
#[test]
fn a_helper_for_another_machine() {
    let harness = Harness::warm().file("shop.py", "");
    let helper = harness.project().join("helper");
    let mut elf = std::fs::read("/bin/true").unwrap();
    elf[18] = 0xb7; // e_machine: AArch64
    if cfg!(target_arch = "aarch64") {
        elf[18] = 0x3e;
    }
    std::fs::write(&helper, elf).unwrap();
    let host = if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };
    let ran = harness.succeeds(&[CC, SLIM, "--platform", host, "--", "python3"]);
    let warning = ran.stderr.lines().find(|line| line.contains("/app/helper"));
    assert!(warning.is_some_and(|line| line.starts_with("warning[")), "{}", ran.stderr);
}
