//! The selection of the standard library's files for a runtime.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::Interpreter;
use crate::rootfs::{RootPath, Tree};

/// Packages of the standard library for developers, and packages that need a display.
const LEFT_OUT: [&str; 3] = ["idlelib", "ensurepip", "lib2to3"];
/// Directories of tests, at any depth.
const TESTS: [&[u8]; 3] = [b"test", b"tests", b"idle_test"];

/// Extension modules of CPython's own test suite, as prefixes of their names (`IGNORE` in its
/// `Tools/build/generate_stdlib_module_names.py`).
const TEST_MODULES: [&[u8]; 4] = [b"_test", b"_ctypes_test", b"_xxtestfuzz", b"xxlimited"];

/// Extension modules that only one module of the standard library imports, besides the extension
/// with its own name and an underscore (from the `import` statements in its sources).
const PRIVATE: [(&str, &[&str]); 13] = [
    ("cProfile", &["_lsprof"]),
    ("compression", &["_zstd"]),
    ("curses", &["_curses_panel"]),
    ("dbm", &["_gdbm"]),
    ("dbm.gnu", &["_gdbm"]),
    ("dbm.ndbm", &["_dbm"]),
    ("hashlib", &["_blake2", "_md5", "_sha1", "_sha3"]), // `random` has the others too
    ("multiprocessing", &["_posixshmem"]),
    ("multiprocessing.shared_memory", &["_posixshmem"]),
    ("xml", &["_elementtree", "pyexpat"]),
    ("xml.etree", &["_elementtree"]),
    ("xml.etree.ElementTree", &["_elementtree"]),
    ("xml.parsers", &["pyexpat"]),
];

/// The exclusions of the user: modules (`nis`) and globs below the standard library.
#[derive(Clone, Debug, Default)]
pub struct Excludes {
    globs: GlobSet,
    patterns: Vec<String>,
}

/// An invalid pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`runtime.exclude`: `{pattern}` is not a module or glob: {cause}")]
pub struct ExcludeError {
    pattern: String,
    cause: String,
}

impl Excludes {
    /// Parses the exclusions. A module stands for its file or package, its extension, and the
    /// extensions that only it uses (`_sqlite3` for `sqlite3`, `_curses_panel` for `curses.panel`).
    ///
    /// # Errors
    /// Returns an error for an invalid glob.
    pub fn new(patterns: &[String]) -> Result<Self, ExcludeError> {
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            let error =
                |cause: globset::Error| ExcludeError { pattern: pattern.clone(), cause: cause.kind().to_string() };
            let is_glob = pattern.contains(['*', '?', '[', '{', '/']);
            let module = pattern.replace('.', "/");
            let forms = if is_glob {
                vec![pattern.clone(), format!("lib-dynload/{pattern}")]
            } else {
                let mut forms = vec![
                    format!("{module}.py"),
                    format!("{{lib-tk,plat-*}}/{module}.py"), // folders of Python 2's sys.path
                    format!("{module}/**"),
                    format!("lib-dynload/{module}.*so"),
                    format!("lib-dynload/_{}.*so", pattern.replace('.', "_")),
                ];
                let private = PRIVATE.iter().filter(|(name, _)| name == pattern).flat_map(|(_, private)| *private);
                forms.extend(private.map(|name| format!("lib-dynload/{name}.*so")));
                forms
            };
            for form in forms {
                globs.add(Glob::new(&form).map_err(error)?);
            }
        }
        let globs = globs.build().map_err(|cause| ExcludeError { pattern: String::new(), cause: cause.to_string() })?;
        Ok(Self { globs, patterns: patterns.to_vec() })
    }

    fn matches(&self, below: &RootPath) -> bool {
        self.globs.is_match(crate::rootfs::select::as_path(below))
    }

    /// Returns the patterns that exclude nothing from this standard library: misspelt names, or
    /// modules that this version of Python no longer has.
    #[must_use]
    pub fn unused(&self, tree: &Tree, stdlib: &RootPath) -> Vec<&str> {
        let matches = |pattern: &&String| {
            let one = Self::new(std::slice::from_ref(*pattern));
            one.is_ok_and(|one| {
                tree.below(stdlib).any(|(path, _)| path.strip(stdlib).is_some_and(|below| one.matches(&below)))
            })
        };
        self.patterns.iter().filter(|pattern| !matches(pattern)).map(String::as_str).collect()
    }
}

/// Returns the files and links of the runtime in the builder, sorted: the interpreter's names, its
/// shared library, and the standard library without exclusions. The content of directories is
/// included.
#[must_use]
pub fn runtime(tree: &Tree, interpreter: &Interpreter, excludes: &Excludes) -> Vec<RootPath> {
    let mut out = interpreter.names(tree);
    let lib = interpreter.prefix.child(b"lib");
    let libpython = |name: &[u8]| is_libpython(name, interpreter);
    out.extend(
        tree.children(&lib)
            .filter(|(path, entry)| !entry.is_folder() && path.name().is_some_and(libpython))
            .map(|(path, _)| path.clone()),
    );
    let wanted = |path: &RootPath| {
        path.strip(&interpreter.stdlib).is_some_and(|below| is_wanted(&below) && !excludes.matches(&below))
    };
    let files = tree.below(&interpreter.stdlib).filter(|(path, entry)| !entry.is_folder() && wanted(path));
    out.extend(files.map(|(path, _)| path.clone()));
    out.sort();
    out.dedup();
    out
}

