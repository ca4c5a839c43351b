//! The version of the project: from its files, from git tags, or from the user.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::harness::{AMD64, CC, Harness, SLIM};

const HERE: [&str; 3] = [CC, SLIM, AMD64];
/// Prints the version that `importlib.metadata` finds, and that of the version file.
const PRINTS: &str = "from importlib.metadata import version\nfrom shop import _version\n\
                      def main():\n    print(version('shop'), _version.version)\n";

fn git(folder: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main"]);
    command.env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z").env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z");
    let output = command.arg("-C").arg(folder).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with a tag and two commits after it.
fn repository(harness: Harness) -> Harness {
    let folder = harness.project();
    git(&folder, &["init", "-q"]);
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "-qm", "one"]);
    git(&folder, &["tag", "-am", "x", "v1.2.3"]);
    git(&folder, &["commit", "-qm", "two", "--allow-empty"]);
    git(&folder, &["commit", "-qm", "three", "--allow-empty"]);
    harness
}

fn vcs(tool: &str) -> Harness {
    let pyproject = format!(
        "[project]\nname = \"shop\"\ndynamic = [\"version\"]\n[project.scripts]\nserve = \"shop.cli:main\"\n{tool}"
    );
    Harness::warm().file("pyproject.toml", &pyproject).file("src/shop/__init__.py", "").file("src/shop/cli.py", PRINTS)
}

const HATCH: &str = "[build-system]\nbuild-backend = \"hatchling.build\"\n[tool.hatch.version]\nsource = \"vcs\"\n\
                     [tool.hatch.build.hooks.vcs]\nversion-file = \"src/shop/_version.py\"\n";
const SETUPTOOLS: &str = "[build-system]\nbuild-backend = \"setuptools.build_meta\"\n[tool.setuptools_scm]\n\
                          version_file = \"src/shop/_version.py\"\nversion_file_template = \"version = '{version}'\"\n\
                          local_scheme = \"no-local-version\"\n";

#[test]
fn git_tags_give_the_version_and_the_version_file() {
    let harness = repository(vcs(HATCH));
    let started = harness.started(&HERE, &[]);
    let (metadata, file) = started.split_once(' ').unwrap();
    assert!(metadata.starts_with("1.2.4.dev2+g") && metadata.len() == "1.2.4.dev2+g012345678".len(), "{started}");
    assert_eq!(file, metadata);
    assert!(!harness.project().join("src/shop/_version.py").exists(), "the project's directory is left as it is");
    assert_eq!(harness.warnings(&HERE), "");
    git(&harness.project(), &["tag", "v1.3"]);
    assert_eq!(harness.started(&HERE, &[]), "1.3 1.3");
    let harness = repository(vcs(SETUPTOOLS));
    assert_eq!(harness.started(&HERE, &[]), "1.2.4.dev2 1.2.4.dev2");
}

