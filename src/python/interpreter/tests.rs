use super::*;
use crate::rootfs::Entry;

/// Files, each with a content of its own; `a -> b` is a link, `a = b` a hard link.
fn tree(names: &[&str]) -> Tree {
    let file = |name: &str| Entry::bytes(0o755, name.as_bytes().to_vec());
    let entry = |name: &&str| {
        let (name, entry) = match (name.split_once(" -> "), name.split_once(" = ")) {
            (Some((name, target)), _) => (name, Entry::link(target)),
            (_, Some((name, target))) => (name, file(target)),
            _ => (*name, file(name)),
        };
        (RootPath::new(name).unwrap(), entry)
    };
    names.iter().map(entry).collect()
}

fn env(path: &str) -> Vec<String> {
    vec![format!("PATH={path}")]
}

fn names(found: &Interpreter, tree: &Tree) -> Vec<String> {
    found.names(tree).iter().map(|path| path.to_string().rsplit('/').next().unwrap().to_owned()).collect()
}

#[test]
fn dockers_layout() {
    let tree = tree(&[
        "usr/local/bin/python3.13",
        "usr/local/bin/python3 -> python3.13",
        "usr/local/bin/python -> python3",
        "usr/local/bin/python3.13-config",
        "usr/local/lib/python3.13/os.py",
        "usr/bin/python3 -> nowhere",
    ]);
    let env = ["PATH=/usr/local/bin:/usr/bin".to_owned(), "PYTHON_VERSION=3.13.5".to_owned()];
    let found = Interpreter::find(&tree, &env, None).unwrap();
    assert_eq!(found.full_version.as_deref(), Some("3.13.5"));
    assert_eq!(found.purelib.to_string(), "/usr/local/lib/python3.13/site-packages");
    assert_eq!(found.shebang(), "#!/usr/local/bin/python3.13");
    assert_eq!(found.platlib, found.purelib);
    let others = [&found.scripts, &found.data, &found.headers].map(ToString::to_string);
    assert_eq!(others, ["/usr/local/bin", "/usr/local", "/usr/local/include/python3.13"]);
    let names: Vec<_> = found.names(&tree).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["/usr/local/bin/python", "/usr/local/bin/python3", "/usr/local/bin/python3.13"]);
}

#[test]
fn debians_layout() {
    for (version, major) in [("3.11", "3"), ("2.7", "2")] {
        let debian = tree(&[
            &format!("usr/bin/python{version}"),
            &format!("usr/bin/python{major} -> python{version}"),
            &format!("usr/lib/python{version}/os.py"),
            &format!("usr/lib/python{version}/dist-packages/x"),
        ]);
        let found = Interpreter::find(&debian, &[], None).unwrap();
        assert_eq!(found.purelib.to_string(), format!("/usr/local/lib/python{version}/dist-packages"));
        assert_eq!(found.platlib, found.purelib);
        let others = [&found.scripts, &found.data, &found.headers].map(ToString::to_string);
        let headers = format!("/usr/local/include/python{version}");
        assert_eq!(others, ["/usr/local/bin", "/usr/local", &headers]);
    }
}

#[test]
fn fedoras_layout() {
    let fedora = tree(&[
        "usr/bin/python3.13",
        "usr/bin/python3 -> python3.13",
        "usr/lib64/python3.13/os.py",
        "usr/lib/python3.13/site-packages/x",
    ]);
    let found = Interpreter::find(&fedora, &[], None).unwrap();
    assert_eq!(found.stdlib.to_string(), "/usr/lib64/python3.13");
    assert_eq!(found.purelib.to_string(), "/usr/lib/python3.13/site-packages");
    assert_eq!(found.platlib.to_string(), "/usr/lib64/python3.13/site-packages");
}

#[test]
fn python_2_as_docker_lays_it_out() {
    let tree = tree(&[
        "usr/local/bin/python2.7",
        "usr/local/bin/python2 -> python2.7",
        "usr/local/bin/python -> python2",
        "usr/local/lib/python2.7/os.py",
    ]);
    let found = Interpreter::find(&tree, &["PYTHON_VERSION=2.7.18".to_owned()], Some("2.7")).unwrap();
    assert_eq!((found.version.as_str(), found.full_version.as_deref()), ("2.7", Some("2.7.18")));
    assert_eq!(found.purelib.to_string(), "/usr/local/lib/python2.7/site-packages");
    assert_eq!(names(&found, &tree), ["python", "python2", "python2.7"]);
}

