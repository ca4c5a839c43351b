use crate::hint::Hint as _;
use std::fmt::Write as _;
use std::path::Path;

use crate::python::lock::testing::{listed, read, read_of};
use crate::python::lock::{Format, LockError, LockSelection, Sources};

const HASH: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const OTHER: &str = "sha256:486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7";

fn of(text: &str, beside: &[(&str, &str)]) -> Result<Vec<String>, LockError> {
    listed(&read(Format::Requirements, text, Some("[project]\nname = \"shop\"\n"), beside)?, &LockSelection::default())
}

#[track_caller]
fn refused(text: &str, beside: &[(&str, &str)]) -> (String, Option<String>) {
    let error = of(text, beside).unwrap_err();
    (error.to_string(), error.hint())
}

#[test]
fn exact_lines_are_taken() {
    let text = format!(
        "# made by a tool\n--index-url https://u:p@h/simple\na==1.0 \\\n    --hash={HASH} \\\n    --hash={OTHER}\n    # via b\n\
         B_c[x]===2.0 ; python_version > '3' --hash {HASH}\nd==3;sys_platform=='win32'\ne (==1.5)  # why\n"
    );
    assert_eq!(
        of(&text, &[]).unwrap(),
        ["a==1.0 0 files 2 hashes", "b-c==2.0 0 files 1 hashes", "e==1.5 0 files 0 hashes"]
    );
    let lock = read(Format::Requirements, &text, None, &[]).unwrap();
    assert_eq!(lock.warnings().len(), 1);
    assert!(lock.warnings()[0].message.starts_with("requirements.txt: 2 distributions have no hash (`d`, `e`): "));
}

#[test]
fn ignored_options_are_warnings() {
    let text = format!("--no-binary :none:\n--no-binary=a,b\n--only-binary :all:\na==1.0 --hash={HASH}\n");
    let lock = read(Format::Requirements, &text, None, &[]).unwrap();
    let told = "requirements.txt:2: `--no-binary a,b` is ignored: carboy installs wheels and builds nothing";
    assert_eq!(lock.warnings()[0].to_string(), told);
}

#[test]
fn places_are_taken() {
    let text = format!(
        "a @ https://u:p@h/a-1.0-py3-none-any.whl#{}\nhttps://h/b-2.0.tar.gz --hash={HASH}\n./wheels/c_d-3-py3-none-any.whl\n\
         -e ./lib ; python_version > '3'\n../other[x]\n-e git+https://h/e@main#egg=e\nf @ git+ssh://git@h/f@1\n-e .\n.\n./shop-src\n",
        HASH.replace(':', "=")
    );
    let beside = [
        ("lib/pyproject.toml", "[project]\nname = \"My.Lib\"\n"),
        ("shop-src/pyproject.toml", "[project]\nname = \"Shop\"\n"),
    ];
    let want = [
        "a==1.0 https://u:p@h/a-1.0-py3-none-any.whl 1 hashes",
        "b https://h/b-2.0.tar.gz 1 hashes",
        "c-d==3 wheels/c_d-3-py3-none-any.whl 0 hashes",
        "e git+https://h/e@main#egg=e",
        "f git+ssh://git@h/f@1",
        "my-lib lib/",
        "other ../other/",
    ];
    assert_eq!(of(&text, &beside).unwrap(), want);
}

