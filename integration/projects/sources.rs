//! Workspace members, path and editable sources; what has to be built.

use std::fs;

use crate::folder::{HERE, project, tar_gz, uv_lock};
use crate::support::harness::Harness;
use crate::wheels::Wheel;

/// Prints the versions that importlib.metadata finds, and what `lib` says.
const MAIN: &str = "from importlib.metadata import version\nimport lib\nprint(version('lib'), lib.TEXT)\n";
const FACTS: &str = "name = \"lib\"\nversion = \"4.2\"\n";

/// `shop`, which needs what is in `libs/lib`.
fn with_lib(source: &str) -> Harness {
    let package = format!("[[package]]\nname = \"lib\"\nversion = \"4.2\"\nsource = {{ {source} = \"libs/lib\" }}\n");
    project()
        .file("uv.lock", &uv_lock("dependencies = [{ name = \"lib\" }]", &package))
        .file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0\"\ndependencies = [\"lib\"]\n")
        .file("carboy.toml", "[app]\nexclude = [\"libs\"]\n")
        .file("main.py", MAIN)
}

#[test]
fn pure_python_is_installed_from_its_files_wherever_its_backend_has_them() {
    let standard = |name: &str, table: &str| format!("[project]\nname = \"{name}\"\nversion = \"4.2\"\n{table}");
    let projects = [
        ("a", "editable", standard("a", ""), "src/a/__init__.py"),
        ("b", "directory", standard("b", ""), "b.py"),
        (
            "c",
            "editable",
            standard("c", "[tool.hatch.build.targets.wheel]\npackages = [\"python/c\"]\n"),
            "python/c/__init__.py",
        ),
        ("d", "editable", standard("d", "[tool.setuptools.packages.find]\nwhere = [\"code\"]\n"), "code/d/__init__.py"),
        (
            "e",
            "directory",
            standard("e", "[tool.uv.build-backend]\nmodule-name = \"e\"\nmodule-root = \"\"\n"),
            "e/__init__.py",
        ),
        (
            "f",
            "directory",
            "[tool.poetry]\nname = \"f\"\nversion = \"4.2\"\npackages = [{ include = \"f\", from = \"there\" }]\n"
                .to_owned(),
            "there/f/__init__.py",
        ),
    ];
    let table = |(name, source, _, _): &(&str, &str, String, &str)| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"4.2\"\nsource = {{ {source} = \"libs/{name}\" }}\n")
    };
    let needs = projects.each_ref().map(|(name, ..)| format!("{{ name = \"{name}\" }}")).join(", ");
    let packages: String = projects.iter().map(table).collect();
    let code = "from importlib.metadata import version\nimport a, b, c, d, e, f\n\
                print(*(f'{m.TEXT}={version(m.__name__)}' for m in (a, b, c, d, e, f)))\n";
    let mut harness = project()
        .file("uv.lock", &uv_lock(&format!("dependencies = [{needs}]"), &packages))
        .file("carboy.toml", "[app]\nexclude = [\"libs\"]\n")
        .file("main.py", code);
    for (name, _, pyproject, file) in &projects {
        harness = harness
            .file(&format!("libs/{name}/pyproject.toml"), pyproject)
            .file(&format!("libs/{name}/{file}"), &format!("TEXT = '{name}'\n"));
    }
    assert_eq!(harness.started(&HERE, &[]), "a=4.2 b=4.2 c=4.2 d=4.2 e=4.2 f=4.2");
}

