//! The whole file: values, errors, merged profiles.

use std::collections::BTreeMap;

use super::File;
use crate::config::{
    App, Bytecode, Compression, ConfigError, Copy, Dependencies, Directory, Extract, Image, Layers,
    MissingRequirements, PackageIndex, PythonChoice, Runtime, SitePackages, User, keys,
};
use crate::hint::Hint;
use crate::oci::Platform;

const EXAMPLE: &str = include_str!("example.toml");

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
        to: string("ghcr.io/acme/shop"),
        tags: strings(&["1.4.2"]),
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

#[test]
fn unknown_keys_are_named_with_their_line_and_their_neighbour() {
    for (text, error, hint) in [
        ("\nplatfroms = []\n", "carboy.toml:2: unknown key `platfroms`", "did you mean `platforms`?"),
        (
            "to = 'x'\n[image]\nuser = 'x'\nentrypont = []",
            "carboy.toml:4: unknown key `image.entrypont`",
            "did you mean `entrypoint`?",
        ),
        ("cmd = []", "carboy.toml:1: unknown key `cmd`", "did you mean `image.cmd`?"),
        ("[[extract]]\npath = ['/x']", "carboy.toml:2: unknown key `extract.path`", "did you mean `paths`?"),
        ("[[user]]\n\n[[user]]\nuidd = 1", "carboy.toml:1: `user.name` is missing", ""),
        ("[imgae]\n", "carboy.toml:1: unknown key `imgae`", "did you mean `image`?"),
        (
            "[layers]\nplatforms = []",
            "carboy.toml:2: unknown key `layers.platforms`",
            "write `platforms` at the top, before the first table",
        ),
        ("tag-suffix = '-x'", "carboy.toml:1: unknown key `tag-suffix`", ""),
        ("[profile.x.profile.y]", "carboy.toml:1: unknown key `profile.x.profile`", ""),
        ("[profile.x.image]\ncdm = []", "carboy.toml:2: unknown key `profile.x.image.cdm`", "did you mean `cmd`?"),
        ("\"a\\nb\" = 1", "carboy.toml:1: unknown key `\"a\\nb\"`", ""),
    ] {
        let (shown, suggested) = refusal(text);
        assert_eq!(shown, error, "{text}");
        assert!(suggested.starts_with(hint), "{text}: {suggested}");
    }
}

#[test]
fn the_first_of_several_unknown_keys_is_the_one_that_stands_first() {
    assert_eq!(refusal("zebra = 1\naardvark = 1\n").0, "carboy.toml:1: unknown key `zebra`");
}

#[test]
fn an_entrypoint_in_one_string_is_shown_as_the_list_it_should_be() {
    let (error, hint) = refusal("to = 'x'\n\n[image]\nentrypoint = \"python -m shop\"\n");
    assert_eq!(error, "carboy.toml:4: `image.entrypoint` must be a list, not a string");
    assert_eq!(hint, "there is no shell in the image to split it: entrypoint = [\"python\", \"-m\", \"shop\"]");
    let (error, hint) = refusal("profile.x.image.cmd = 'serve'");
    assert_eq!(error, "carboy.toml:1: `profile.x.image.cmd` must be a list, not a string");
    assert_eq!(hint, "there is no shell in the image to split it: cmd = [\"serve\"]");
}