#[test]
fn files_include_others() {
    let text = "-r sub/base.txt\n-c constraints.txt\nloose>=1\nfree\n";
    let sub = "--extra-index-url https://h/extra\n-f links\na==1\n-r ../more.txt\n";
    let constraints = format!(
        "loose==1.5 --hash={HASH}\nfree==2 ; python_version > '3'\nfree==1 ; python_version < '3'\nunused==9\na<2\n"
    );
    let beside = [
        ("sub/base.txt", sub),
        ("more.txt", "b==2\n--no-index\n--trusted-host h\n"),
        ("constraints.txt", &constraints),
    ];
    let want =
        ["a==1 0 files 0 hashes", "b==2 0 files 0 hashes", "free==2 0 files 0 hashes", "loose==1.5 0 files 1 hashes"];
    assert_eq!(of(text, &beside).unwrap(), want);
    let lock = read(Format::Requirements, text, None, &beside).unwrap();
    let sources = Sources {
        extra_indexes: vec!["https://h/extra".to_owned()],
        find_links: vec!["sub/links".to_owned()],
        no_index: true,
        ..Sources::default()
    };
    assert_eq!(lock.sources(), &sources);
    for (text, beside, cause) in [
        (
            "-r a.txt",
            &[("a.txt", "-r b.txt"), ("b.txt", "-r a.txt")][..],
            "b.txt:1: includes `a.txt`, which includes this file",
        ),
        ("-r requirements.txt", &[], "requirements.txt:1: includes `requirements.txt`, which includes this file"),
        ("\n-r none.txt", &[], "requirements.txt:2: includes `none.txt`: no such file"),
        ("-c https://u:p@h/c.txt", &[], "requirements.txt:1: includes `https://h/c.txt`, and only files are read"),
    ] {
        assert_eq!(refused(text, beside).0, cause);
    }
    let many: Vec<_> = (0..30).map(|at| (format!("{at}.txt"), format!("-r {}.txt", at + 1))).collect();
    let many: Vec<_> = many.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(refused("-r 0.txt", &many).0.ends_with("more than 20 files include one another"));
    // Each file twice: 2^20 readings, were they not counted.
    let twice: Vec<_> = (0..18).map(|at| (format!("{at}.txt"), format!("-r {0}.txt\n-r {0}.txt", at + 1))).collect();
    let mut twice: Vec<_> = twice.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    twice.push(("18.txt", ""));
    assert!(refused("-r 0.txt", &twice).0.contains("more than 500 files"));
}

#[test]
fn loose_requirements_are_told_together() {
    let text = "z>=1 # why\nb==1\n-r more.txt\na[x]~=2.0 ; python_version > '3'\nz\nnever ; python_version < '3'\n";
    let told = "requirements.txt: 3 requirements have no exact version: line 1 `z>=1`, more.txt:2 `c<3`, \
                line 4 `a[x]~=2.0 ; python_version > '3'`";
    assert_eq!(refused(text, &[("more.txt", "\nc<3\n")]).0, told);
    let many = |name: &str| {
        (0..1000).fold(String::new(), |mut out, number| {
            let _ = writeln!(out, "{name}{number}>1");
            out
        })
    };
    let (short, long) = (refused(&many("a"), &[]).0, refused(&many(&"a".repeat(100)), &[]).0);
    assert!(short.ends_with("line 20 `a19>1` and 980 more"), "{short}");
    assert!(long.ends_with(" and 993 more") && long.contains("line 7 `"), "{long}");
}

#[test]
fn another_file_of_requirements_is_locked_beside_the_project() {
    let lock = read_of(Path::new(".."), Format::Requirements, "a>1", None, &[]).unwrap();
    let hint = listed(&lock, &LockSelection::default()).unwrap_err().hint().unwrap();
    let command = "uv pip compile requirements.txt --universal --python-version 3.13 -o ../pylock.toml";
    assert_eq!(hint, format!("pin them: `{command}`, and set lock = \"pylock.toml\" under [dependencies]"));
}

