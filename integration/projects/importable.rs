//! Modules that the settings of build backends place, and projects with extension modules.

use crate::support::harness::{AMD64, CC, Harness, SLIM};

const HERE: [&str; 3] = [CC, SLIM, AMD64];
const HATCH: &str = "[build-system]\nbuild-backend = \"hatchling.build\"\n[tool.hatch.build.targets.wheel]\n";

/// Builds a project with this table and a script `shop.cli:main` in a directory, and returns the
/// image's output.
fn started(table: &str, folder: &str) -> String {
    let project =
        format!("[project]\nname = \"shop\"\nversion = \"1\"\nscripts = {{ serve = \"shop.cli:main\" }}\n{table}");
    let harness = Harness::warm().file("pyproject.toml", &project).file(&format!("{folder}/__init__.py"), "");
    let code = "def main():\n    print(__name__, __file__)\n";
    harness.file(&format!("{folder}/cli.py"), code).started(&HERE, &[])
}

#[test]
fn modules_are_importable_where_the_settings_have_them() {
    let poetry = "[tool.poetry]\npackages = [{ include = \"shop\", from = \"lib\" }]\n";
    assert_eq!(started(poetry, "lib/shop"), "shop.cli /app/lib/shop/cli.py");
    let sources = format!("{HATCH}only-include = [\"python/shop\"]\nsources = [\"python\"]\n");
    assert_eq!(started(&sources, "python/shop"), "shop.cli /app/python/shop/cli.py");
    // A package with another name than its directory.
    let renamed = "[tool.setuptools]\npackages = [\"shop\"]\npackage-dir = { shop = \"code\" }\n";
    let started = started(renamed, "code");
    assert!(started.starts_with("shop.cli /usr/") && started.ends_with("/site-packages/shop/cli.py"), "{started}");
}

#[test]
fn extension_modules_ask_for_the_projects_wheel() {
    let maturin = "[project]\nname = \"shop\"\nversion = \"1\"\n[build-system]\nrequires = [\"maturin\"]\nbuild-backend = \"maturin\"\n";
    let harness = Harness::warm().file("pyproject.toml", maturin).file("python/shop/__main__.py", "print('started')\n");
    insta::assert_snapshot!(harness.fails(&[&HERE[..], &["--", "python"]].concat()), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[unbuilt-project]: shop has extension modules, which carboy does not compile: its build backend is maturin

    hint: build its wheel for each platform, as with cibuildwheel or `uv build --wheel`, and install it: wheel = "dist/*.whl" under [app]
    "#);
}
