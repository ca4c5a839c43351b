//! Errors: unknown keys, wrong types, bad values, with their lines.

use super::*;

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
        ("to = 1979-05-27", "`to` must be a target, or a list of targets, not a date", ""),
        ("to = []", "`to` cannot be empty", ""),
        ("image-index = 'no'", "`image-index` cannot be `no`", "write `always` or `never`"),
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
