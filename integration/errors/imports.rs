//! Programs that import modules which the image does not have.

use crate::support::harness::{AMD64, CC, Harness, SLIM};

const BUILD: [&str; 6] = [CC, SLIM, AMD64, "--push=false", "--", "shop"];

fn build<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [&[CC, SLIM, AMD64, "--push=false", "--"][..], command].concat()
}

const PROJECT: &str = "[project]\nname = \"shop\"\nversion = \"1\"\nscripts = { shop = \"shop.cli:main\" }\n";

#[test]
fn a_module_that_nothing_provides() {
    let harness = Harness::warm()
        .file("pyproject.toml", PROJECT)
        .file("shop/__init__.py", "")
        .file("shop/cli.py", "from shop import views\n\ndef main():\n    import lazily\n")
        .file("shop/views.py", "import json\nimport yaml.loader\nimport nothere, nothere.too\n");
    insta::assert_snapshot!(harness.fails(&BUILD), @"");
    let waived = "[app]\nallow-missing-imports = [\"yaml\", \"nothere\"]\n";
    let run = harness.file("carboy.toml", waived).succeeds(&BUILD);
    insta::assert_snapshot!(run.stderr.lines().filter(|line| line.contains("lazily")).collect::<Vec<_>>().join("\n"), @"");
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
    insta::assert_snapshot!(harness.fails(&command), @"");
    let harness = harness.file("uv.lock", &lock("optional-dependencies"));
    let text = harness.fails(&command);
    assert!(text.contains("`pyyaml` in the extra `more`, which is left out: set extras = [\"more\"]"), "{text}");
}

#[test]
fn parts_of_the_standard_library_that_are_left_out() {
    let harness = Harness::warm().file("carboy.toml", "[runtime]\nexclude = [\"sqlite3\"]\n");
    let harness = harness.file("main.py", "import sqlite3, json\nimport sys, os.path, xml.parsers.expat.model\n");
    insta::assert_snapshot!(harness.fails(&build(&["python3", "main.py"])), @"");
}

#[test]
fn modules_that_are_not_on_the_module_path() {
    let harness = Harness::warm().file("main.py", "import tools\n").file("libs/tools/__init__.py", "");
    insta::assert_snapshot!(harness.fails(&build(&["python3", "main.py"])), @"");
    let found = "[image]\nenv = { PYTHONPATH = \"/app/libs\" }\n";
    let harness = harness.file("carboy.toml", found);
    harness.succeeds(&build(&["python3", "main.py"]));
    let harness = harness.file("carboy.toml", "").file("main.py", "import sys\nsys.path.append('libs')\nimport tools\n");
    harness.succeeds(&build(&["python3", "main.py"]));
}

/// Every way to make modules importable or to do without them.
#[test]
fn programs_that_run_are_built() {
    let main = "import sys, os.path, json, sub, space.part\nfrom sub import name, deep\n\
                try:\n    import ujson\nexcept ImportError:\n    ujson = None\n\
                if sys.platform == 'win32':\n    import winreg\n\
                sys.modules['made'] = sys\nimport made\nif __name__ == '__main__':\n    print(name)\n";
    let harness = Harness::warm()
        .file("carboy.toml", "[dependencies]\nsite-packages = \"site\"\n")
        .file("main.py", main)
        .file("sub/__init__.py", "from .deep import name\n")
        .file("sub/deep.py", "from . import name as other\nname = 1\n".trim_start_matches("from . import name as other\n"))
        .file("space/part.py", "import typed\n")
        .file("site/typed/__init__.py", "import missing_in_a_distribution\n");
    let run = harness.succeeds(&build(&["python3", "main.py"]));
    insta::assert_snapshot!(run.stderr.lines().filter(|line| line.contains("missing_in")).collect::<Vec<_>>().join("\n"), @"");
    let warm = harness.succeeds(&build(&["python3", "main.py"]));
    let notes = |text: &str| text.lines().filter(|line| line.contains("missing_in")).count();
    assert_eq!(notes(&warm.stderr), notes(&run.stderr), "a warm build tells the same");
}

#[test]
fn a_source_for_another_python() {
    let harness = Harness::warm().file("main.py", "import sub\n").file("sub.py", "x = 1\ntype X = int\n");
    insta::assert_snapshot!(harness.fails(&build(&["python3", "main.py"])), @"");
    harness.file("sub.py", "x = 1\n").succeeds(&build(&["python3", "main.py"]));
}