#[test]
fn scripts_and_entry_points_come_with_it_and_ignored_files_do_not() {
    let table = "[project.scripts]\nlib-hello = \"lib:hello\"\n[project.entry-points.plugs]\none = \"lib:hello\"\n";
    let mut harness = with_lib("editable")
        .file("libs/lib/pyproject.toml", &format!("[project]\n{FACTS}{table}"))
        .file("libs/lib/.gitignore", "secret.py\n")
        .file("libs/lib/src/lib/secret.py", "")
        .file("libs/lib/src/lib/notes.txt", "")
        .file("libs/lib/tests/test_lib.py", "")
        .file("libs/lib/src/lib/__init__.py", "TEXT = 'x'\ndef hello():\n    print('hello')\n");
    assert_eq!(harness.started(&[&HERE[..], &["--", "lib-hello"]].concat(), &[]), "hello");
    let code = "from importlib.metadata import distribution, entry_points\n\
                print(sorted(str(file) for file in distribution('lib').files), [e.load().__name__ for e in entry_points(group='plugs')])";
    let world_args = [&HERE[..], &["--", "python", "-c", code]].concat();
    let want = "['../../../bin/lib-hello', 'lib-4.2.dist-info/INSTALLER', 'lib-4.2.dist-info/METADATA', \
                'lib-4.2.dist-info/RECORD', 'lib-4.2.dist-info/entry_points.txt', 'lib/__init__.py', 'lib/notes.txt'] ['hello']";
    assert_eq!(harness.started(&world_args, &[]), want);
    harness.verb(&["why", "lib/notes.txt"]);
    insta::assert_snapshot!(harness.succeeds(&HERE).stdout, @"lib/notes.txt (lib 4.2) ← dependencies");
    harness.verb(&["why", "/usr/local/bin/lib-hello"]);
    insta::assert_snapshot!(harness.succeeds(&HERE).stdout, @"/usr/local/bin/lib-hello (lib 4.2) ← dependencies");
}

#[test]
fn one_that_has_to_be_built_is_taken_from_a_wheelhouse() {
    let harness = with_lib("directory")
        .file("libs/lib/pyproject.toml", &format!("[project]\n{FACTS}[build-system]\nbuild-backend = \"maturin\"\n"))
        .file("libs/lib/src/lib.rs", "");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[unbuilt-project]: linux/amd64: cannot install lib from `libs/lib`: it is not pure Python: its build backend is maturin

    hint: build a wheel of it into a wheelhouse: uv build --wheel --out-dir wheels
    ");
    let harness = harness.wheel(&Wheel::new("lib", "4.2").file("lib.py", "TEXT = 'built'\n"));
    assert_eq!(harness.started(&HERE, &[]), "4.2 built");
}

/// Sdists and repositories alike.
#[test]
fn what_is_only_source_is_taken_from_a_wheelhouse() {
    let hash = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let packages = format!(
        "[[package]]\nname = \"lib\"\nversion = \"4.2\"\nsource = {{ git = \"https://git.invalid/lib?rev=v1#0123456789abcdef0123456789abcdef01234567\" }}\n\n\
         [[package]]\nname = \"old\"\nversion = \"0.1\"\nsource = {{ registry = \"https://index.invalid/simple\" }}\n\
         sdist = {{ url = \"https://index.invalid/old-0.1.tar.gz\", hash = \"{hash}\", size = 0 }}\n"
    );
    let harness = project()
        .file("uv.lock", &uv_lock("dependencies = [{ name = \"lib\" }, { name = \"old\" }]", &packages))
        .file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0\"\n")
        .file("main.py", MAIN);
    tar_gz(&harness.project().join("wheels"), "old-0.1.tar.gz");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    2 errors:
    error[no-wheel]: linux/amd64: no wheel of lib 4.2 for Python 3.11, glibc 2.36: it comes from https://git.invalid/lib by git, and no wheelhouse has one that fits
    error[no-wheel]: linux/amd64: no wheel of old 0.1 for Python 3.11, glibc 2.36: there is an sdist old-0.1.tar.gz only; it cannot be fetched: `index` is false

    hint: build them on linux/amd64 with Python 3.11, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels git+https://git.invalid/lib@0123456789abcdef0123456789abcdef01234567 old==0.1
    ");
    let harness = harness
        .wheel(&Wheel::new("lib", "4.2").file("lib.py", "import old\nTEXT = old.VERSION\n"))
        .wheel(&Wheel::simple("old", "0.1"));
    assert_eq!(harness.started(&HERE, &[]), "4.2 0.1");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let harness = with_lib("directory");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: linux/amd64: cannot use lib: there is no directory `libs/lib`
    ");
    fs::create_dir_all(harness.project().join("libs/lib")).unwrap();
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-project]: linux/amd64: cannot install lib from `libs/lib`: it has no `[project]` with a name

    hint: build a wheel of it into a wheelhouse: uv build --wheel --out-dir wheels
    ");
    let harness = harness.file("libs/lib/pyproject.toml", "[project]\nname = \"other\"\nversion = \"1\"\n");
    insta::assert_snapshot!(harness.fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[invalid-project]: linux/amd64: cannot install lib from `libs/lib`: it is called `other` in its pyproject.toml
    ");
}