#[test]
fn wrong_types_are_refused_with_the_right_form() {
    for (text, error, hint) in [
        (
            "python = 3.10",
            "`python` must be a string or false, not a float",
            "write it in quotes: \"3.10\"; as a number, 3.10 would be 3.1",
        ),
        (
            "python = 3",
            "`python` must be a string or false, not an integer",
            "write major and minor in quotes, as in \"3.13\"",
        ),
        (
            "python = true",
            "`python` must be a string or false, not true",
            "write the version, as in \"3.13\", or leave the key out",
        ),
        ("tags = '1.0'", "`tags` must be a list, not a string", "write [\"1.0\"]"),
        ("tags = [1.0]", "`tags` must be a string, not a float", "write it in quotes: \"1.0\""),
        ("to = 1979-05-27", "`to` must be a string, not a date", ""),
        ("image = 'x'", "`image` must be a table, not a string", ""),
        ("image.env.PORT = 8080", "`image.env.PORT` must be a string, not an integer", "write it in quotes: \"8080\""),
        ("image.ports = [8080]", "`image.ports` must be a string, not an integer", "write it in quotes: \"8080\""),
        (
            "image.labels.'org.x y' = true",
            "`image.labels.\"org.x y\"` must be a string, not true",
            "write it in quotes: \"true\"",
        ),
        ("runtime.terminfo = 'no'", "`runtime.terminfo` must be true or false, not a string", ""),
        (
            "runtime.bytecode = true",
            "`runtime.bytecode` must be false or \"unchecked-hash\", not true",
            "write false or \"unchecked-hash\"",
        ),
        (
            "copy = { from = 'x', to = '/x' }",
            "`copy` must be a list of tables",
            "write it as `[[copy]]`, once for each",
        ),
        ("copy = ['x']", "`copy` must be a table, not a string", ""),
        (
            "copy = [{ from = 'x', to = '/x', mode = 644 }]",
            "`copy.mode` must be an octal string, not an integer",
            "write it in quotes: \"0644\"",
        ),
        (
            "directory = [{ path = '/x', mode = 0o750 }]",
            "`directory.mode` must be an octal string, not an integer",
            "write it in quotes: \"0750\"",
        ),
        ("user = [{ name = 'm', uid = '1' }]", "`user.uid` must be a whole number, not a string", ""),
        ("profile = []", "`profile` must be a table, not a list", ""),
        (
            "dependencies.site-packages = []",
            "`dependencies.site-packages` must be a directory, or a table with one for each platform, not a list",
            "",
        ),
    ] {
        assert_eq!(refusal(text), (format!("carboy.toml:1: {error}"), hint.to_owned()), "{text}");
    }
}

#[test]
fn bad_values_are_refused_with_the_right_form() {
    for (text, error, hint) in [
        (
            "platforms = ['linux']",
            "`platforms` has `linux`, not a platform",
            "write os/architecture, as in \"linux/arm64\"",
        ),
        (
            "dependencies.site-packages.amd64 = 'x'",
            "`dependencies.site-packages.amd64` has `amd64`, not a platform",
            "write os/architecture, as in \"linux/arm64\"",
        ),
        (
            "dependencies.site-packages = { 'linux/amd64' = 'a', 'linux/x86_64' = 'b' }",
            "`dependencies.site-packages` names a platform twice",
            "",
        ),
        (
            "python = '3.13.1'",
            "`python` cannot be `3.13.1`",
            "write \"3.13\": the builder image decides on the patch release",
        ),
        ("python = 'false'", "`python` must be a string or false, not a string", "write false without quotes"),
        ("runtime.bytecode = 'checked'", "`runtime.bytecode` cannot be `checked`", "write false or \"unchecked-hash\""),
        ("extract = [{ paths = [] }]", "`extract.paths` is empty: nothing to extract", ""),
        ("extract = [{ from = 'builder' }]", "`extract.paths` is missing", ""),
        (
            "extract = [{ paths = ['usr/bin/x'] }]",
            "`extract.paths` has `usr/bin/x`, not an absolute path of the image",
            "write \"/usr/bin/x\"",
        ),
        (
            "extract = [{ paths = ['/a/../b'] }]",
            "`extract.paths` is refused: `/a/../b` is not a path inside an image",
            "",
        ),
        ("app.to = './app'", "`app.to` has `./app`, not an absolute path of the image", "write \"/app\""),
        ("image.workdir = 'app'", "`image.workdir` has `app`, not an absolute path of the image", "write \"/app\""),
        ("image.volumes = ['/a', 'b']", "`image.volumes` has `b`, not an absolute path of the image", "write \"/b\""),
        (
            "image.ports = ['http']",
            "`image.ports` has `http`, not a port",
            "write a number from 1 to 65535, with /tcp, /udp or /sctp",
        ),
        ("image.env.'A=B' = 'x'", "`image.env.\"A=B\"` is not a variable's name", ""),
        (
            "copy = [{ from = 'x', to = '/x', mode = '0888' }]",
            "`copy.mode` has `0888`, not an octal mode",
            "write it like \"0644\"",
        ),
        (
            "user = [{ name = 'm:0', uid = 1 }]",
            "`user.name` cannot be `m:0`",
            "a name is letters, digits, `-` and `_`, a letter first",
        ),
        ("user = [{ name = 'm', uid = -1 }]", "`user.uid` cannot be -1: out of range", ""),
        ("user = [{ name = 'm', uid = 4294967295 }]", "`user.uid` cannot be 4294967295: out of range", ""),
        (
            "user = [{ name = 'm', uid = 1, home = '/a:b' }]",
            "`user.home` cannot be `/a:b`: passwd has no way to write it",
            "",
        ),
        ("layers.compression = 'xz'", "`layers.compression` cannot be `xz`", "write \"zstd\" or \"gzip\""),
        ("layers.level = 20", "`layers.level` cannot be 20", "zstd has levels 1 to 19"),
        ("layers = { compression = 'gzip', level = 10 }", "`layers.level` cannot be 10", "gzip has levels 1 to 9"),
        (
            "profile.default.to = 'x'",
            "`profile.default` cannot be defined: `default` means no profile",
            "write its keys outside of any profile",
        ),
    ] {
        assert_eq!(refusal(text), (format!("carboy.toml:1: {error}"), hint.to_owned()), "{text}");
    }
}

