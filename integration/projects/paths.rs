//! Paths in a project's files stay inside its root, and its files are files.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::folder::{pins, project};
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::wheels::Wheel;

const HERE: [&str; 3] = [CC, SLIM, AMD64];
const TO: &str = "--to=registry.invalid/shop:1";

/// A project beside a folder of secrets.
fn beside_secrets() -> Harness {
    let harness = Harness::alone().file("app.py", "");
    fs::create_dir(harness.folder().join("secret")).unwrap();
    for (name, text) in [("key", "s3cret"), ("requirements.txt", "alpha==1.0\n"), ("index.json", "{}")] {
        fs::write(harness.folder().join("secret").join(name), text).unwrap();
    }
    harness
}

/// Keys of a configuration, the path standing as `PATH`.
const KEYS: [(&str, &str); 10] = [
    ("copy.from", "[[copy]]\nfrom = 'PATH/key'\nto = '/key'\n"),
    ("copy.from", "[[copy]]\nfrom = 'PATH'\nto = '/keys'\n"),
    ("app.source", "[app]\nsource = 'PATH'\n"),
    ("app.wheel", "[app]\nwheel = 'PATH/*.whl'\n"),
    ("dependencies.lock", "[dependencies]\nlock = 'PATH/requirements.txt'\n"),
    ("dependencies.wheelhouse", "[dependencies]\nlock = 'requirements.txt'\nwheelhouse = ['PATH']\n"),
    ("dependencies.site-packages", "[dependencies]\nsite-packages = 'PATH'\n"),
    ("to", "to = 'oci:PATH/out'\n"),
    ("base", "base = 'oci:PATH'\nbuilder = 'python:3.13-slim'\n"),
    ("extract.from", "[[extract]]\nfrom = 'oci:PATH:1'\npaths = ['/x']\n"),
];