/// Returns the names of `libpython3.13.so.1.0` with the ABI flags of the build, and of the stub for
/// the stable ABI, which ordinary builds of Python 3 have.
fn is_libpython(name: &[u8], interpreter: &Interpreter) -> bool {
    let builds = |flags: &str| flags.replace(['m', 'u'], ""); // no builds of their own
    let own = builds(&interpreter.abi_flags);
    let Some(name) = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix("libpython")) else {
        return false;
    };
    let flags = name.strip_prefix(&interpreter.version).and_then(|rest| Some(rest.split_once(".so.")?.0));
    let is_own = flags.is_some_and(|flags| flags.bytes().all(|b| b.is_ascii_lowercase()) && builds(flags) == own);
    is_own || name == "3.so" && interpreter.major() == "3" && own.is_empty()
}

fn is_wanted(below: &RootPath) -> bool {
    let parts: Vec<&[u8]> = below.parts().collect();
    let Some((name, folders)) = parts.split_last() else { return false };
    let top = folders.first().copied().unwrap_or_default();
    let left_out = LEFT_OUT.iter().any(|left_out| top == left_out.as_bytes())
        || top == b"site-packages"
        || top == b"dist-packages"
        || top == b"config"
        || top.starts_with(b"config-")
        || folders.is_empty() && name.ends_with(b".egg-info") // modules of its own, which scanners take for packages
        || top == b"lib-dynload" && TEST_MODULES.iter().any(|module| name.starts_with(module))
        || folders.iter().any(|folder| TESTS.contains(folder) || *folder == b"__pycache__");
    let suffix = |suffix: &[u8]| name.ends_with(suffix);
    !left_out && !suffix(b".pyc") && !suffix(b".pyo") && !suffix(b".a") && !suffix(b".o") && !suffix(b".exe")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Entry;

    fn tree() -> Tree {
        [
            "bin/python3.13",
            "bin/pip",
            "include/python3.13/Python.h",
            "lib/libpython3.13.so.1.0",
            "lib/libpython3.13.so",
            "lib/libpython3.so",
            "lib/pkgconfig/python.pc",
            "lib/python3.13/os.py",
            "lib/python3.13/nis.py",
            "lib/python3.13/sqlite3/dbapi2.py",
            "lib/python3.13/lib-dynload/_sqlite3.cpython-313-x86_64-linux-gnu.so",
            "lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so",
            "lib/python3.13/lib-dynload/_testcapi.cpython-313-x86_64-linux-gnu.so",
            "lib/python3.13/test/x.py",
            "lib/python3.13/unittest/test/x.py",
            "lib/python3.13/unittest/case.py",
            "lib/python3.13/idlelib/x.py",
            "lib/python3.13/__pycache__/os.pyc",
            "lib/python3.13/config-3.13-x86_64-linux-gnu/libpython3.13.a",
            "lib/python3.13/site-packages/pip/x.py",
        ]
        .into_iter()
        .map(|name| (RootPath::new(format!("usr/local/{name}")).unwrap(), Entry::bytes(0o644, *b"")))
        .chain([(RootPath::new("usr/local/bin/python3").unwrap(), Entry::link("python3.13"))])
        .collect()
    }

    fn taken(excludes: &[&str]) -> Vec<String> {
        let interpreter = Interpreter::find(&tree(), &[], None).unwrap();
        let excludes = Excludes::new(&excludes.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap();
        assert!(excludes.unused(&tree(), &interpreter.stdlib).is_empty());
        let paths = runtime(&tree(), &interpreter, &excludes);
        paths.iter().map(|path| path.to_string().replace("/usr/local/", "").replace("lib/python3.13/", "L/")).collect()
    }

    #[test]
    fn developers_parts_stay_behind() {
        assert_eq!(
            taken(&[]),
            [
                "bin/python3",
                "bin/python3.13",
                "lib/libpython3.13.so.1.0",
                "lib/libpython3.so",
                "L/lib-dynload/_sqlite3.cpython-313-x86_64-linux-gnu.so",
                "L/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so",
                "L/nis.py",
                "L/os.py",
                "L/sqlite3/dbapi2.py",
                "L/unittest/case.py",
            ]
        );
    }

    #[test]
    fn a_module_goes_with_the_extensions_that_only_it_has() {
        for (module, gone) in [
            ("curses", "_curses _curses_panel"),
            ("curses.panel", "_curses_panel"),
            ("dbm", "_dbm _gdbm"),
            ("dbm.gnu", "_gdbm"),
            ("multiprocessing", "_multiprocessing _posixshmem"),
            ("xml", "_elementtree pyexpat"),
            ("ssl", "_ssl"),
            ("uuid", "_uuid"),
            ("asyncio", "_asyncio"),
            ("random", ""),
            ("_c*", "_curses _curses_panel _ctypes"),
        ] {
            let excludes = Excludes::new(&[module.to_owned()]).unwrap();
            let modules = "_asyncio _curses _curses_panel _ctypes _dbm _gdbm _elementtree _multiprocessing _posixshmem \
                           _sha2 _ssl _uuid _zoneinfo pyexpat readline";
            let at = |name: &str| RootPath::new(format!("lib-dynload/{name}.cpython-313-x86_64-linux-gnu.so")).unwrap();
            let found: Vec<_> = modules.split(' ').filter(|name| excludes.matches(&at(name))).collect();
            assert_eq!(found.join(" "), gone, "{module}");
        }
    }

    #[test]
    fn a_module_is_excluded_with_its_extension_and_an_unknown_one_is_reported() {
        let left = taken(&["sqlite3", "nis", "unittest/**"]);
        assert!(
            !left.iter().any(|path| path.contains("sqlite3") || path.contains("nis") || path.contains("unittest")),
            "{left:?}"
        );
        let excludes = Excludes::new(&["niss".to_owned()]).unwrap();
        let stdlib = RootPath::new("usr/local/lib/python3.13").unwrap();
        assert_eq!(excludes.unused(&tree(), &stdlib), ["niss"]);
    }

    /// Returns the selected files among some names, and the names of the first interpreter.
    fn kept(names: &[&str]) -> Vec<String> {
        let file = |name: &&str| (RootPath::new(name).unwrap(), Entry::bytes(0o644, name.as_bytes().to_vec()));
        let tree: Tree = names.iter().map(file).collect();
        let interpreter = Interpreter::find(&tree, &["PATH=/p/bin".to_owned()], None).unwrap();
        runtime(&tree, &interpreter, &Excludes::default())
            .iter()
            .map(|path| path.to_string().replace("/p/", ""))
            .collect()
    }

    #[test]
    fn python_2_keeps_the_files_that_it_needs() {
        let wanted = [
            "bin/python2.7",
            "lib/libpython2.7.so.1.0",
            "lib/python2.7/_sysconfigdata.py",
            "lib/python2.7/lib-dynload/_ssl.so",
            "lib/python2.7/lib-tk/Tkinter.py",
            "lib/python2.7/os.py",
            "lib/python2.7/plat-linux2/DLFCN.py",
            "lib/python2.7/unittest/case.py",
        ];
        let unwanted = [
            "bin/pip2.7",
            "bin/python2.7-config",
            "lib/libpython2.7.so",
            "lib/libpython3.so",
            "lib/python2.7/config/Makefile",
            "lib/python2.7/config/libpython2.7.a",
            "lib/python2.7/distutils/tests/x.py",
            "lib/python2.7/lib-tk/test/x.py",
            "lib/python2.7/lib2to3/x.py",
            "lib/python2.7/os.pyc",
            "lib/python2.7/os.pyo",
            "lib/python2.7/site-packages/pip/x.py",
            "lib/python2.7/test/test_os.py",
            "lib/python2.7/wsgiref.egg-info",
        ];
        let names: Vec<_> = wanted.iter().chain(&unwanted).map(|name| format!("p/{name}")).collect();
        assert_eq!(kept(&names.iter().map(String::as_str).collect::<Vec<_>>()), wanted);
        let below = RootPath::new("lib-tk/Tkinter.py").unwrap();
        assert!(Excludes::new(&["Tkinter".to_owned()]).unwrap().matches(&below));
    }

    #[test]
    fn a_build_takes_its_own_library_and_not_another_builds() {
        let libraries = [
            "p/lib/libpython3.so",
            "p/lib/libpython3.1.so.1.0",
            "p/lib/libpython3.13.so.1.0",
            "p/lib/libpython3.13d.so.1.0",
            "p/lib/libpython3.13t.so.1.0",
        ];
        for (flags, folder, taken) in [
            ("", "", &["lib/libpython3.13.so.1.0", "lib/libpython3.so"][..]),
            ("d", "", &["lib/libpython3.13d.so.1.0"]),
            ("t", "t", &["lib/libpython3.13t.so.1.0"]),
        ] {
            let (program, landmark) = (format!("bin/python3.13{flags}"), format!("lib/python3.13{folder}/os.py"));
            let (at_program, at_landmark) = (format!("p/{program}"), format!("p/{landmark}"));
            let names: Vec<_> = libraries.into_iter().chain([at_program.as_str(), at_landmark.as_str()]).collect();
            let want = [&program].into_iter().cloned().chain(taken.iter().map(|name| (*name).to_owned()));
            assert_eq!(kept(&names), want.chain([landmark]).collect::<Vec<_>>(), "{flags}");
        }
    }
}
