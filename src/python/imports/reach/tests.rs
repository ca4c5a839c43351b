use super::super::testing::Project;
use super::super::verdict::{Judge, Verdict};
use super::*;

/// Returns the missing modules of a program: `!` for those that stop it, `?` for doubtful ones.
fn missing_of(files: &[(&str, &str)], starts: &[Start]) -> String {
    let project = Project::new(files);
    let search = project.search(&["app", "lib", "site"]);
    let reached = reach(&project, &search, starts, None);
    let judge = Judge::new(&project, &search, &reached, false);
    let told = |missing: &MissingImport| match judge.verdict(missing) {
        Verdict::Fatal => Some(format!("!{}", missing.module)),
        Verdict::Doubtful => Some(format!("?{}", missing.module)),
        Verdict::Unknown => None,
    };
    reached.missing.iter().filter_map(told).collect::<Vec<_>>().join(" ")
}

fn script(files: &[(&str, &str)]) -> String {
    missing_of(files, &[Start::Script(RootPath::new("app/main.py").unwrap())])
}

#[test]
fn missing_modules_are_found_through_packages() {
    for (files, want) in [
        (&[("app/main.py", "import nothere\n")][..], "!nothere"),
        (&[("app/main.py", "import a.b\n"), ("app/a/__init__.py", ""), ("app/a/b.py", "import x")], "!x"),
        (&[("app/main.py", "import a.b\n"), ("app/a/__init__.py", "import x"), ("app/a/b.py", "")], "!x"),
        (&[("app/main.py", "from a import b, c\n"), ("app/a/__init__.py", ""), ("app/a/b.py", "import x")], "!x"),
        (&[("app/main.py", "import a.b.c\n"), ("app/a/__init__.py", "")], "!a.b"),
        (&[("app/main.py", "import a.b\n"), ("app/a.py", "")], "!a.b"),
        (&[("app/main.py", "import a\n"), ("app/a/__init__.py", "from .b import *\nfrom ..c import d\n")], "!a.b"),
        (
            &[
                ("app/main.py", "import a\n"),
                ("app/a/__init__.py", "from . import b\n"),
                ("app/a/b.py", "from .x import y"),
            ],
            "!a.x",
        ),
        (&[("app/main.py", "from a import b\n"), ("app/a/c.py", "")], "!a.b"),
        (
            &[("app/main.py", "import os.path, sys\nimport os.x\n"), ("lib/os.py", "sys.modules['os.path'] = path\n")],
            "!os.x",
        ),
    ] {
        assert_eq!(script(files), want, "{files:?}");
    }
}

#[test]
fn imports_that_may_not_run_are_doubtful() {
    for (text, want) in [
        ("def f():\n    import x\n", "?x"),
        ("if a:\n    import x\n", "?x"),
        ("try:\n    import x\nexcept ImportError: pass\n", ""),
        ("if a:\n    import b\n", "?y"),
        ("from a import b\n", "!y"),
        ("from d import b\n", "?y"),
        ("if a:\n    import b\nimport b\n", "!y"),
    ] {
        let files = [
            ("app/main.py", text),
            ("app/b.py", "import y"),
            ("app/a/__init__.py", ""),
            ("app/a/b.py", "import y"),
            ("app/d/__init__.py", "b = None\n"),
            ("app/d/b.py", "import y"),
        ];
        assert_eq!(script(&files), want, "{text}");
    }
    let files = [
        ("app/main.py", "from a import b\n"),
        ("app/a/__init__.py", "from .c import b\n"),
        ("app/a/b.py", "import y"),
        ("app/a/c.py", ""),
    ];
    assert_eq!(script(&files), "?y", "the package binds the name to something else");
}

#[test]
fn missing_modules_of_distributions_are_doubtful() {
    let files = [
        ("app/main.py", "import dist\n"),
        ("site/dist/__init__.py", "import x\ntry:\n    import y\nexcept ImportError: pass\ndef f():\n    import z\n"),
    ];
    assert_eq!(script(&files), "?x");
}