#[test]
fn the_user_gives_the_version() {
    let harness = vcs(SETUPTOOLS).env("SETUPTOOLS_SCM_PRETEND_VERSION", "5.0");
    assert_eq!(harness.started(&HERE, &[]), "5.0 5.0");
    let harness = harness.env("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SHOP", "5.1");
    assert_eq!(harness.started(&HERE, &[]), "5.1 5.1");
    let harness = harness.file("carboy.toml", "[app]\nversion = \"6.0\"\n");
    assert_eq!(harness.started(&HERE, &[]), "6.0 6.0");
    assert_eq!(harness.started(&[&HERE[..], &["--app-version", "7.0rc1"]].concat(), &[]), "7.0rc1 7.0rc1");
    insta::assert_snapshot!(harness.fails(&["--app-version", "x"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: `--app-version` is `x`, not a version

    hint: write a version such as 1.2.3 or 1.2.3rc1 (PEP 440)
    ");
    let harness = harness.file("carboy.toml", "[app]\nversion = \"newest\"\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:2: `app.version` is `newest`, not a version

    hint: write a version such as 1.2.3 or 1.2.3rc1 (PEP 440)
    ");
}

#[test]
fn a_version_in_a_file_is_read_as_a_literal() {
    let code = "from importlib.metadata import version\ndef main():\n    print(version('shop'))\n";
    let of = |pyproject: &str, file: &str, text: &str| {
        let all = format!(
            "[project]\nname = \"shop\"\ndynamic = [\"version\"]\n[project.scripts]\nserve = \"shop.cli:main\"\n{pyproject}"
        );
        let harness =
            Harness::warm().file("shop/__init__.py", "").file("shop/cli.py", code).file("pyproject.toml", &all);
        harness.file(file, text).started(&HERE, &[])
    };
    let attr = "[tool.setuptools.dynamic]\nversion = { attr = \"shop.about.VERSION\" }\n";
    assert_eq!(of(attr, "shop/about.py", "VERSION = (1, 2)\n"), "1.2");
    let hatch = "[build-system]\nbuild-backend = \"hatchling.build\"\n[tool.hatch.version]\npath = \"shop/about.py\"\n";
    assert_eq!(of(hatch, "shop/about.py", "__version__ = 'v1.3'\n"), "1.3");
    assert_eq!(of("", "setup.cfg", "[metadata]\nversion = 1.4\n"), "1.4");
    assert_eq!(of("", "setup.py", "from setuptools import setup\nsetup(version='1.5')\n"), "1.5");
    let flit = "[build-system]\nbuild-backend = \"flit_core.buildapi\"\n";
    assert_eq!(of(flit, "shop/__init__.py", "__version__ = '1.6'\n"), "1.6");
}

#[test]
fn a_version_that_setup_py_computes_is_followed_or_told() {
    let code = "from importlib.metadata import version\ndef main():\n    print(version('shop'))\n";
    let of = |version: &str| {
        let setup = format!(
            "import os, re\nfrom setuptools import setup\nsetup(name='shop', version={version}, packages=['shop'],\n\
             entry_points={{'console_scripts': ['serve = shop.cli:main']}})\n"
        );
        let harness = Harness::warm().file("shop/__init__.py", "__version__ = '2.1'\n").file("shop/cli.py", code);
        harness.file("VERSION", "1.4\n").file("setup.py", &setup)
    };
    assert_eq!(of("open('VERSION').read().strip() + '.post1'").started(&HERE, &[]), "1.4.post1");
    let found = "re.search(r\"__version__ = '(.*)'\", open('shop/__init__.py').read()).group(1)";
    assert_eq!(of(found).started(&HERE, &[]), "2.1");
    let unknown = of("os.environ.get('VERSION', '1')");
    let told = unknown.warnings(&HERE);
    assert!(told.contains("`version` in setup.py may depend on the machine that builds"), "{told}");
}

#[test]
fn tools_over_dunamai_and_versioneer_read_tags() {
    let asks = "from importlib.metadata import version\nprint(version('shop'))\n";
    let of = |pyproject: &str| {
        let harness = Harness::warm().file("pyproject.toml", pyproject).file("shop/__init__.py", "");
        repository(harness.file("shop/__main__.py", asks)).started(&HERE, &[])
    };
    let uv = "[project]\nname = \"shop\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [\"hatchling\", \"uv-dynamic-versioning\"]\n\
              build-backend = \"hatchling.build\"\n[tool.hatch.version]\nsource = \"uv-dynamic-versioning\"\n";
    let version = of(uv);
    assert!(version.starts_with("1.2.3.post2.dev0+"), "{version}");
    assert_eq!(of(&format!("{uv}[tool.uv-dynamic-versioning]\nbump = true\nmetadata = false\n")), "1.2.4.dev2");
    let poetry = "[tool.poetry]\nname = \"shop\"\nversion = \"0.0.0\"\n[build-system]\nbuild-backend = \"poetry_dynamic_versioning.backend\"\n\
                  [tool.poetry-dynamic-versioning]\nenable = true\nmetadata = false\n";
    assert_eq!(of(poetry), "1.2.3.post2.dev0");
    let versioneer = "[project]\nname = \"shop\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [\"setuptools\", \"versioneer[toml]\"]\n\
                      build-backend = \"setuptools.build_meta\"\n[tool.versioneer]\nVCS = \"git\"\nstyle = \"pep440\"\n\
                      versionfile_source = \"shop/_version.py\"\ntag_prefix = \"v\"\n";
    let version = of(versioneer);
    assert!(version.starts_with("1.2.3+2.g") && version.len() == "1.2.3+2.g0123456".len(), "{version}");
}

#[test]
fn repositories_without_a_tag_or_without_their_history_are_told() {
    let harness = vcs(SETUPTOOLS);
    git(&harness.project(), &["init", "-q"]);
    git(&harness.project(), &["add", "."]);
    git(&harness.project(), &["commit", "-qm", "one"]);
    assert_eq!(harness.started(&HERE, &[]), "0.1.dev1 0.1.dev1");
    insta::assert_snapshot!(harness.warnings(&HERE), @"
    warning[version-doubt]: the version is 0.1.dev1, because the repository has no tag for it
      hint: fetch the tags, or make one: git fetch --tags, or git tag v1.0.0
    ");
    let whole = repository(vcs(SETUPTOOLS));
    let shallow = harness.file("x", "");
    fs::remove_dir_all(shallow.project()).unwrap();
    let from = format!("file://{}", whole.project().display());
    git(shallow.folder(), &["clone", "-q", "--depth=1", &from, "project"]);
    insta::assert_snapshot!(shallow.warnings(&[&HERE[..], &["--", "python"]].concat()), @r#"
    warning[no-metadata]: importlib.metadata does not find shop: its version is not known: it comes from the tags of the git repository, of which only a shallow clone without a tag is here
      hint: fetch the history and the tags: git fetch --unshallow --tags; or give it: --app-version 1.2.3, or version = "1.2.3" under [app]; or install the project's wheel: wheel = "dist/*.whl" under [app]
    "#);
}

#[test]
fn a_project_that_asks_for_its_version_needs_one() {
    let dynamic = "[project]\nname = \"My-Shop\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [\"hatchling\", \"uv-dynamic-versioning\"]\n\
                   build-backend = \"hatchling.build\"\n[tool.hatch.version]\nsource = \"uv-dynamic-versioning\"\n";
    let asks = "from importlib.metadata import version\n__version__ = version(__package__)\n";
    let harness = Harness::warm().file("pyproject.toml", dynamic).file("my_shop/__init__.py", asks);
    let harness = harness.file("my_shop/__main__.py", "import my_shop\nprint(my_shop.__version__)\n");
    insta::assert_snapshot!(harness.fails(&HERE), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[no-metadata]: `my_shop/__init__.py` asks importlib.metadata for My-Shop, whose version is not known: it comes from the tags of a git repository, and there is none

    hint: give it: --app-version 1.2.3, or version = "1.2.3" under [app]; or install the project's wheel: wheel = "dist/*.whl" under [app]
    "#);
    assert_eq!(harness.started(&[&HERE[..], &["--app-version=2.0"]].concat(), &[]), "2.0");
    let harness = harness.file(
        "my_shop/__init__.py",
        &format!("try:\n    {}\nexcept Exception:\n    __version__ = '?'\n", asks.trim().replace('\n', "\n    ")),
    );
    assert_eq!(harness.started(&HERE, &[]), "?");
    insta::assert_snapshot!(harness.warnings(&HERE), @r#"
    warning[no-metadata]: importlib.metadata does not find My-Shop: its version is not known: it comes from the tags of a git repository, and there is none
      hint: give it: --app-version 1.2.3, or version = "1.2.3" under [app]; or install the project's wheel: wheel = "dist/*.whl" under [app]
    "#);
}
