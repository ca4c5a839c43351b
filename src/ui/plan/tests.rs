use super::*;
use crate::assemble::report::{Because, Group, LeftOut, MissingLibrary, Size, TakenFile, TargetPreview};
use crate::oci::Platform;
use crate::progress::LayerKind;
use crate::rootfs::RootPath;

/// A build for two platforms that differ.
pub fn preview() -> Preview {
    let mut arm64 = platform("arm64", "aarch64");
    arm64.groups[1].package = Some("zlib1g 1:1.3.dfsg-3+b2".to_owned());
    arm64.groups.remove(0);
    arm64.missing.pop();
    arm64.layers[0].known = true;
    Preview {
        platforms: vec![platform("amd64", "x86_64"), arm64],
        left_out: LeftOut {
            rules: [(".gitignore".to_owned(), 173), ("__pycache__".to_owned(), 40)].into(),
            ..LeftOut::default()
        },
        lock: Some("uv.lock".to_owned()),
        ..small()
    }
}

/// A build with little to say.
pub fn small() -> Preview {
    let mut alone = platform("amd64", "x86_64");
    alone.layers.truncate(1);
    alone.groups.clear();
    alone.missing.clear();
    Preview {
        profile: None,
        targets: vec![TargetPreview {
            target: "ghcr.io/acme/shop:1.4.2".to_owned(),
            names: vec!["1.4.2".to_owned(), "1.4".to_owned()],
        }],
        index: IndexMode::Always,
        base: "gcr.io/distroless/cc-debian13:nonroot".to_owned(),
        builder: Some("python:3.13-slim-trixie".to_owned()),
        lock: None,
        platforms: vec![PlatformPreview { base: Size::default(), python: None, ..alone }],
        left_out: LeftOut::default(),
    }
}

fn platform(architecture: &str, machine: &str) -> PlatformPreview {
    let layer = |kind, packed, unpacked, files| LayerPreview {
        kind,
        distribution: None,
        size: Size { layers: 1, packed, unpacked },
        files,
        known: false,
    };
    let lib = |name: &str| format!("/usr/lib/{machine}-linux-gnu/{name}");
    let module =
        |name: &str| format!("/usr/local/lib/python3.13/lib-dynload/{name}.cpython-313-{machine}-linux-gnu.so");
    let needed = |path: String, by: &str| TakenFile {
        path,
        size: 1_200,
        because: Because::NeededBy(vec![RootPath::new(module(by)).unwrap()]),
    };
    let python = |path: String| TakenFile { path, size: 7_000, because: Because::Python };
    let locale = |name: u32| TakenFile {
        path: format!("/usr/lib/locale/C.utf8/{name}"),
        size: 10,
        because: Because::RuntimeData("the C.UTF-8 locale".into()),
    };
    let group = |layer, package: Option<&str>, files| Group { layer, package: package.map(str::to_owned), files };
    let of_none = [python(module("_ssl")), python(module("_bz2"))].into_iter().chain((0..5).map(locale));
    let missing = |soname: &str| MissingLibrary { soname: soname.to_owned(), needed_by: module("_tkinter") };
    PlatformPreview {
        platform: Platform::new("linux", architecture),
        python: Some("3.13.5".to_owned()),
        base: Size { layers: 14, packed: 12_400_000, unpacked: 35_100_000 },
        layers: vec![
            layer(LayerKind::Runtime, 18_400_000, 61_000_000, 1_234),
            layer(LayerKind::Application, 312_000, 1_020_000, 41),
        ],
        groups: vec![
            group(LayerKind::Runtime, Some("libquadmath0 14.2.0-19"), vec![needed(lib("libquadmath.so.0"), "_x")]),
            group(
                LayerKind::Runtime,
                Some("zlib1g 1:1.3.dfsg-3+b1"),
                vec![needed(lib("libz.so.1"), "zlib"), needed(lib("libz.so.1.3.1"), "zlib")],
            ),
            group(LayerKind::Runtime, None, of_none.collect()),
            group(
                LayerKind::Libraries,
                None,
                vec![TakenFile {
                    path: "/usr/bin/pdftotext".to_owned(),
                    size: 9,
                    because: Because::Extract("/usr/bin/pdf*".to_owned()),
                }],
            ),
        ],
        missing: vec![missing("libtcl8.6.so"), missing("libtk8.6.so")],
        notes: Vec::new(),
        distributions: vec!["flask 3.1.2".to_owned(), "numpy 2.3.1".to_owned()],
        from_sdist: Vec::new(),
        command: ["/usr/local/bin/python3.13", "-c", "print('it is\n', 1)"].map(str::to_owned).to_vec(),
        command_origin: Some("the command line".to_owned()),
        command_env: Vec::new(),
        user: "65532:65532".to_owned(),
        workdir: "/app".to_owned(),
    }
}