/// After `make altinstall` and `make install` of a build with `--disable-gil`.
#[test]
fn a_free_threaded_build() {
    let whole = tree(&[
        "usr/local/bin/python3.14t",
        "usr/local/bin/python3.14 = usr/local/bin/python3.14t",
        "usr/local/bin/python3 -> python3.14",
        "usr/local/lib/libpython3.14t.so.1.0",
        "usr/local/lib/python3.14t/os.py",
        "usr/local/include/python3.14t/Python.h",
    ]);
    let found = Interpreter::find(&whole, &[], Some("3.14")).unwrap();
    assert_eq!((found.version.as_str(), found.abi_flags.as_str()), ("3.14", "t"));
    assert_eq!(found.stdlib.to_string(), "/usr/local/lib/python3.14t");
    assert_eq!(found.purelib.to_string(), "/usr/local/lib/python3.14t/site-packages");
    assert_eq!(found.headers.to_string(), "/usr/local/include/python3.14t");
    assert_eq!(names(&found, &whole), ["python3", "python3.14", "python3.14t"]);
    // Only what `altinstall` makes, without the plain name.
    let alone = tree(&["opt/bin/python3.14t", "opt/lib/python3.14t/os.py"]);
    assert_eq!(Interpreter::find(&alone, &env("/opt/bin"), None).unwrap().abi_flags, "t");
    // A copied tree with files in place of hard links.
    let copied = tree(&["opt/bin/python3.14", "opt/bin/python3.14t", "opt/lib/python3.14t/os.py"]);
    assert_eq!(Interpreter::find(&copied, &env("/opt/bin"), None).unwrap().abi_flags, "t");
}

/// Its program and library have a `d`, its folder has none.
#[test]
fn a_debug_build() {
    let tree = tree(&[
        "usr/local/bin/python3.13d",
        "usr/local/bin/python3.13 = usr/local/bin/python3.13d",
        "usr/local/bin/python3 -> python3.13",
        "usr/local/lib/libpython3.13d.so.1.0",
        "usr/local/lib/python3.13/os.py",
        "usr/local/lib/python3.13/lib-dynload/_ssl.cpython-313d-x86_64-linux-gnu.so",
        "usr/local/include/python3.13d/Python.h",
    ]);
    let found = Interpreter::find(&tree, &[], None).unwrap();
    assert_eq!((found.version.as_str(), found.abi_flags.as_str()), ("3.13", "d"));
    assert_eq!(found.stdlib.to_string(), "/usr/local/lib/python3.13");
    assert_eq!(found.headers.to_string(), "/usr/local/include/python3.13d");
    assert_eq!(names(&found, &tree), ["python3", "python3.13", "python3.13d"]);
}

#[test]
fn several_builds_beside_each_other() {
    let tree = tree(&[
        "usr/bin/python3.11",
        "usr/bin/python3 -> python3.11",
        "usr/bin/python2.7",
        "usr/bin/python3.13",
        "usr/bin/python3.13d",
        "usr/bin/python3.13t",
        "usr/bin/python3.14",
        "usr/lib/python2.7/os.py",
        "usr/lib/python3.11/os.py",
        "usr/lib/python3.13/os.py",
        "usr/lib/python3.13t/os.py",
    ]);
    let find = |wanted| Interpreter::find(&tree, &[], wanted).unwrap();
    assert_eq!(find(None).version, "3.11", "what `python3` is");
    assert_eq!(find(Some("2.7")).version, "2.7");
    let found = find(Some("3.13"));
    assert_eq!((found.executable.to_string().as_str(), found.abi_flags.as_str()), ("/usr/bin/python3.13", ""));
    assert_eq!(find(Some("3.14")).version, "3.11", "3.14 has no standard library");
}

#[test]
fn the_m_up_to_3_7_is_in_no_folder() {
    let tree = tree(&[
        "usr/local/bin/python3.7",
        "usr/local/bin/python3.7m = usr/local/bin/python3.7",
        "usr/local/bin/python3 -> python3.7",
        "usr/local/lib/python3.7/os.py",
    ]);
    let found = Interpreter::find(&tree, &[], None).unwrap();
    assert_eq!((found.abi_flags.as_str(), found.stdlib.to_string().as_str()), ("m", "/usr/local/lib/python3.7"));
}

#[test]
fn an_image_without_python_says_so() {
    assert!(matches!(Interpreter::find(&Tree::default(), &[], None), Err(PythonError::None { .. })));
    let bare = tree(&["usr/bin/python3.11", "usr/bin/python3 -> python3.11"]);
    assert!(matches!(Interpreter::find(&bare, &[], None), Err(PythonError::NoStandardLibrary { .. })));
}

#[test]
fn a_wrong_version_has_a_hint() {
    let hint = |wanted: &str| {
        let (found, wanted) = ("3.11".to_owned(), wanted.to_owned());
        PythonError::Version { found, wanted }.hint().unwrap()
    };
    assert!(hint("3.13").starts_with("leave `builder` out"));
    assert!(hint("2.7").starts_with("name a builder that has Python 2.7"));
}
