use crate::hint::Hint as _;
use crate::python::lock::testing::{listed, read};
use crate::python::lock::{Format, LockError, LockSelection};

/// A lock file around packages, for a project `shop`.
fn with(head: &str, packages: &str) -> String {
    format!("version = 1\nrevision = 3\n{head}\n{packages}")
}

fn of(text: &str, extras: &[&str]) -> Result<Vec<String>, LockError> {
    let choice =
        LockSelection { extras: extras.iter().map(|&extra| extra.to_owned()).collect(), ..LockSelection::default() };
    listed(&read(Format::Uv, text, Some("[project]\nname = \"Shop\"\n"), &[])?, &choice)
}

#[test]
fn sources_of_all_kinds() {
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let text = with(
        "",
        &format!(
            r#"
[[package]]
name = "shop"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "a" }}, {{ name = "g" }}, {{ name = "u" }}, {{ name = "p" }}, {{ name = "d" }}, {{ name = "e" }}, {{ name = "v" }}]
[[package]]
name = "a"
version = "1.0"
source = {{ registry = "https://user:secret@h/simple/" }}
sdist = {{ url = "https://h/a-1.0.tar.gz", hash = "sha256:{hash}", size = 12 }}
wheels = [{{ url = "https://h/a-1.0-py3-none-any.whl" }}]
[[package]]
name = "g"
version = "1"
source = {{ git = "https://h/g?rev=main#0123" }}
[[package]]
name = "u"
version = "1"
source = {{ url = "https://h/u-1-py3-none-any.whl" }}
wheels = [{{ url = "https://h/u-1-py3-none-any.whl", hash = "sha256:{hash}" }}]
[[package]]
name = "p"
version = "1"
source = {{ path = "w/p-1-py3-none-any.whl" }}
wheels = [{{ filename = "p-1-py3-none-any.whl", hash = "sha256:{hash}" }}]
[[package]]
name = "d"
version = "1"
source = {{ directory = "../d" }}
[[package]]
name = "e"
source = {{ editable = "e" }}
[[package]]
name = "v"
version = "1"
source = {{ virtual = "v" }}
dependencies = [{{ name = "deep" }}, {{ name = "shop" }}]
[[package]]
name = "deep"
version = "1"
source = {{ registry = "links" }}
wheels = [{{ path = "sub/deep-1-py3-none-any.whl", hash = "sha256:{hash}" }}]
"#
        ),
    );
    let want = [
        "a==1.0 https://h/simple 2 files 0 hashes",
        "d==1 ../d/",
        "deep==1 1 files 0 hashes",
        "e e/",
        "g==1 https://h/g?rev=main#0123",
        "p==1 w/p-1-py3-none-any.whl 1 hashes",
        "u==1 https://h/u-1-py3-none-any.whl 1 hashes",
    ];
    assert_eq!(of(&text, &[]).unwrap(), want);
    let lock = read(Format::Uv, &text, None, &[]).unwrap();
    assert_eq!(lock.sources().find_links, ["links/sub"]);
    let [warning] = lock.warnings() else { panic!("{:?}", lock.warnings()) };
    assert!(warning.message.starts_with("uv.lock: 1 distribution has no hash (`a`): "), "{warning}");
    assert_eq!(listed(&lock, &LockSelection::default()).unwrap(), want);
}

#[test]
fn forks_extras_and_conflicts() {
    let text = with(
        "conflicts = [[{ package = \"shop\", extra = \"x\" }, { package = \"lib\", extra = \"y\" }]]",
        r#"
[[package]]
name = "shop"
version = "1"
source = { editable = "." }
dependencies = [
    { name = "n", version = "1", source = { registry = "https://h" }, marker = "python_version < '3.12'" },
    { name = "n", version = "2", source = { registry = "https://h" }, marker = "python_version >= '3.12'" },
    { name = "only", marker = "extra == 'extra-4-shop-x'" },
]
[package.optional-dependencies]
x = [{ name = "n", version = "2", source = { registry = "https://h" } }]
z = [{ name = "lib", extra = ["y"] }]
[[package]]
name = "n"
version = "1"
source = { registry = "https://h" }
[[package]]
name = "n"
version = "2"
source = { registry = "https://h" }
[[package]]
name = "only"
version = "1"
source = { registry = "https://h" }
[[package]]
name = "lib"
version = "1"
source = { registry = "https://h" }
[package.optional-dependencies]
y = [{ name = "only" }]
"#,
    );
    assert_eq!(of(&text, &[]).unwrap(), ["n==2 https://h 0 files 0 hashes"]);
    assert_eq!(of(&text, &["x"]).unwrap().len(), 2);
    assert_eq!(of(&text, &["z"]).unwrap().len(), 3);
    let error = of(&text, &["x", "z"]).unwrap_err();
    assert_eq!(error.to_string(), "uv.lock: extra `x` of `shop` and extra `y` of `lib` conflict");
    let lock = read(Format::Uv, &text, None, &[]).unwrap();
    assert!(lock.warnings()[0].message.starts_with("uv.lock: 3 distributions have no hash (`lib`, `n`, `only`): "));
}

#[test]
fn invalid_lock_files_are_errors() {
    let shop = "[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\n";
    for (text, cause) in [
        ("version = 2\nrevision = 1\n".to_owned(), "uv.lock: has version 2 of the format, and only 1 is read"),
        ("version = 2\n[[package]]\nname = 3\n".to_owned(), "uv.lock: has version 2 of the format, and only 1 is read"),
        ("version = 1\n[[package]]\nname = 3\n".to_owned(), "uv.lock:3: invalid type: integer `3`, expected a string"),
        ("version = 1\n[[package]".to_owned(), "uv.lock:2: "),
        (with("", ""), "uv.lock: has no project `shop`, as pyproject.toml calls it"),
        (with("requires-python = \">=3.14\"", shop), "uv.lock: requires Python >=3.14, and the image's is 3.13.5"),
        (
            with("supported-markers = [\"sys_platform == 'darwin'\"]", shop),
            "uv.lock: was not locked for Linux on x86_64 with Python 3.13",
        ),
        (
            with("", &format!("{shop}dependencies = [{{ name = \"x\" }}]")),
            "uv.lock: `shop`: depends on `x`, which is not locked",
        ),
        (
            with("", &format!("{shop}dependencies = [{{ name = \"x\", marker = \"y\" }}]")),
            "uv.lock: `shop`: `y` is not a marker: ",
        ),
        (
            with("", &format!("{shop}[[package]]\nname = \"x\"\nsource = {{ svn = \"y\" }}")),
            "uv.lock: `x`: has a source of an unknown kind",
        ),
        (
            with("", &format!("{shop}[[package]]\nname = \"x\"\nversion = \"y\"\nsource = {{ git = \"z\" }}")),
            "uv.lock: `x`: `y` is not a version",
        ),
    ] {
        let error = of(&text, &[]).unwrap_err().to_string();
        assert!(error.starts_with(cause), "{error}");
    }
    let error = of(&with("requires-python = \">=3.14\"", shop), &[]).unwrap_err();
    assert_eq!(error.hint().unwrap(), "choose another `python`, or change `requires-python` and `uv lock`");
    let long = " ".repeat((64 << 20) + 1);
    assert_eq!(of(&long, &[]).unwrap_err().to_string(), "uv.lock: has more than 16 MiB");
}