#[test]
fn no_key_leads_out_of_the_root() {
    for (key, text) in KEYS {
        let outside = beside_secrets();
        let absolute = outside.folder().join("secret").display().to_string();
        symlink("../secret", outside.project().join("link")).unwrap();
        let mut harness = outside.file("requirements.txt", "");
        harness.first = ["build", "--progress=plain"].map(str::to_owned).to_vec();
        for path in ["../secret", &absolute, "link", "new/../../secret", "./link/"] {
            for (file, prefix) in [("carboy.toml", ""), ("pyproject.toml", "tool.carboy.")] {
                if !prefix.is_empty() && path != "link" {
                    continue;
                }
                let table = match (prefix, text.strip_prefix("[[").or(text.strip_prefix('['))) {
                    ("", _) => text.to_owned(),
                    (_, Some(rest)) => text.replacen(rest, &format!("{prefix}{rest}"), 1),
                    (_, None) => format!("[tool.carboy]\n{text}"),
                };
                harness = harness.file(file, &table.replace("PATH", path));
                let told = harness.refuses(if key == "to" { &[] } else { &[TO] });
                assert!(
                    told.contains(&format!("error[outside-project]: cannot use `{key}` in {file}: `")),
                    "{table} {path}: {told}"
                );
                assert!(told.contains("--allow-outside") && !told.contains("s3cret"), "{told}");
                fs::remove_file(harness.project().join(file)).unwrap();
            }
        }
    }
    let harness = beside_secrets().file("carboy.toml", "[[copy]]\nfrom = '../secret/key'\nto = '/key'\n");
    let harness = harness.named("ROOT", "DIR/project");
    insta::assert_snapshot!(harness.refuses(&[]), @"
    exit: 2
    -- stdout
    -- stderr
    error[outside-project]: cannot use `copy.from` in carboy.toml: `../secret/key` leads out of the project's root, `ROOT`

    hint: move it into the project, or pass --allow-outside ../secret/key
    ");
}

#[test]
fn what_is_allowed_is_used() {
    let text = "[[copy]]\nfrom = '../secret/key'\nto = '/key'\n";
    let mut harness = project().file("carboy.toml", text).file("requirements.txt", "");
    harness.verb(&["plan"]);
    fs::create_dir(harness.folder().join("secret")).unwrap();
    fs::write(harness.folder().join("secret/key"), "").unwrap();
    assert!(harness.fails(&HERE).starts_with("exit: 2\n"));
    assert!(harness.fails(&[&HERE[..], &["--allow-outside=../secret/other"]].concat()).starts_with("exit: 2\n"));
    harness.succeeds(&[&HERE[..], &["--allow-outside", "/nowhere", "--allow-outside", "../secret/key"]].concat());
    // A repository's own folders need no permission, wherever in it the project is.
    fs::create_dir(harness.folder().join(".git")).unwrap();
    harness.succeeds(&HERE);
    fs::remove_dir(harness.folder().join(".git")).unwrap();
    harness.env("CARBOY_ALLOW_OUTSIDE", "/nowhere,../secret").succeeds(&HERE);
}

#[test]
fn a_workspace_is_a_root_without_a_repository() {
    let shop = "[project]\nname = \"shop\"\nversion = \"1.0\"\n";
    let text = "[[copy]]\nfrom = '../shared.conf'\nto = '/etc/shared.conf'\n";
    let mut harness = project().file("pyproject.toml", shop).file("carboy.toml", text);
    harness.verb(&["plan"]);
    fs::write(harness.folder().join("shared.conf"), "").unwrap();
    for (members, inside) in [("other", false), ("proj*", true)] {
        let text = format!("[tool.uv.workspace]\nmembers = [\"{members}\"]\n");
        fs::write(harness.folder().join("pyproject.toml"), text).unwrap();
        let run = harness.run(&HERE);
        assert_eq!(run.code, Some(if inside { 0 } else { 2 }), "{members}: {}", run.text());
    }
}

/// Lock files and settings that name the wheel, the folder or a file in a folder.
fn named(path: &str, wheel: &str) -> Vec<(&'static str, String)> {
    let poetry = |source: &str, url: &str| {
        format!(
            "[[package]]\nname = \"alpha\"\nversion = \"1.0\"\ngroups = [\"main\"]\nfiles = []\n\
             [package.source]\ntype = \"{source}\"\nurl = \"{url}\"\n\
             [metadata]\nlock-version = \"2.1\"\npython-versions = \"*\"\n"
        )
    };
    let pylock = |text: &str| format!("lock-version = \"1.0\"\n[[packages]]\nname = \"alpha\"\n{text}\n");
    let uv = |source: &str| {
        format!(
            "version = 1\nrequires-python = \">=3.9\"\n[[package]]\nname = \"shop\"\nversion = \"1\"\n\
             source = {{ virtual = \".\" }}\ndependencies = [{{ name = \"alpha\" }}]\n\
             [[package]]\nname = \"alpha\"\nversion = \"1.0\"\nsource = {{ {source} }}\n"
        )
    };
    let pipfile = format!(r#"{{"_meta": {{}}, "default": {{"alpha": {{"path": "{path}", "editable": true}}}}}}"#);
    vec![
        ("requirements.txt", format!("-r {path}/requirements.txt\n")),
        ("requirements.txt", format!("alpha==1.0\n-c {path}/requirements.txt\n")),
        ("requirements.txt", format!("alpha==1.0\n--find-links {path}\n")),
        ("requirements.txt", format!("alpha==1.0\n--find-links file:{path}\n")),
        ("requirements.txt", format!("{path}/{wheel}\n")),
        ("requirements.txt", format!("alpha @ file:{path}/{wheel}\n")),
        ("requirements.txt", format!("-e {path}\n")),
        ("pylock.toml", pylock(&format!("archive = {{ path = \"{path}/{wheel}\", hashes = {{}} }}"))),
        ("pylock.toml", pylock(&format!("directory = {{ path = \"{path}\" }}"))),
        (
            "pylock.toml",
            pylock(&format!("version = \"1.0\"\nwheels = [{{ path = \"{path}/{wheel}\", hashes = {{}} }}]")),
        ),
        ("uv.lock", uv(&format!("path = \"{path}/{wheel}\""))),
        ("uv.lock", uv(&format!("editable = \"{path}\""))),
        ("poetry.lock", poetry("file", &format!("{path}/{wheel}"))),
        ("poetry.lock", poetry("directory", path)),
        ("Pipfile.lock", pipfile),
        ("pyproject.toml", format!("[tool.uv]\nfind-links = [\"{path}\"]\n")),
        ("pyproject.toml", format!("[[tool.uv.index]]\nurl = \"{path}\"\nformat = \"flat\"\n")),
        ("uv.toml", format!("[[index]]\nurl = \"{path}\"\n")),
        ("carboy.toml", format!("[app]\nexclude = [\"link\"]\n[dependencies]\nindex = \"{path}\"\n")),
    ]
}

#[test]
fn lock_files_and_settings_lead_nowhere_else() {
    let wheel = Wheel::simple("alpha", "1.0");
    for at in 0..named("", "").len() {
        let mut harness = project();
        let secret = harness.folder().join("secret");
        fs::create_dir(&secret).unwrap();
        wheel.write(&secret);
        fs::write(secret.join("requirements.txt"), "alpha==1.0\n").unwrap();
        fs::write(secret.join("pyproject.toml"), "[project]\nname = \"alpha\"\nversion = \"1.0\"\n").unwrap();
        fs::write(secret.join("alpha.py"), "").unwrap();
        symlink("../secret", harness.project().join("link")).unwrap();
        // Each of them leads out in one way.
        let full = secret.display().to_string();
        let path = ["../secret", &full, "./link"][at % 3];
        let (file, text) = named(path, &wheel.file_name()).remove(at);
        harness = harness.file("carboy.toml", "[app]\nexclude = [\"link\"]\n");
        harness = match file {
            "requirements.txt" | "pylock.toml" | "Pipfile.lock" => harness,
            "uv.lock" | "poetry.lock" => {
                harness.file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1\"\n")
            }
            _ => harness.file("requirements.txt", "alpha==1.0\n"),
        };
        harness = harness.file(file, &text);
        harness.verb(&["plan"]);
        let told = harness.fails(&HERE);
        assert!(told.contains("--allow-outside"), "{file}\n{text}\n{told}");
        if at % 4 == 0 {
            let args = ["--allow-outside", "../secret", "--wheelhouse", "../secret"];
            harness.succeeds(&[&HERE[..], &args].concat());
        }
    }
}

#[test]
fn wheels_of_a_projects_folders_are_no_links_to_elsewhere() {
    let wheel = Wheel::simple("alpha", "1.0");
    let exclude = "[app]\nexclude = [\"house\"]\n";
    for (text, pinned) in
        [("[dependencies]\nwheelhouse = [\"house\"]\n", "alpha==1.0\n"), ("", "--find-links house\nalpha==1.0\n")]
    {
        let mut harness = project().file("carboy.toml", &format!("{text}{exclude}")).file("requirements.txt", pinned);
        let house = harness.project().join("house");
        fs::create_dir(&house).unwrap();
        let file = wheel.write(&harness.folder().join("secret"));
        symlink(&file, house.join(wheel.file_name())).unwrap();
        harness.verb(&["plan"]);
        let told = harness.fails(&HERE);
        assert!(told.contains("leads out of the project's root"), "{told}");
        // A flag may name the same folder.
        harness.file("requirements.txt", "alpha==1.0\n").succeeds(&[&HERE[..], &["--wheelhouse", "house"]].concat());
    }
}

#[test]
fn flags_may_name_what_is_elsewhere() {
    let wheel = Wheel::simple("alpha", "1.0");
    let mut harness = project();
    harness.verb(&["plan"]);
    let elsewhere = harness.folder().join("elsewhere");
    wheel.write(&elsewhere);
    fs::write(elsewhere.join("base.txt"), pins(&[&wheel])).unwrap();
    fs::write(elsewhere.join("locked.txt"), "-r base.txt\n").unwrap();
    fs::write(elsewhere.join("carboy.toml"), "[image]\nenv = { A = \"b\" }\n").unwrap();
    let full = elsewhere.display().to_string();
    let configured = [&HERE[..], &["--config", "../elsewhere/carboy.toml"]].concat();
    harness.succeeds(&[&configured[..], &["--lock", &format!("{full}/locked.txt"), "--wheelhouse", &full]].concat());
    harness
        .env("CARBOY_LOCK", "../elsewhere/locked.txt")
        .env("CARBOY_WHEELHOUSE", "../elsewhere")
        .succeeds(&configured);
}

#[test]
fn the_projects_files_are_regular_and_its_own() {
    for file in ["carboy.toml", "pyproject.toml", ".python-version", "requirements.txt"] {
        let harness = beside_secrets();
        let path = harness.project().join(file);
        symlink("../secret/key", &path).unwrap();
        let told = harness.refuses(&[]);
        assert!(told.contains("leads out of the project's root") && !told.contains("s3cret"), "{told}");
        fs::remove_file(&path).unwrap();
        if file != "requirements.txt" {
            fs::create_dir(&path).unwrap();
            let told = harness.refuses(&[]);
            assert!(
                told.contains(&format!("error[unreadable-file]: cannot read `{file}`: it is a directory")),
                "{told}"
            );
            fs::remove_dir(&path).unwrap();
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            let told = harness.refuses(&[]);
            assert!(
                told.contains(&format!("error[unreadable-file]: cannot read `{file}`: it is not a regular file")),
                "{told}"
            );
            fs::remove_file(&path).unwrap();
            fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
            let told = harness.refuses(&[]);
            assert!(
                told.contains(&format!("error[unreadable-file]: cannot read `{file}`: it has more than 1 MiB")),
                "{told}"
            );
        }
    }
    let harness = beside_secrets();
    assert!(Command::new("mkfifo").arg(harness.project().join("pipe.txt")).status().unwrap().success());
    for (flag, file) in [("--config", "/dev/zero"), ("--config", "pipe.txt"), ("--lock", "pipe.txt"), ("--config", ".")]
    {
        let told = harness.refuses(&[flag, file]);
        assert!(told.contains(&format!("error[unreadable-file]: cannot read `{file}`: it is ")), "{told}");
    }
}

/// The project is the same with the working directory named and not.
#[test]
fn a_configuration_elsewhere_is_for_the_working_directory() {
    let wheel = Wheel::simple("alpha", "1.0");
    let mut harness = project().wheel(&wheel).file("requirements.txt", &pins(&[&wheel]));
    harness = harness.file("ci/carboy.toml", "[[copy]]\nfrom = 'main.py'\nto = '/etc/main.py'\n");
    let args = [&HERE[..], &["--wheelhouse", "wheels", "--config", "ci/carboy.toml"]].concat();
    let plans = [&args[..], &[&args[..], &["."]].concat()].map(|args| harness.plan(args));
    assert_eq!(plans[0]["lock"], "requirements.txt");
    assert_eq!(plans[0]["platforms"], plans[1]["platforms"]);
    assert_eq!(plans[0]["platforms"][0]["distributions"][0], "alpha 1.0");

    let harness = Harness::alone().file("shop/requirements.txt", "").file("shop/carboy.toml", "");
    insta::assert_snapshot!(harness.refuses(&["--config=shop/carboy.toml"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[no-project]: the working directory has no project, but `shop` has one

    hint: name the project's directory too: shop; or `.` for the working directory
    ");
}