#[test]
fn lines_are_those_of_the_value() {
    for (text, line) in [
        ("platforms = [\n  'linux/amd64',\n  'linux',\n]", 3),
        ("\r\n\r\ntags = 1\r\n", 3),
        ("[[extract]]\npaths = ['/x']\n\n[[extract]]\nfrom = 'x'\n", 4),
        ("[image]\n[image.env]\nA = 'x'\nB = 1\n", 4),
        ("# ü\n[layers]\n\nlevel = 0", 4),
        ("[[user]]\nname = 'a'\nuid = 1\n[[user]]\nname = 'b'\nuid = true\n", 6),
        ("to = 'x'\n[dependencies]\nlock = 'x'\n[dependencies.site-packages]\nx = 'y'", 5),
    ] {
        let (error, _) = refusal(text);
        assert!(error.starts_with(&format!("carboy.toml:{line}: `")), "{error}");
    }
}

#[test]
fn syntax_errors_are_one_line() {
    for (text, start) in [
        ("to = 'x'\ntags = [", "carboy.toml:2: "),
        ("to = \n", "carboy.toml:1: "),
        ("to = 'x'\nto = 'y'\n", "carboy.toml:2: "),
        ("[image]\n\n[image]\n", "carboy.toml:3: "),
    ] {
        let (error, hint) = refusal(text);
        assert!(error.starts_with(start) && error.lines().count() == 1, "{error}");
        assert_eq!(hint, "");
    }
    let (_, hint) = refusal("[[copy]]\nmode = 0644\n");
    assert_eq!(hint, "write a mode in quotes: mode = \"0644\"");
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
        to: string("a"),
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
fn profiles_that_do_not_exist_are_refused_and_default_is_none() {
    let file = parse("to = 'x'\n[profile.gzip]\n[profile.ci]\n").unwrap();
    let plain = File { profiles: BTreeMap::new(), ..file.clone() };
    assert_eq!(file.with_profile("default"), Ok(plain));
    let known = vec!["ci".to_owned(), "gzip".to_owned()];
    assert_eq!(file.with_profile("debug"), Err(ConfigError::NoProfile { name: "debug".to_owned(), known }));
}

#[test]
fn a_profiles_level_is_checked_against_the_files_compression() {
    let (error, hint) = refusal("layers.compression = 'gzip'\nprofile.x.layers.level = 19");
    assert_eq!(error, "carboy.toml:2: `profile.x.layers.level` cannot be 19");
    assert_eq!(hint, "gzip has levels 1 to 9");
}

#[test]
fn pyproject_has_its_own_lines() {
    let read = |text: &str| File::from_pyproject(text, "pyproject.toml");
    let text = "[project]\nname = 'shop'\n\n[tool.ruff]\nx = 1\n\n[tool.carboy]\nto = 'x'\n\n[tool.carboy.image]\n";
    assert_eq!(read(text).map(|file| file.and_then(|file| file.to)), Ok(string("x")));
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