#[test]
fn loose_or_contradictory_requirements_are_errors_with_their_line() {
    for (text, cause) in [
        ("\na>=1\n", "requirements.txt:2: `a>=1` has no exact version"),
        ("a==1.*", "requirements.txt:1: `a==1.*` has no exact version"),
        ("a", "requirements.txt:1: `a` has no exact version"),
        (
            "a~=1.0 --hash=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "requirements.txt:1: `a~=1.0` has no exact version",
        ),
    ] {
        let (error, hint) = refused(text, &[]);
        assert_eq!(error, cause);
        let command = "uv pip compile requirements.txt --universal --python-version 3.13 -o pylock.toml";
        assert_eq!(hint.unwrap(), format!("pin them: `{command}`"));
        // The file that it is made from is locked, if there is one.
        let hint = refused(text, &[("requirements.in", "a")]).1.unwrap();
        assert!(hint.ends_with("`uv pip compile --generate-hashes requirements.in -o requirements.txt`"), "{hint}");
    }
    for (text, cause) in [
        ("a==1\na==2", "requirements.txt:2: `a==2` is not 1, which requirements.txt:1 asks for"),
        ("a==1\nA<1", "requirements.txt:2: `A<1` is not 1, which requirements.txt:1 asks for"),
        (
            "a @ https://h/a-1-py3-none-any.whl\na @ https://h/a-2-py3-none-any.whl",
            "requirements.txt: `a` is locked twice: 1 from https://h/a-1-py3-none-any.whl and 2 from https://h/a-2-py3-none-any.whl",
        ),
        ("--require-hashes\na==1", "requirements.txt:2: `a==1` has no hash, and `--require-hashes` asks for one"),
        ("a==1 --hash=sha256:12", "requirements.txt:1: `sha256:12` is not a sha256, sha384 or sha512 hash"),
        ("a==1 --hash=wat", "requirements.txt:1: `wat` is not a sha256, sha384 or sha512 hash"),
        ("a==1 -i https://h", "requirements.txt:1: `a==1` has an option that needs a line of its own"),
        ("--frob", "requirements.txt:1: has the unknown option `--frob`"),
        ("--hash=sha256:12", "requirements.txt:1: has a hash of nothing"),
        ("a=1", "requirements.txt:1: `a=1` is not a requirement: `=1` is not a version specifier"),
        (
            "a==1; pyton_version > '3'",
            "requirements.txt:1: `a==1; pyton_version > '3'` is not a requirement: `pyton_version > '3'` is not a marker: there is no variable `pyton_version`",
        ),
        ("https://h/thing", "requirements.txt:1: `https://h/thing` does not name a distribution"),
        ("-f 'a", "requirements.txt:1: has a quote without end"),
    ] {
        assert_eq!(refused(text, &[]).0, cause.trim_start());
    }
    let (error, hint) = refused("--index-url https://${USER}:${PASS}@h/simple", &[]);
    assert_eq!(error, "requirements.txt:1: not put in");
    assert!(hint.unwrap().contains("netrc"));
    assert!(of("a==1\na==1.0\nc>=1\nc==1.2\n", &[]).is_ok());
    assert!(of("a>=1 ; sys_platform == 'win32'", &[]).unwrap().is_empty());
    assert_eq!(of("a==1 --hash=md5:0", &[]).unwrap(), ["a==1 0 files 0 hashes"]);
}

#[test]
fn no_text_of_an_included_file_that_is_none_is_shown() {
    for text in [
        "DB_PASSWORD=hunter2",
        "hunter2",
        "hunter2>",
        "hunter2 --hunter2",
        "-hunter2",
        "--hunter2=x",
        "a==1 --hash=hunter2",
        "a==1 --hash=sha256:hunter2",
        "a==1 -i hunter2",
        "aGk/hunter2==",
        "/aGk/hunter2",
        "./hunter2",
        "DB=postgres://u:p@h/hunter2",
        "postgres://u:p@h/hunter2",
        "https://h/hunter2",
        "https://h/x;hunter2 ; hunter2",
        "a @ https://h/a-1-py3-none-any.whl#sha256=hunter2",
        "a ; hunter2 == 'x'",
        "x 'hunter2",
        "-e hunter2",
        "{\"password\": \"hunter2\"}",
    ] {
        for include in ["-r a/b", "-c a/b"] {
            let lines = format!("\n{text}\n");
            let Err(error) = of(&format!("hunter==1\n{include}"), &[("a/b", lines.as_str())]) else {
                // A constraint on a distribution without a requirement.
                assert!(include == "-c a/b" && ["hunter2", "-e hunter2"].contains(&text), "{text}");
                continue;
            };
            let told = format!("{error:?}");
            assert!(told.contains("a/b:2") && !told.contains("hunter2"), "{text}: {told}");
        }
    }
    let beside = [("a/b", "\na~=1.0\n")];
    assert_eq!(refused("-r a/b", &beside).0, "a/b:2: `a~=1.0` has no exact version");
}