#[test]
fn modules_that_code_provides_are_not_missing() {
    for (files, want) in [
        (
            &[("app/main.py", "import six.moves.urllib\n"), ("site/six.py", "sys.modules[__name__ + '.moves'] = x\n")]
                [..],
            "",
        ),
        (
            &[
                ("app/main.py", "import pymysql\nimport MySQLdb\n"),
                ("site/pymysql.py", "def f():\n    sys.modules['MySQLdb'] = 1\n"),
            ],
            "",
        ),
        (&[("app/main.py", "import sys\nsys.path.insert(0, 'x')\nimport a\nimport b\n"), ("app/deep/a.py", "")], "!b"),
        (&[("app/main.py", "sys.meta_path.insert(0, x)\nimport a\n")], "?a"),
        (&[("app/main.py", "import pyximport, a\n"), ("site/pyximport.py", ""), ("app/a.pyx", "")], "?a"),
        (&[("app/main.py", "import a.b\n"), ("site/a.abi3.so", "")], ""),
        (&[("app/main.py", "import a.b\n"), ("site/a/__init__.pyc", "")], ""),
        (&[("app/main.py", "import distutils.core\n"), ("site/_distutils_hack/__init__.py", "")], ""),
    ] {
        assert_eq!(script(files), want, "{files:?}");
    }
}

#[test]
fn settings_of_django_are_followed() {
    let files = [
        (
            "app/main.py",
            "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
        ),
        ("app/shop/__init__.py", ""),
        ("app/shop/settings.py", "import x\n"),
        ("lib/os.py", ""),
    ];
    assert_eq!(script(&files), "!x");
    let project = Project::new(&files);
    let search = project.search(&["app", "lib"]);
    let start = [Start::Script(RootPath::new("app/main.py").unwrap())];
    let reached = reach(&project, &search, &start, Some("other.settings"));
    assert_eq!(reached.missing, [], "the environment's value counts");
    let main = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.local')\n";
    let files =
        [("app/main.py", main), ("app/shop/settings/__init__.py", ""), ("app/shop/settings/local.py", "import x\n")];
    assert_eq!(script(&files), "?x", "the container's environment may name others");
}

#[test]
fn chains_lead_from_the_start_to_the_import() {
    let files = [("app/main.py", "import a.b\n"), ("app/a/__init__.py", ""), ("app/a/b.py", "\nimport x\n")];
    let project = Project::new(&files);
    let search = project.search(&["app"]);
    let reached = reach(&project, &search, &[Start::Script(RootPath::new("app/main.py").unwrap())], None);
    let [missing] = reached.missing.as_slice() else { panic!("{reached:?}") };
    assert_eq!((missing.file.to_string().as_str(), missing.line), ("/app/a/b.py", 2));
    assert_eq!(missing.chain, ["/app/main.py", "a.b"]);
}

#[test]
fn modules_are_run_with_their_packages() {
    let files = [("app/a/__init__.py", "import x\n"), ("app/a/__main__.py", "import y\n"), ("app/b.py", "import z\n")];
    let run = |name: &str| missing_of(&files, &[Start::Run(name.to_owned())]);
    assert_eq!((run("a"), run("b"), run("c")), ("!x !y".to_owned(), "!z".to_owned(), String::new()));
    assert_eq!(missing_of(&files, &[Start::Module("a".to_owned())]), "!x");
}

#[test]
fn files_with_a_syntax_error_are_told() {
    let files = [("app/main.py", "import a\nimport b\n"), ("app/a.py", "def f(:\n"), ("site/b.py", "print 'x'\n")];
    let project = Project::new(&files);
    let search = project.search(&["app", "site"]);
    let reached = reach(&project, &search, &[Start::Script(RootPath::new("app/main.py").unwrap())], None);
    let broken: Vec<_> =
        reached.broken.iter().map(|broken| (broken.file.to_string(), broken.line, broken.owner)).collect();
    let want = [("/app/a.py".to_owned(), 1, Owner::Application), ("/site/b.py".to_owned(), 1, Owner::Distribution)];
    assert_eq!(broken, want);
}