#[test]
fn eighty_columns_show_everything() {
    insta::assert_snapshot!(plan_text(&[preview()], 80), @r#"
    target  ghcr.io/acme/shop:1.4.2
    tags    1.4.2, 1.4
    base    gcr.io/distroless/cc-debian13:nonroot
    builder python:3.13-slim-trixie
    lock    uv.lock (2 distributions)
    starts  /usr/local/bin/python3.13 -c 'print('\''it is\n'\'', 1)'
      (the command line)
    user    65532:65532
    workdir /app

    linux/amd64, Python 3.13.5
                     layers    packed  unpacked  files
      base               14   12.4 MB   35.1 MB
      runtime             1  ~18.4 MB   61.0 MB   1234
      application         1   ~312 kB    1.0 MB     41
      total to pull      16  ~31.1 MB   97.1 MB   1275

    linux/arm64, Python 3.13.5
                     layers    packed  unpacked  files
      base               14   12.4 MB   35.1 MB
      runtime             1   18.4 MB   61.0 MB   1234  cached
      application         1   ~312 kB    1.0 MB     41
      total to pull      16  ~31.1 MB   97.1 MB   1275

    ~ estimated: the layer has not been made yet

    taken from images into runtime:
      libquadmath0 14.2.0-19, 1 kB: libquadmath.so.0 (needed by _x)
      zlib1g 1:1.3.dfsg-3+b1, 2 kB: libz.so.1 (needed by zlib)
      Python itself: 2 files, 14 kB
      of no package: 5 files (the C.UTF-8 locale)

    taken from images into libraries:
      of no package: /usr/bin/pdftotext ([[extract]] /usr/bin/pdf*)

    linux/amd64 and linux/arm64 differ:
      zlib1g: 1:1.3.dfsg-3+b1 (linux/amd64), 1:1.3.dfsg-3+b2 (linux/arm64)
      only on linux/amd64: libquadmath0 14.2.0-19 (libquadmath.so.0)
      not available only on linux/amd64: libtk8.6.so

    not available (linux/amd64): libtcl8.6.so (needed by _tkinter),
      libtk8.6.so (needed by _tkinter)
    not available (linux/arm64): libtcl8.6.so (needed by _tkinter)
    left out 213 files: .gitignore 173, __pycache__ 40
    "#);
}

