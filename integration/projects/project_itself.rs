//! The project itself: scripts, layouts, what is started, installed from its wheel.

use crate::folder::{HERE, pins, project, told};
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::wheels::Wheel;

const SHOP: &str = "[project]\nname = \"My-Shop\"\nversion = \"1.2.3\"\n";

/// An empty folder over the images.
fn bare() -> Harness {
    Harness::warm()
}

#[test]
fn scripts_of_both_kinds_run_and_metadata_tells_who_it_is() {
    let points = "[project.scripts]\nserve = \"shop.cli:main\"\n[project.gui-scripts]\nshow = \"shop.cli:show\"\n\
                  [project.entry-points.plugs]\none = \"shop.cli:main\"\n";
    let code = "import sys\nfrom importlib.metadata import entry_points, version\n\
                def main():\n    points = [point.value for point in entry_points(group='plugs')]\n    print(version('my_shop'), points, sys.argv[1:])\n\
                def show():\n    print('shown')\n";
    let harness = bare()
        .file("pyproject.toml", &format!("{SHOP}{points}"))
        .file("src/shop/cli.py", code)
        .file("src/shop/__init__.py", "");
    assert_eq!(harness.started(&[CC, SLIM, AMD64], &[]), "1.2.3 ['shop.cli:main'] []");
    assert_eq!(harness.started(&[CC, SLIM, AMD64, "--", "show"], &[]), "shown");
    assert_eq!(harness.started(&[CC, SLIM, AMD64, "--", "serve", "-v"], &[]), "1.2.3 ['shop.cli:main'] ['-v']");
}

