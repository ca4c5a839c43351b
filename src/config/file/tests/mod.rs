//! The whole file: values, errors, merged profiles.

use std::collections::BTreeMap;

use super::File;
use crate::config::{
    App, Bytecode, Compression, ConfigError, Copy, Dependencies, Directory, Extract, Image, IndexMode, Layers,
    MissingRequirements, PackageIndex, PythonChoice, Runtime, SitePackages, User, keys,
};
use crate::hint::Hint;
use crate::oci::Platform;

mod refusals;

const EXAMPLE: &str = include_str!("../example.toml");

fn parse(text: &str) -> Result<File, ConfigError> {
    File::parse(text, "carboy.toml")
}

/// The error's text and hint, as they are shown.
fn refusal(text: &str) -> (String, String) {
    let error = parse(text).expect_err(text);
    (error.to_string(), error.hint().unwrap_or_default())
}

#[expect(clippy::unnecessary_wraps, reason = "every list of a file is optional")]
fn strings(items: &[&str]) -> Option<Vec<String>> {
    Some(items.iter().map(|&item| item.to_owned()).collect())
}

#[expect(clippy::unnecessary_wraps, reason = "most texts of a file are optional")]
fn string(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn expected_tables() -> File {
    File {
        runtime: Runtime {
            exclude: strings(&["nis", "tkinter"]),
            terminfo: Some(false),
            dlopen: strings(&["libmagic.so.1"]),
            allow_missing: strings(&[]),
            allow_mixed: Some(false),
            bytecode: Some(Bytecode::Off),
        },
        dependencies: Dependencies {
            lock: string("uv.lock"),
            extras: strings(&[]),
            groups: strings(&[]),
            member: string("shop"),
            wheelhouse: strings(&["wheels/"]),
            index: Some(PackageIndex::Url("https://pypi.acme.example/simple".to_owned())),
            site_packages: None,
            exclude: strings(&[]),
            allow_missing_requirements: Some(MissingRequirements::Named(Vec::new())),
            allow_stale_lock: Some(false),
        },
        app: App {
            source: string("."),
            to: string("/app"),
            include: strings(&["shop/**", "build/assets/**"]),
            exclude: strings(&["tests/**"]),
            wheel: string("dist/*.whl"),
            version: string("1.4.2"),
            allow_missing_imports: strings(&[]),
        },
        image: Image {
            entrypoint: strings(&["python", "-m", "shop"]),
            cmd: strings(&[]),
            env: map(&[("APP_MODE", "prod")]),
            user: string("nonroot"),
            workdir: string("/app"),
            ports: strings(&["8080/tcp"]),
            volumes: strings(&[]),
            labels: map(&[]),
            annotations: map(&[]),
            stop_signal: string("SIGTERM"),
        },
        layers: Layers {
            compression: Some(Compression::Zstd),
            level: Some(3),
            split_size: Some(1 << 20),
            split_max: Some(24),
        },
        ..File::default()
    }
}

fn expected() -> File {
    let extract = Extract {
        from: "builder".to_owned(),
        paths: vec!["/usr/bin/pdftotext".to_owned(), "/usr/lib/locale/C.utf8/**".to_owned()],
        to: string("/"),
        libraries: true,
    };
    let copy = Copy {
        from: "files/default.conf".to_owned(),
        to: "/etc/nginx/conf.d/default.conf".to_owned(),
        include: None,
        mode: Some(0o644),
        owner: string("root"),
    };
    let user = User { name: "monty".to_owned(), uid: 1000, gid: Some(1000), home: string("/home/monty") };
    let directory = Directory { path: "/var/run/shop".to_owned(), mode: Some(0o750), owner: string("monty") };
    let debug = File {
        base: string("gcr.io/distroless/cc-debian13:debug-nonroot"),
        tag_suffix: string("-debug"),
        ..File::default()
    };
    File {
        to: strings(&["ghcr.io/acme/shop"]),
        tags: strings(&["1.4.2"]),
        image_index: Some(IndexMode::Always),
        platforms: strings(&["linux/amd64", "linux/arm64"]),
        python: Some(PythonChoice::Version("3.13".to_owned())),
        base: string("gcr.io/distroless/cc-debian13:nonroot"),
        builder: string("python:3.13-slim-trixie"),
        extract: Some(vec![extract]),
        copy: Some(vec![copy]),
        user: Some(vec![user]),
        directory: Some(vec![directory]),
        profiles: BTreeMap::from([("debug".to_owned(), debug)]),
        ..expected_tables()
    }
}

#[test]
fn the_whole_example_is_read() {
    assert_eq!(parse(EXAMPLE), Ok(expected()));
}

#[test]
fn an_empty_file_says_nothing() {
    assert_eq!(parse(""), Ok(File::default()));
    assert_eq!(parse("[image]\n[profile.x]\n").map(|file| file.profiles.len()), Ok(1));
}

#[test]
fn values_have_their_other_forms() {
    let file = parse(
        "python = false\nplatforms = [\"linux/aarch64\"]\nruntime.bytecode = \"unchecked-hash\"\n\
         image.ports = [\"53/udp\", \"80\"]\nlayers = { compression = \"gzip\", level = 9 }\n\
         dependencies.site-packages = \"vendor\"\nextract = [{ paths = [\"/x\"], libraries = false }]\n",
    )
    .unwrap();
    assert_eq!(file.python, Some(PythonChoice::Off));
    assert_eq!(file.platforms, strings(&["linux/arm64"]));
    assert_eq!(file.runtime.bytecode, Some(Bytecode::UncheckedHash));
    assert_eq!(file.image.ports, strings(&["53/udp", "80/tcp"]));
    assert_eq!(file.layers, Layers { compression: Some(Compression::Gzip), level: Some(9), ..Layers::default() });
    assert_eq!(file.dependencies.site_packages, Some(SitePackages::Shared("vendor".to_owned())));
    let extract = Extract { from: "builder".to_owned(), paths: vec!["/x".to_owned()], to: None, libraries: false };
    assert_eq!(file.extract, Some(vec![extract]));
}

#[test]
fn site_packages_are_found_by_platform() {
    let file = parse("[dependencies.site-packages]\n\"linux/x86_64\" = \"build/amd64\"\n").unwrap();
    let folders = file.dependencies.site_packages.unwrap();
    assert_eq!(folders, SitePackages::PerPlatform(map(&[("linux/amd64", "build/amd64")])));
    assert_eq!(folders.folder(&Platform::new("linux", "amd64")), Some("build/amd64"));
    assert_eq!(folders.folder(&Platform::new("linux", "arm64")), None);
}

/// No key takes a date, so one that does is known but not read.
#[test]
fn every_known_key_is_read() {
    let top = keys::SHARED.iter().chain(&["profile", "profile.x.tag-suffix"]).map(|key| format!("{key} = 1979-05-27"));
    let nested = keys::TABLES.iter().flat_map(|(table, keys)| {
        let full = ["paths = ['/x']", "from = 'x'", "to = '/x'", "path = '/x'", "name = 'x'", "uid = 1"];
        let array = ["extract", "copy", "user", "directory"].contains(table);
        keys.iter().map(move |key| {
            let known =
                |entry: &&&str| keys.iter().any(|other| other != key && entry.starts_with(&format!("{other} =")));
            let rest = full.iter().filter(known).copied().collect::<Vec<_>>().join("\n");
            let header = if array { format!("[[{table}]]") } else { format!("[{table}]") };
            format!("{header}\n{rest}\n{key} = 1979-05-27")
        })
    });
    for text in top.chain(nested) {
        assert!(refusal(&text).0.ends_with("not a date"), "{text}");
    }
}

#[test]
fn a_profile_is_laid_over_field_by_field() {
    let file = parse(
        "to = 'a'\ntags = ['1']\n[runtime]\nterminfo = true\nexclude = ['nis']\n[image]\nuser = 'u'\ncmd = ['c']\n\
         env = { A = '1', B = '2' }\nlabels = { x = 'y' }\n[[copy]]\nfrom = 'f'\nto = '/f'\n[layers]\nlevel = 19\n\
         [profile.ci]\ntags = ['2', '3']\ntag-suffix = '-ci'\nruntime.exclude = []\ncopy = []\n\
         [profile.ci.image]\ncmd = []\nenv = { B = '3', C = '4' }\nannotations = { n = 'm' }\n\
         [profile.ci.layers]\ncompression = 'gzip'\n",
    )
    .unwrap();
    let merged = file.with_profile("ci").unwrap();
    let expected = File {
        to: strings(&["a"]),
        tags: strings(&["2", "3"]),
        runtime: Runtime { terminfo: Some(true), exclude: strings(&[]), ..Runtime::default() },
        image: Image {
            user: string("u"),
            cmd: strings(&[]),
            env: map(&[("A", "1"), ("B", "3"), ("C", "4")]),
            labels: map(&[("x", "y")]),
            annotations: map(&[("n", "m")]),
            ..Image::default()
        },
        copy: Some(Vec::new()),
        layers: Layers { compression: Some(Compression::Gzip), ..Layers::default() },
        tag_suffix: string("-ci"),
        ..File::default()
    };
    assert_eq!(merged, expected);
}

#[test]
fn every_field_can_come_from_a_profile_or_from_below_it() {
    let all = File { profiles: BTreeMap::new(), ..expected() };
    let above = File { profiles: BTreeMap::from([("x".to_owned(), all.clone())]), ..File::default() };
    assert_eq!(above.with_profile("x"), Ok(all.clone()));
    let below = File { profiles: BTreeMap::from([("x".to_owned(), File::default())]), ..all.clone() };
    assert_eq!(below.with_profile("x"), Ok(all));
}

#[test]
fn pyproject_has_its_own_lines() {
    let read = |text: &str| File::from_pyproject(text, "pyproject.toml");
    let text = "[project]\nname = 'shop'\n\n[tool.ruff]\nx = 1\n\n[tool.carboy]\nto = 'x'\n\n[tool.carboy.image]\n";
    assert_eq!(read(text).map(|file| file.and_then(|file| file.to)), Ok(strings(&["x"])));
    for none in ["", "[project]\nname = 'shop'\n", "tool = 1", "[tool.uv]\n"] {
        assert_eq!(read(none), Ok(None));
    }
    let shown = |text: &str| {
        let error = read(text).expect_err(text);
        (error.to_string(), error.hint().unwrap_or_default())
    };
    let (error, hint) = shown(&format!("{text}tags = []\n"));
    assert_eq!(error, "pyproject.toml:11: unknown key `image.tags`");
    assert_eq!(hint, "write `tags` under `[tool.carboy]`, before the next table");
    assert_eq!(shown("\n[tool]\ncarboy = 1\n").0, "pyproject.toml:3: `tool.carboy` must be a table, not an integer");
    assert!(shown("[project]\nname = \n").0.starts_with("pyproject.toml:2: "));
}
