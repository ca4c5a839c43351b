//! Requirements of the project and its distributions that the image lacks.

use crate::folder::{HERE, pins, project, uv_lock};
use crate::support::harness::Harness;
use crate::wheels::Wheel;

fn flask() -> Wheel {
    let flask = Wheel::simple("flask", "3.1.2").requires("Werkzeug>=3.1.0").requires("click>=8 ; os_name == 'posix'");
    flask.requires("asgiref>=3.2; extra == 'async'").requires("colorama; sys_platform == 'win32'")
}

fn with(wheels: &[&Wheel]) -> Harness {
    wheels.iter().fold(project(), |harness, wheel| harness.wheel(wheel))
}

#[test]
fn requirements_in_a_directory_are_not_overlooked() {
    let mut harness = with(&[&flask()]).file("requirements/base.txt", &pins(&[&flask()]));
    let error = harness.fails(&HERE);
    assert!(error.contains("error[no-lock-file]: requirements/base.txt declares flask"), "{error}");
    assert!(error.contains("name it: lock = \"requirements/base.txt\" under [dependencies]"), "{error}");
    let named = ["--lock", "requirements/base.txt", "--allow-missing-requirement=true"];
    assert_eq!(harness.distributions(&[&HERE[..], &named].concat()), "flask 3.1.2");
}

#[test]
fn a_pin_alone_lacks_what_it_requires() {
    let redis = Wheel::simple("redis", "5.0").requires("async-timeout>=4; python_full_version < '3.11.99'");
    let mut harness = with(&[&flask(), &redis]).file("requirements.txt", &pins(&[&flask(), &redis]));
    let refused = harness.fails(&HERE);
    insta::assert_snapshot!(refused, @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-requirement]: linux/amd64: the image lacks required distributions: flask 3.1.2 requires click and werkzeug; redis 5.0 requires async-timeout

    hint: lock them: `uv pip compile requirements.txt --universal --python-version 3.11 -o pylock.toml`; if they are not needed: allow-missing-requirements = ["async-timeout", "click", "werkzeug"] under [dependencies]
    "#);
    harness.verb(&["plan"]);
    assert_eq!(harness.fails(&HERE), refused);
    // A part of them may be missing.
    let allowed = "[dependencies]\nallow-missing-requirements = [\"Click\", \"async_timeout\"]\n";
    let harness = harness.file("carboy.toml", allowed);
    insta::assert_snapshot!(harness.fails(&HERE), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-requirement]: linux/amd64: the image lacks required distributions: flask 3.1.2 requires werkzeug

    hint: lock them: `uv pip compile requirements.txt --universal --python-version 3.11 -o pylock.toml`; if they are not needed: allow-missing-requirements = ["werkzeug"] under [dependencies]
    "#);
    let harness = harness.file("carboy.toml", "[dependencies]\nallow-missing-requirements = true\n");
    harness.succeeds(&HERE);
    let harness = harness.file("carboy.toml", "");
    harness.succeeds(&[&HERE[..], &["--allow-missing-requirement=werkzeug,click,async-timeout"]].concat());
}

/// A module of a distribution that is missing is not reported again, any other is.
#[test]
fn a_missing_distribution_is_told_once() {
    let harness = with(&[&flask()]).file("requirements.txt", &pins(&[&flask()]));
    let refused = harness.file("main.py", "import werkzeug.http, click\nimport other\n").fails(&HERE);
    assert!(refused.contains("error[missing-requirement]") && refused.contains("has no module `other`"), "{refused}");
    assert!(!refused.contains("no module `werkzeug") && !refused.contains("no module `click"), "{refused}");
}

