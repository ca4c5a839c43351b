//! Members of a uv workspace, built from its root.

use crate::folder::HERE;
use crate::support::harness::Harness;
use crate::wheels::Wheel;

/// A workspace without a project at its root: `web` needs `core` and alpha, `core` needs `base`,
/// `jobs` needs beta.
fn workspace() -> Harness {
    let member = |name: &str, more: &str| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ editable = \"packages/{name}\" }}\n{more}\n\n"
        )
    };
    let (alpha, beta) = (Wheel::simple("alpha", "1.0"), Wheel::simple("beta", "2.0"));
    let packages = [
        alpha.locked(),
        beta.locked(),
        member("base", ""),
        member("core", "dependencies = [{ name = \"base\" }]"),
        member("jobs", "dependencies = [{ name = \"beta\" }]"),
        member("web", "dependencies = [{ name = \"alpha\" }, { name = \"core\" }]"),
    ];
    let members = "[manifest]\nmembers = [\"base\", \"core\", \"jobs\", \"web\"]\n\n";
    let lock = format!("version = 1\nrevision = 3\nrequires-python = \">=3.9\"\n\n{members}{}", packages.concat());
    let project = |name: &str, more: &str| format!("[project]\nname = \"{name}\"\nversion = \"1\"\n{more}");
    let code = "from importlib.metadata import distributions, version\nimport base, core, web\n\
                def main():\n    print(version('web'), core.WHO, base.WHO, sorted(one.name for one in distributions()))\n";
    let dynamic = "[project]\nname = \"core\"\ndynamic = [\"version\"]\ndependencies = [\"base\"]\n\
                   [tool.setuptools.dynamic]\nversion = { attr = \"core.V\" }\n";
    let harness = crate::folder::project().wheel(&alpha).wheel(&beta);
    harness
        .file("uv.lock", &lock)
        .file("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"packages/*\"]\n")
        .file("packages/base/pyproject.toml", &project("base", ""))
        .file("packages/base/src/base/__init__.py", "WHO = 'base'\n")
        .file("packages/core/pyproject.toml", dynamic)
        .file("packages/core/src/core/__init__.py", "WHO = 'core'\nV = '1'\n")
        .file("packages/jobs/pyproject.toml", &project("jobs", ""))
        .file("packages/jobs/src/jobs/__main__.py", "print('jobs')\n")
        .file("packages/web/pyproject.toml", &project("web", "[project.scripts]\nserve = \"web.cli:main\"\n"))
        .file("packages/web/src/web/__init__.py", "")
        .file("packages/web/src/web/cli.py", code)
}

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [&HERE[..], more].concat()
}

#[test]
fn a_member_is_built_as_if_its_directory_were_the_project() {
    let harness = workspace();
    let started = harness.started(&with(&["--member", "Web"]), &[]);
    assert_eq!(started, "1 core base ['alpha', 'base', 'core', 'web']");
    assert_eq!(
        harness.started(
            &with(&["--member=web", "--", "python", "-c", "import os; print(sorted(os.listdir('/app')))"]),
            &[]
        ),
        "['pyproject.toml', 'src']"
    );
    assert_eq!(harness.started(&with(&["--member=jobs"]), &[]), "jobs");
    let harness = harness.env("CARBOY_MEMBER", "jobs");
    assert_eq!(harness.started(&HERE, &[]), "jobs");
    let harness = workspace().file("carboy.toml", "[dependencies]\nmember = \"web\"\n");
    assert_eq!(harness.started(&HERE, &[]), started);
    assert_eq!(harness.started(&with(&["--member", "jobs"]), &[]), "jobs");
}

#[test]
fn the_configuration_is_the_roots_or_else_the_members() {
    let own = "[app]\nto = \"/own\"\n[image]\nentrypoint = [\"python\", \"-c\", \"import os; print(os.getcwd())\"]\n";
    let harness = workspace().file("packages/web/carboy.toml", own);
    assert_eq!(harness.started(&with(&["--member=web"]), &[]), "/own");
    let harness = harness.file("carboy.toml", &own.replace("/own", "/other"));
    assert_eq!(harness.started(&with(&["--member=web"]), &[]), "/other");
}

#[test]
fn unknown_members_are_errors_that_list_the_members() {
    let harness = workspace();
    insta::assert_snapshot!(harness.fails(&with(&["--member", "wep"])), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: uv.lock: has no member `wep`

    hint: did you mean `web`? it has `base`, `core`, `jobs`, `web`
    ");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: uv.lock: belongs to a workspace without a project at its root

    hint: choose a member with --member, or member under [dependencies]: `base`, `core`, `jobs`, `web`
    ");
    let alone = Harness::alone().file("main.py", "");
    insta::assert_snapshot!(alone.fails(&with(&["--member", "web"])), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `--member` needs a lock file, and there is none

    hint: make one beside the configuration: uv lock; or name it: lock = "FILE" under [dependencies]
    "#);
}

/// After `uv build --wheel --all-packages`, `dist` has a wheel of each member.
#[test]
fn wheels_of_members_replace_their_files() {
    let core = Wheel::new("core", "1").file("core.py", "WHO = 'wheel'\n");
    let jobs = Wheel::new("jobs", "1").file("jobs.py", "");
    let harness = workspace().file("carboy.toml", "[app]\nwheel = \"dist/*.whl\"\n");
    for wheel in [&core, &jobs] {
        wheel.write(&harness.project().join("dist"));
    }
    let started = harness.started(&with(&["--member=web"]), &[]);
    assert_eq!(started, "1 wheel base ['alpha', 'base', 'core', 'web']");
    let program =
        "import core\nfrom importlib.metadata import version\ndef main():\n    print(core.WHO, version('web'))\n";
    let web = Wheel::new("web", "9").file("web/__init__.py", "").file("web/cli.py", program);
    web.entry_points("[console_scripts]\nserve = web.cli:main\n").write(&harness.project().join("dist"));
    assert_eq!(harness.started(&with(&["--member=web"]), &[]), "wheel 9");
}

#[test]
fn files_of_a_member_are_listed_beside_the_wheels_of_others() {
    let mut harness = workspace().file("carboy.toml", "[app]\nwheel = \"dist/*.whl\"\n");
    Wheel::new("core", "1").file("core.py", "").write(&harness.project().join("dist"));
    harness.verb(&["plan"]);
    let listed = |harness: &Harness| harness.succeeds(&with(&["--member=web", "--files"])).stdout;
    let of_core = listed(&harness);
    assert!(of_core.contains("dist/core-1-py3-none-any.whl  [[app] wheel]"), "{of_core}");
    assert!(of_core.contains("packages/web/src/web/cli.py"), "{of_core}");
    Wheel::new("web", "9").file("web/__init__.py", "").write(&harness.project().join("dist"));
    let of_both = listed(&harness);
    assert!(of_both.contains("dist/web-9-py3-none-any.whl") && !of_both.contains("cli.py"), "{of_both}");
}