#[test]
fn forty_four_columns_give_up_counts_before_sizes() {
    insta::assert_snapshot!(plan_text(&[preview()], 44), @r#"
    target  ghcr.io/acme/shop:1.4.2
    tags    1.4.2, 1.4
    base
      gcr.io/distroless/cc-debian13:nonroot
    builder python:3.13-slim-trixie
    lock    uv.lock (2 distributions)
    starts  /usr/local/bin/python3.13 -c
      'print('\''it is\n'\'', 1)'
      (the command line)
    user    65532:65532
    workdir /app

    linux/amd64, Python 3.13.5
                       packed  unpacked  files
      base            12.4 MB   35.1 MB
      runtime        ~18.4 MB   61.0 MB   1234
      application     ~312 kB    1.0 MB     41
      total to pull  ~31.1 MB   97.1 MB   1275

    linux/arm64, Python 3.13.5
                       packed  unpacked
      base            12.4 MB   35.1 MB
      runtime         18.4 MB   61.0 MB  cached
      application     ~312 kB    1.0 MB
      total to pull  ~31.1 MB   97.1 MB

    ~ estimated: the layer has not been made yet

    taken from images into runtime:
      libquadmath0 14.2.0-19, 1 kB:
        libquadmath.so.0 (needed by _x)
      zlib1g 1:1.3.dfsg-3+b1, 2 kB:
        libz.so.1 (needed by zlib)
      Python itself: 2 files, 14 kB
      of no package:
        5 files (the C.UTF-8 locale)

    taken from images into libraries:
      of no package: /usr/bin/pdftotext
        ([[extract]] /usr/bin/pdf*)

    linux/amd64 and linux/arm64 differ:
      zlib1g: 1:1.3.dfsg-3+b1 (linux/amd64),
        1:1.3.dfsg-3+b2 (linux/arm64)
      only on linux/amd64: libquadmath0
        14.2.0-19 (libquadmath.so.0)
      not available only on linux/amd64:
        libtk8.6.so

    not available (linux/amd64):
      libtcl8.6.so (needed by _tkinter),
      libtk8.6.so (needed by _tkinter)
    not available (linux/arm64):
      libtcl8.6.so (needed by _tkinter)
    left out 213 files: .gitignore 173,
      __pycache__ 40
    "#);
}

#[test]
fn little_to_say_is_said_shortly() {
    let mut debug = Preview { profile: Some("debug".to_owned()), targets: Vec::new(), ..small() };
    debug.platforms[0].layers[0].known = true;
    insta::assert_snapshot!(plan_text(&[small(), debug], 80), @r#"
    profile default

    target  ghcr.io/acme/shop:1.4.2
    tags    1.4.2, 1.4
    base    gcr.io/distroless/cc-debian13:nonroot
    builder python:3.13-slim-trixie
    starts  /usr/local/bin/python3.13 -c 'print('\''it is\n'\'', 1)'
      (the command line)
    user    65532:65532
    workdir /app

    linux/amd64
                     layers    packed  unpacked  files
      runtime             1  ~18.4 MB   61.0 MB   1234
      total to pull       1  ~18.4 MB   61.0 MB   1234

    ~ estimated: the layer has not been made yet

    profile debug

    target  none named
    base    gcr.io/distroless/cc-debian13:nonroot
    builder python:3.13-slim-trixie
    starts  /usr/local/bin/python3.13 -c 'print('\''it is\n'\'', 1)'
      (the command line)
    user    65532:65532
    workdir /app

    linux/amd64
                     layers   packed  unpacked  files
      runtime             1  18.4 MB   61.0 MB   1234  cached
      total to pull       1  18.4 MB   61.0 MB   1234
    "#);
}

#[test]
fn a_lock_file_may_give_platforms_more_or_less() {
    let mut preview = preview();
    preview.platforms[1].distributions.pop();
    let text = plan_text(&[preview], 80);
    let told: Vec<_> = text.lines().filter(|line| line.starts_with("lock ")).collect();
    assert_eq!(
        told,
        ["lock    uv.lock (2 distributions) (linux/amd64)", "lock    uv.lock (1 distribution) (linux/arm64)"]
    );
}

#[test]
fn platforms_that_take_the_same_say_so() {
    let mut preview = preview();
    preview.platforms[1].groups = platform("arm64", "aarch64").groups;
    preview.platforms[1].missing = platform("arm64", "aarch64").missing;
    assert!(plan_text(&[preview], 80).contains("\n\nlinux/amd64 and linux/arm64: the same packages and libraries\n\n"));
}

#[test]
fn no_line_is_wider_than_asked_where_names_allow() {
    for width in 43..120 {
        let text = plan_text(&[preview()], width);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
    }
}