/// The command that an image of these files would start.
fn command(pyproject: &str, files: &[&str]) -> String {
    let harness = files.iter().fold(bare(), |harness, path| harness.file(path, ""));
    let mut harness = if pyproject.is_empty() { harness } else { harness.file("pyproject.toml", pyproject) };
    let plan = harness.plan(&[CC, SLIM, AMD64]);
    let words = plan["platforms"][0]["command"].as_array().unwrap();
    words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_started_when_nobody_says() {
    let script = format!("{SHOP}[project.scripts]\nserve = \"shop:main\"\n");
    let two = format!("{script}work = \"shop:main\"\n");
    let all = ["shop/__init__.py", "shop/__main__.py", "main.py"];
    assert_eq!(command(&script, &all), "/usr/local/bin/serve");
    assert_eq!(command(&two, &all), "/usr/local/bin/python -m shop");
    // of several packages the project's own
    let packages = ["my_shop/__main__.py", "tools/__main__.py"];
    assert_eq!(command(SHOP, &packages), "/usr/local/bin/python -m my_shop");
    assert_eq!(command("", &["main.py", "lib/app.py"]), "/usr/local/bin/python /app/main.py");
    assert_eq!(command("", &["app.py"]), "/usr/local/bin/python /app/app.py");
    let harness = bare()
        .file("src/shop/__main__.py", "import shop\nprint(shop.NAME)\n")
        .file("src/shop/__init__.py", "NAME = 'below src'\n");
    assert_eq!(harness.started(&[CC, SLIM, AMD64], &[]), "below src");
}

/// The Dockerfile's entrypoint and command stay apart. A command that needs a shell gets a warning,
/// and the next source applies.
#[test]
fn commands_of_other_tools_are_found_or_told() {
    let exec = "FROM python:3.13\nWORKDIR /srv\nCOPY . .\nENTRYPOINT [\"tini\", \"--\", \"python3.13\"]\nCMD [\"/srv/main.py\", \"-v\"]\n";
    let harness = bare().file("main.py", "import sys\nprint(sys.argv)\n").file("Dockerfile", exec);
    assert_eq!(harness.started(&[CC, SLIM, AMD64], &[]), "['/app/main.py', '-v']");
    let mut harness = harness.file("Dockerfile", "FROM python:3.13\nCMD python main.py\n");
    let harness_procfile = |harness: Harness, web: &str| harness.file("Procfile", &format!("web: {web}\n"));
    harness = harness_procfile(harness, "cd x && python main.py");
    insta::assert_snapshot!(harness.warnings(&[CC, SLIM, AMD64]), @r#"
    warning[unused-command]: the command of the Dockerfile is not used: its CMD is in shell form
      hint: name the command that the image starts: entrypoint = ["python", "-m", "shop"] under [image]
    warning[unused-command]: the command of the Procfile is not used: its `web` needs a shell for `&&`
      hint: name the command that the image starts: entrypoint = ["python", "-m", "shop"] under [image]
    "#);
    harness = harness_procfile(harness, "python main.py --port $PORT");
    harness.verb(&["plan"]);
    let plan = harness.succeeds(&[CC, SLIM, AMD64]).stdout;
    let starts = plan.lines().find(|line| line.starts_with("starts"));
    assert_eq!(starts, Some("starts  /usr/local/bin/python main.py --port 8000 (Procfile)"));
}

#[test]
fn variables_of_a_dockerfile_are_set_below_those_of_the_configuration() {
    let text = "FROM python:3.13\nARG REVISION\nWORKDIR /srv\nCOPY . .\nENV PYTHONPATH=/srv/lib MODE=dev LANG=C PIP_NO_INPUT=1\n\
                ENV REVISION=$REVISION ZONE=utc\nCMD [\"python\", \"main.py\"]\n";
    let code = "import os, kept\nprint(*(os.environ.get(name) for name in ['PYTHONPATH', 'MODE', 'LANG', 'ZONE', 'PIP_NO_INPUT', 'REVISION']))\n";
    let mut harness = bare()
        .file("main.py", code)
        .file("lib/kept.py", "")
        .file("Dockerfile", text)
        .file("carboy.toml", "[image]\nenv = { MODE = \"prod\" }\n");
    assert_eq!(harness.started(&[CC, SLIM, AMD64], &[]), "/app/lib prod C utc None None");
    insta::assert_snapshot!(harness.warnings(&[CC, SLIM, AMD64]), @r#"
    warning[unset-variable]: the image does not set `REVISION` of the Dockerfile: only a build by Docker knows `$REVISION`
      hint: name its value if the program needs it: env = { REVISION = "…" } under [image]
    "#);
    harness.verb(&["plan"]);
    let plan = harness.succeeds(&[CC, SLIM, AMD64]).stdout;
    let sets = plan.lines().find(|line| line.starts_with("sets"));
    assert_eq!(sets, Some("sets    LANG PYTHONPATH ZONE (Dockerfile)"));
}

#[test]
fn candidates_are_listed() {
    let two = "[project.scripts]\nserve = \"shop:main\"\nwork = \"shop:main\"\n";
    let harness = Harness::warm()
        .file("pyproject.toml", &format!("{SHOP}{two}"))
        .file("a/__main__.py", "")
        .file("b/__main__.py", "")
        .file("main.py", "")
        .file("app.py", "");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64]), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[no-entrypoint]: no entrypoint is set

    hint: put one of these lines under [image] in carboy.toml, or its words after `--`:
      entrypoint = ["serve"]
      entrypoint = ["work"]
      entrypoint = ["python", "-m", "a"]
      entrypoint = ["python", "-m", "b"]
      entrypoint = ["python", "main.py"]
      entrypoint = ["python", "app.py"]
    "#);
    let harness = Harness::warm().file("shop.py", "");
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64]), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[no-entrypoint]: no entrypoint is set

    hint: put the command after `--`, as in: carboy build -- python -m shop, or set `entrypoint` under [image], as in: entrypoint = ["python", "-m", "shop"]
    "#);
}