#[test]
fn files_of_secrets_are_not_included() {
    for path in [".env", ".ENV.local", "sub/.netrc", ".git/config", "x/../.pypirc"] {
        for option in ["-r", "-c", "--requirement"] {
            let error = refused(&format!("{option} {path}"), &[(path, "a==1")]).0;
            assert!(error.ends_with("which is not a requirements file"), "{error}");
        }
    }
    assert!(of("-r env/requirements.txt", &[("env/requirements.txt", "a==1")]).is_ok());
}

/// As `uv export -o requirements/prod.txt` writes them.
#[test]
fn paths_begin_at_the_project_or_at_the_file() {
    let text = "-e .\n-e ./libs/lib\n./wheels/a-1-py3-none-any.whl\n./near\n-e ..\n";
    let (lib, near) = ("[project]\nname = \"lib\"\n", "[project]\nname = \"near\"\n");
    let beside = [
        ("../pyproject.toml", "[project]\nname = \"shop\"\n"),
        ("../libs/lib/pyproject.toml", lib),
        ("../wheels/a-1-py3-none-any.whl", ""),
        ("near/pyproject.toml", near),
    ];
    let lock = read_of(Path::new(".."), Format::Requirements, text, None, &beside).unwrap();
    let want = ["a==1 ../wheels/a-1-py3-none-any.whl 0 hashes", "lib ../libs/lib/", "near near/"];
    assert_eq!(listed(&lock, &LockSelection::default()).unwrap(), want);
}

#[test]
fn a_project_is_read_once_and_counted() {
    let name = "[project]\nname = \"a\"\n";
    let large = format!("# {}\n{name}", "x".repeat(1 << 20));
    let beside = [("a/pyproject.toml", large.as_str())];
    assert_eq!(of(&"./a\n".repeat(2000), &beside).unwrap(), ["a a/"]);
    let mut many = String::new();
    (0..600).for_each(|at| writeln!(many, "./p{at}").unwrap());
    assert!(refused(&many, &[]).0.contains("more than 500 files"));
}

#[test]
fn urls_may_follow_the_name_at_once() {
    let text = "foo@https://h/archive/main.zip\nbar[x]@https://u:p@h/bar-1-py3-none-any.whl ; python_version > '3'\n";
    let want = ["bar==1 https://u:p@h/bar-1-py3-none-any.whl 0 hashes", "foo https://h/archive/main.zip 0 hashes"];
    assert_eq!(of(text, &[]).unwrap(), want);
    let (error, _) = refused("a @ https://h/a-1-py3-none-any.whl#sha256=abcd", &[]);
    assert_eq!(error, "requirements.txt:1: `sha256:abcd` is not a sha256, sha384 or sha512 hash");
}

#[test]
fn a_hash_of_another_platform_is_none() {
    let names = |text: &str| {
        let lock = read(Format::Requirements, text, None, &[]).unwrap();
        lock.warnings().iter().map(|warning| warning.message.contains("has no hash (`a`)")).collect::<Vec<_>>()
    };
    let [linux, windows] = ["linux", "win32"].map(|name| format!("a==1 ; sys_platform == '{name}'"));
    assert_eq!(names(&format!("{linux}\n{windows} --hash={HASH}\n")), [true]);
    assert_eq!(names(&format!("{linux}\n{linux} --hash={HASH}\n")), [false; 0]);
    assert_eq!(names(&format!("{linux}\na==1 --hash={HASH}\n")), [false; 0]);
    assert_eq!(names(&format!("a\n{windows} --hash={HASH}\n{linux} --hash={HASH}\n")), [false; 0]);
}

#[test]
fn nothing_can_be_chosen() {
    let lock = read(Format::Requirements, "a==1", None, &[]).unwrap();
    let error = listed(&lock, &LockSelection { extras: vec!["x".to_owned()], ..LockSelection::default() }).unwrap_err();
    assert_eq!(error.to_string(), "requirements.txt: has no extras to choose");
    assert!(error.hint().unwrap().contains("uv export --extra"));
}