#[test]
fn extras_are_those_that_lines_and_other_requirements_ask_for() {
    let all = [flask(), Wheel::simple("werkzeug", "3.1.0"), Wheel::simple("click", "8.0")];
    let pins = pins(&[&all[0], &all[1], &all[2]]);
    let harness = with(&[&all[0], &all[1], &all[2]]).file("requirements.txt", &pins);
    harness.succeeds(&HERE);
    let harness = harness.file("requirements.txt", &pins.replace("flask==", "flask[async]=="));
    let refused = harness.fails(&HERE);
    assert!(refused.contains("the image lacks required distributions: flask 3.1.2 requires asgiref\n"), "{refused}");
}

#[test]
fn versions_that_a_requirement_excludes_are_told() {
    let (old, click) = (Wheel::simple("werkzeug", "2.3.8"), Wheel::simple("click", "8.0"));
    let harness = with(&[&flask(), &old, &click]).file("requirements.txt", &pins(&[&flask(), &old, &click]));
    insta::assert_snapshot!(harness.warnings(&HERE), @"warning[conflicting-versions]: flask 3.1.2 requires werkzeug>=3.1.0, and the image has werkzeug 2.3.8");
    // A warm build says the same.
    insta::assert_snapshot!(harness.warnings(&HERE), @"warning[conflicting-versions]: flask 3.1.2 requires werkzeug>=3.1.0, and the image has werkzeug 2.3.8");
}

#[test]
fn the_project_requires_what_it_declares() {
    let alpha = Wheel::simple("alpha", "1.0");
    let shop = "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"alpha\", \"beta[x]>2\", \"gamma; os_name == 'nt'\"]\n";
    let harness = with(&[&alpha]).file("requirements.txt", &alpha.pin()).file("pyproject.toml", shop);
    insta::assert_snapshot!(harness.fails(&HERE), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-requirement]: linux/amd64: the image lacks required distributions: shop requires beta

    hint: lock them: `uv pip compile requirements.txt --universal --python-version 3.11 -o pylock.toml`; if they are not needed: allow-missing-requirements = ["beta"] under [dependencies]
    "#);
}

#[test]
fn settings_of_uv_decide_what_is_required() {
    let lock = |manifest: &str| {
        let shop = "dependencies = [{ name = \"flask\" }]\n[package.metadata]\nrequires-dist = [{ name = \"flask\" }]";
        format!("{}{manifest}", uv_lock(shop, &flask().locked()))
    };
    let shop = "[project]\nname = \"shop\"\nversion = \"1.0\"\ndependencies = [\"flask\"]\n";
    let harness = with(&[&flask()]).file("pyproject.toml", shop).file("uv.lock", &lock(""));
    insta::assert_snapshot!(harness.fails(&HERE), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-requirement]: linux/amd64: the image lacks required distributions: flask 3.1.2 requires click and werkzeug

    hint: lock them: `uv add click werkzeug`; if they are not needed: allow-missing-requirements = ["click", "werkzeug"] under [dependencies]
    "#);
    let overrides = "[manifest]\noverrides = [{ name = \"click\", marker = \"sys_platform == 'never'\" }]\n\
                     [[manifest.dependency-metadata]]\nname = \"flask\"\n";
    harness.file("uv.lock", &lock(overrides)).succeeds(&HERE);
}