#[test]
fn a_version_that_only_the_backend_knows_is_told() {
    let dynamic = "[project]\nname = \"shop\"\ndynamic = [\"version\"]\n[project.scripts]\nserve = \"shop:main\"\n";
    let code = "from importlib.metadata import PackageNotFoundError, version\ndef main():\n    try:\n        version('shop')\n    except PackageNotFoundError:\n        print('unknown')\n";
    let harness = bare().file("pyproject.toml", dynamic).file("shop.py", code);
    insta::assert_snapshot!(harness.warnings(&[CC, SLIM, AMD64]), @r#"
    warning[no-metadata]: importlib.metadata does not find shop: its version is not known: its configuration does not say where carboy could read it
      hint: give it: --app-version 1.2.3, or version = "1.2.3" under [app]; or install the project's wheel: wheel = "dist/*.whl" under [app]
    "#);
    assert_eq!(harness.started(&[CC, SLIM, AMD64], &[]), "unknown");
}

/// A project that is installed from `dist`.
fn with_dist(wheels: &[&Wheel]) -> Harness {
    let harness = bare().file("carboy.toml", "[app]\nwheel = \"dist/*.whl\"\n").file("dist/shop-1.2.tar.gz", "");
    for wheel in wheels {
        wheel.write(&harness.project().join("dist"));
    }
    harness
}

const PRINT: &str = "from importlib.metadata import version\ndef main():\n    print('wheel', version('shop'))\n";

#[test]
fn the_projects_wheel_is_installed_and_its_only_script_started() {
    let shop = Wheel::new("shop", "1.2").file("shop.py", PRINT).entry_points("[console_scripts]\nserve = shop:main\n");
    let harness = with_dist(&[&shop]).file("secret.txt", "");
    assert_eq!(harness.started(&[CC, SLIM, AMD64], &[]), "wheel 1.2");
    assert_eq!(
        harness.started(&[CC, SLIM, AMD64, "--", "python", "-c", "import os; print(os.listdir('/app'))"], &[]),
        "[]"
    );
    let package = Wheel::new("shop", "1.2").file("shop/__init__.py", "").file("shop/__main__.py", "print('package')\n");
    assert_eq!(with_dist(&[&package]).started(&[CC, SLIM, AMD64], &[]), "package");
}

#[test]
fn the_projects_wheel_and_its_lock_file_go_together() {
    let shop = Wheel::new("shop", "1.2")
        .file("shop.py", "import alpha\ndef main():\n    print(alpha.VERSION)\n")
        .entry_points("[console_scripts]\nserve = shop:main\n");
    let alpha = Wheel::simple("alpha", "7.0");
    let harness = project()
        .wheel(&alpha)
        .file("requirements.txt", &pins(&[&alpha]))
        .file("carboy.toml", "[app]\nwheel = \"dist/shop-1.2-py3-none-any.whl\"\n");
    shop.write(&harness.project().join("dist"));
    assert_eq!(harness.started(&HERE, &[]), "7.0");
}

#[test]
fn wheels_of_the_project_that_cannot_be() {
    let harness = with_dist(&[]);
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64]), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-wheel]: cannot use `app.wheel`: no file in `.` matches `dist/*.whl`

    hint: build it with: uv build --wheel
    ");
    let harness = with_dist(&[&Wheel::simple("shop", "1.2"), &Wheel::simple("shop", "1.3")]);
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "python"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-wheel]: cannot use `app.wheel`: it matches wheels of several projects or versions: shop-1.2-py3-none-any.whl, shop-1.3-py3-none-any.whl

    hint: name one of them, or clear the directory and build it again: uv build --wheel --clear
    ");
    let harness = with_dist(&[&Wheel::simple("shop", "1.2").tag("cp311-cp311-manylinux_2_28_aarch64")]);
    insta::assert_snapshot!(harness.fails(&[CC, SLIM, AMD64, "--", "python"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-wheel]: cannot use `app.wheel`: none of these is for Python 3.11, glibc 2.36, x86_64: shop-1.2-cp311-cp311-manylinux_2_28_aarch64.whl

    hint: build one for each platform, or leave out the platforms that have none
    ");
    let scripts = Wheel::simple("shop", "1.2").entry_points("[console_scripts]\na = shop:a\nb = shop:b\n");
    insta::assert_snapshot!(with_dist(&[&scripts]).fails(&[CC, SLIM, AMD64]), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[no-entrypoint]: no entrypoint is set

    hint: put one of these lines under [image] in carboy.toml, or its words after `--`:
      entrypoint = ["a"]
      entrypoint = ["b"]
    "#);
}

/// Of the wheels of one version, each platform gets its own.
#[test]
fn each_platform_gets_its_wheel() {
    let of = |tag: &str| Wheel::new("shop", "1.2").tag(tag).file("shop.py", format!("print('{tag}')\n"));
    let harness = with_dist(&[&of("py3-none-any"), &of("cp311-cp311-manylinux_2_28_x86_64")]);
    let started = harness.started(&[CC, SLIM, AMD64, "--", "python", "-m", "shop"], &[]);
    assert_eq!(started, "cp311-cp311-manylinux_2_28_x86_64");
}

#[test]
fn modules_without_source_are_told() {
    let odd = Wheel::new("odd", "1")
        .file("odd/__init__.py", "")
        .file("odd/core.pyc", "x")
        .file("odd/more.pyc", "x")
        .file("odd/__pycache__/__init__.cpython-311.pyc", "x");
    let harness = project().wheel(&odd).file("requirements.txt", &pins(&[&odd]));
    insta::assert_snapshot!(told(&harness.succeeds(&HERE)), @"warning[wheel-oddity]: `odd-1-py3-none-any.whl` has 2 modules without source, which are left out: odd/core.pyc, …");
}
