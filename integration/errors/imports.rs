//! Programs that import modules which the image does not have.

use crate::support::harness::{AMD64, CC, Harness, Run, SLIM};

const BUILD: [&str; 6] = [CC, SLIM, AMD64, "--push=false", "--", "shop"];

fn build<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [&[CC, SLIM, AMD64, "--push=false", "--"][..], command].concat()
}

/// Returns the note of a build, with its lines joined.
fn note(run: &Run) -> String {
    let lines = run.stderr.lines().skip_while(|line| !line.starts_with("note:"));
    let first = lines.clone().take(1);
    let others = lines.skip(1).take_while(|line| line.starts_with("  "));
    first.chain(others).map(str::trim).collect::<Vec<_>>().join(" ")
}

const PROJECT: &str = "[project]\nname = \"shop\"\nversion = \"1\"\nscripts = { shop = \"shop.cli:main\" }\n";

#[test]
fn a_module_that_nothing_provides() {
    let harness = Harness::warm()
        .file("pyproject.toml", PROJECT)
        .file("shop/__init__.py", "")
        .file("shop/cli.py", "from shop import views\n\ndef main():\n    import lazily\n")
        .file("shop/views.py", "import json\nimport yaml.loader\nimport nothere, nothere.too\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @r#"
    exit: 1
    -- stdout
    -- stderr
    2 errors:
    error[missing-import]: linux/amd64: the image has no module `nothere`, which `/app/shop/views.py` imports in line 3 (reached through /usr/local/bin/shop → shop.cli → shop.views)
    error[missing-import]: linux/amd64: the image has no module `yaml`, which `/app/shop/views.py` imports in line 2 (reached through /usr/local/bin/shop → shop.cli → shop.views)

    hint: add the distribution that provides `nothere` to the project's dependencies and lock them again; if the program runs without: allow-missing-imports = ["nothere", "yaml"] under [app]
    hint: add `pyyaml` to the project's dependencies and lock them again; if the program runs without: allow-missing-imports = ["nothere", "yaml"] under [app]
    "#);
    let waived = "[app]\nallow-missing-imports = [\"yaml\", \"nothere\"]\n";
    let run = harness.file("carboy.toml", waived).succeeds(&BUILD);
    insta::assert_snapshot!(note(&run), @"note: the program may need a module that the image does not have: `lazily` (/app/shop/cli.py:4)");
}

#[test]
fn many_modules_are_one_error() {
    let harness = Harness::warm().file("main.py", "import one, two, yaml\nimport three\nimport four.five\n");
    insta::assert_snapshot!(harness.fails(&build(&["python3", "main.py"])), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-import]: linux/amd64: the image has no modules that the program imports: `four` (/app/main.py:3), `one` (/app/main.py:1), `three` (/app/main.py:2), `two` (/app/main.py:1) and `yaml` (/app/main.py:1)

    hint: add the distributions that provide them to the project's dependencies and lock them again; if the program runs without: allow-missing-imports = ["four", "one", "three", "two", "yaml"] under [app]
    "#);
}

#[test]
fn a_distribution_of_a_group_that_is_left_out() {
    let lock = |group: &str| {
        format!(
            "version = 1\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"shop\"\nversion = \"1\"\n\
             source = {{ virtual = \".\" }}\n\n[package.{group}]\nmore = [{{ name = \"pyyaml\" }}]\n\n[[package]]\n\
             name = \"pyyaml\"\nversion = \"6.0\"\nsource = {{ registry = \"https://pypi.org/simple\" }}\n\
             wheels = [{{ url = \"https://h.invalid/PyYAML-6.0-py3-none-any.whl\", hash = \"sha256:{}\" }}]\n",
            "0".repeat(64)
        )
    };
    let harness = Harness::warm().file("main.py", "import yaml\n").file("pyproject.toml", PROJECT);
    let harness = harness.file("shop/cli.py", "");
    let command = build(&["python3", "main.py"]);
    let harness = harness.file("uv.lock", &lock("dev-dependencies"));
    insta::assert_snapshot!(harness.fails(&command), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-import]: linux/amd64: the image has no module `yaml`, which `/app/main.py` imports in line 1

    hint: uv.lock has `pyyaml` in the group `more`, which is left out: move it to the project's dependencies, or set groups = ["more"] under [dependencies]; if the program runs without: allow-missing-imports = ["yaml"] under [app]
    "#);
    let harness = harness.file("uv.lock", &lock("optional-dependencies"));
    let text = harness.fails(&command);
    assert!(text.contains("`pyyaml` in the extra `more`, which is left out: set extras = [\"more\"]"), "{text}");
}

#[test]
fn parts_of_the_standard_library_that_are_left_out() {
    let harness = Harness::warm().file("carboy.toml", "[runtime]\nexclude = [\"sqlite3\"]\n");
    let harness = harness.file("main.py", "import sqlite3, json\nimport sys, os.path, xml.parsers.expat.model\n");
    insta::assert_snapshot!(harness.fails(&build(&["python3", "main.py"])), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-import]: linux/amd64: the image has no module `sqlite3`, which `/app/main.py` imports in line 1

    hint: `sqlite3` is a part of the standard library that `exclude` under [runtime] or carboy leaves out; if the program runs without: allow-missing-imports = ["sqlite3"] under [app]
    "#);
}

#[test]
fn modules_that_are_not_on_the_module_path() {
    let harness = Harness::warm().file("main.py", "import tools\n").file("libs/tools/__init__.py", "");
    insta::assert_snapshot!(harness.fails(&build(&["python3", "main.py"])), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[missing-import]: linux/amd64: the image has no module `tools`, which `/app/main.py` imports in line 1

    hint: the image has `/app/libs/tools/__init__.py`, but Python does not search `/app/libs`: env = { PYTHONPATH = "/app/libs" } under [image]; if the program runs without: allow-missing-imports = ["tools"] under [app]
    "#);
    let found = "[image]\nenv = { PYTHONPATH = \"/app/libs\" }\n";
    let harness = harness.file("carboy.toml", found);
    harness.succeeds(&build(&["python3", "main.py"]));
    let harness =
        harness.file("carboy.toml", "").file("main.py", "import sys\nsys.path.append('libs')\nimport tools\n");
    harness.succeeds(&build(&["python3", "main.py"]));
}

/// Every way to make modules importable or to do without them.
#[test]
fn programs_that_run_are_built() {
    let main = "import sys, os.path, json, sub, space.part, __main__\nfrom sub import name, deep\n\
                from config import settings\n\
                try:\n    import ujson\nexcept ImportError:\n    ujson = None\n\
                if sys.platform == 'win32':\n    import winreg\n\
                sys.modules['made'] = sys\nimport made\nif __name__ == '__main__':\n    print(name)\n";
    let harness = Harness::warm()
        .file("carboy.toml", "[dependencies]\nsite-packages = \"site\"\n[image]\nvolumes = [\"/app/config\"]\n")
        .file("main.py", main)
        .file("sub/__init__.py", "from .deep import name\n")
        .file("sub/deep.py", "name = 1\n")
        .file("space/part.py", "import typed\n")
        .file("site/typed/__init__.py", "import missing_in_a_distribution\n");
    let run = harness.succeeds(&build(&["python3", "main.py"]));
    insta::assert_snapshot!(note(&run), @"note: the program may need a module that the image does not have: `missing_in_a_distribution` (/usr/local/lib/python3.11/site-packages/typed/__init__.py:1)");
    let warm = harness.succeeds(&build(&["python3", "main.py"]));
    assert_eq!(note(&warm), note(&run), "a warm build tells the same");
}

#[test]
fn a_source_for_another_python() {
    let harness = Harness::warm().file("main.py", "import sub\n").file("sub.py", "x = 1\ntype X = int\n");
    insta::assert_snapshot!(harness.fails(&build(&["python3", "main.py"])), @"
    exit: 1
    -- stdout
    -- stderr
    error[syntax-error]: linux/amd64: `/app/sub.py` has a syntax error for Python 3.11 in line 2: Cannot use `type` alias statement on Python 3.11 (syntax was added in Python 3.12) (reached through /app/main.py → sub)
    ");
    harness.file("sub.py", "x = 1\n").succeeds(&build(&["python3", "main.py"]));
}