#[test]
fn a_lock_file_that_is_out_of_date_is_refused() {
    let alpha = Wheel::simple("alpha", "1.0");
    let own = "dependencies = [{ name = \"alpha\" }]\n[package.metadata]\nrequires-dist = [{ name = \"alpha\" }]";
    let shop = "[project]\nname = \"shop\"\nversion = \"1.0\"\ndependencies = [\"alpha\", \"httpx>=0.28\"]\n";
    let mut harness = with(&[&alpha]).file("pyproject.toml", shop).file("uv.lock", &uv_lock(own, &alpha.locked()));
    let refused = harness.fails(&HERE);
    insta::assert_snapshot!(refused, @"
    exit: 2
    -- stdout
    -- stderr
    error[stale-lock-file]: uv.lock is out of date: for `shop`, it lacks httpx>=0.28

    hint: lock again: `uv lock`; to install what is locked: --allow-stale-lock, or allow-stale-lock = true under [dependencies]
    ");
    harness.verb(&["plan"]);
    assert_eq!(harness.fails(&HERE), refused);
    // What the stale file hid is not taken from the cache.
    let hidden = harness.fails(&[&HERE[..], &["--allow-stale-lock"]].concat());
    assert!(hidden.contains("the image lacks required distributions: shop requires httpx\n"), "{hidden}");
    let allowed = "[dependencies]\nallow-missing-requirements = [\"httpx\"]\nallow-stale-lock = true\n";
    let harness = harness.file("carboy.toml", allowed);
    harness.succeeds(&HERE);
    let harness = harness.file("carboy.toml", "[dependencies]\nallow-missing-requirements = [\"httpx\"]\n");
    harness.succeeds(&[&HERE[..], &["--allow-stale-lock"]].concat());
    let refused = harness.env("CARBOY_ALLOW_STALE_LOCK", "false").fails(&HERE);
    assert!(refused.contains("error[stale-lock-file]"), "{refused}");
}

#[test]
fn dependencies_without_a_lock_file_are_refused() {
    let all = "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"Alpha>1\", \"beta\", \"win; os_name == 'nt'\"]\n";
    let mut harness = project().file("pyproject.toml", all);
    let refused = harness.fails(&HERE);
    insta::assert_snapshot!(refused, @"
    exit: 2
    -- stdout
    -- stderr
    error[no-lock-file]: pyproject.toml declares alpha and beta, and there is no lock file

    hint: lock them: `uv lock`; if the image needs none of them: allow-missing-requirements = true under [dependencies]
    ");
    harness.verb(&["plan"]);
    assert_eq!(harness.fails(&HERE), refused);
    let args = ["--allow-missing-requirement=alpha,beta"];
    harness.succeeds(&[&HERE[..], &args].concat());
    let harness = harness.file("carboy.toml", "[dependencies]\nallow-missing-requirements = true\n");
    harness.succeeds(&HERE);
    // Errors that may follow from it are not told.
    let harness = harness.file("carboy.toml", "");
    let refused = harness.fails(&[&HERE[..], &["--", "gunicorn", "shop:app"]].concat());
    assert!(!refused.contains("gunicorn"), "{refused}");
}

#[test]
fn each_tool_makes_its_lock_file() {
    let hint = |files: &[(&str, &str)]| {
        let harness = files.iter().fold(project(), |harness, (name, text)| harness.file(name, text));
        let text = harness.fails(&HERE);
        let (_, rest) = text.split_once("error[no-lock-file]: ").unwrap();
        let (message, rest) = rest.split_once("\n\nhint: lock them: `").unwrap();
        format!("{message}: {}", rest.split('`').next().unwrap())
    };
    let poetry = "[tool.poetry]\nname = \"shop\"\nversion = \"1\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\nalpha = \"1\"\n\
                  [build-system]\nbuild-backend = \"poetry.core.masonry.api\"\n";
    let dynamic = "[project]\nname = \"shop\"\nversion = \"1\"\ndynamic = [\"dependencies\"]\n\
                   [tool.setuptools.dynamic]\ndependencies = { file = [\"requirements/base.txt\"] }\n";
    let found = [
        hint(&[("pyproject.toml", poetry)]),
        hint(&[("pyproject.toml", dynamic), ("requirements/base.txt", "alpha\nbeta>2\n")]),
        hint(&[(
            "setup.py",
            "from setuptools import setup\nsetup(name='shop', version='1', install_requires=['alpha'])\n",
        )]),
        hint(&[("Pipfile", "[packages]\nalpha = \"*\"\n[dev-packages]\nbeta = \"*\"\n")]),
        hint(&[("requirements.in", "# web\nalpha\n")]),
    ];
    insta::assert_snapshot!(found.join("\n"), @"
    pyproject.toml declares alpha, and there is no lock file: poetry lock
    requirements/base.txt declares alpha and beta, and there is no lock file: uv pip compile requirements/base.txt --universal --python-version 3.11 -o pylock.toml
    setup.py declares alpha, and there is no lock file: uv pip compile setup.py --universal --python-version 3.11 -o pylock.toml
    Pipfile declares alpha, and there is no lock file: pipenv lock
    requirements.in declares alpha, and there is no lock file: uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes -o requirements.txt
    ");
    // These declare nothing for the image.
    for (name, text) in [
        ("Pipfile", "[dev-packages]\nbeta = \"*\"\n"),
        ("requirements.in", "# nothing\n"),
        ("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1\"\n[dependency-groups]\ndev = [\"pytest\"]\n"),
    ] {
        assert!(!project().file(name, text).warnings(&HERE).contains("lock"), "{name}");
    }
}

#[test]
fn a_builder_that_the_project_is_not_for() {
    let mut harness = project().file(".python-version", "3.12.4\n");
    insta::assert_snapshot!(harness.warnings(&HERE), @r#"
    warning[python-version]: REGISTRY/python:3.11-slim has Python 3.11.2, and .python-version names 3.12
      hint: leave `builder` out so that .python-version chooses it, or set python = "3.11"
    "#);
    assert_eq!(harness.warnings(&[&HERE[..], &["--python=3.11"]].concat()), "");
    let shop = "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.12\"\n";
    harness = harness.file("pyproject.toml", shop);
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[python-version]: linux/amd64: the project requires Python >=3.12, and REGISTRY/python:3.11-slim has 3.11.2

    hint: choose another Python: --builder python:3.12-slim-trixie; or change `requires-python`
    ");
    // The lock file of such a project excludes the Python too.
    let locked = harness.file("uv.lock", &uv_lock("", "").replace(">=3.9", ">=3.12"));
    let refused = locked.fails(&HERE);
    assert!(refused.contains("the project requires Python >=3.12") && !refused.contains("uv.lock"), "{refused}");
    harness = locked.file("uv.lock", &uv_lock("", ""));
    let poetry = "[tool.poetry.dependencies]\npython = \"^3.11\"\n";
    harness = harness.file("pyproject.toml", poetry).file(".python-version", "3.11\n");
    assert_eq!(harness.warnings(&HERE), "");
}

#[test]
fn a_version_file_that_nobody_wrote_is_missed() {
    let shop = "[build-system]\nrequires = [\"setuptools\", \"setuptools-scm\"]\nbuild-backend = \"setuptools.build_meta\"\n\
                [project]\nname = \"shop\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\nversion_file = \"shop/_version.py\"\n";
    let harness = project()
        .file("pyproject.toml", shop)
        .file("shop/__init__.py", "from shop._version import version\n")
        .file("main.py", "import shop\n");
    let refused = harness.fails(&HERE);
    assert!(
        refused.contains("error[missing-version-file]: linux/amd64: the image has no module `shop._version`"),
        "{refused}"
    );
    assert!(refused.contains("its build backend writes `shop/_version.py`: give the version"), "{refused}");
    harness.succeeds(&[&HERE[..], &["--app-version=1.2.3"]].concat());
    let tool = "def get():\n    from versioningit import get_version\n    return get_version('.')\n\nversion = get()\n";
    let plain = "[project]\nname = \"shop\"\nversion = \"1\"\n";
    let hooks = "import sys\nimport shop\nsys.modules[name()] = shop\n";
    let harness = harness.file("pyproject.toml", plain).file("shop/_version.py", tool).file("main.py", hooks);
    let refused = harness.fails(&HERE);
    assert!(
        refused.contains("error[missing-version-file]: linux/amd64: the image has no module `versioningit`")
            && refused.contains("the build replaces this file: install the project's wheel"),
        "{refused}"
    );
}
