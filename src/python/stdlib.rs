//! Which files of an interpreter's folders a runtime needs.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{Interpreter, contains};
use crate::rootfs::{RootPath, Tree};

/// Packages of the standard library that are for developers, or need a display.
const LEFT_OUT: [&str; 3] = ["idlelib", "ensurepip", "lib2to3"];
/// Folders of tests, at any depth.
const TESTS: [&[u8]; 3] = [b"test", b"tests", b"idle_test"];

/// Extension modules of CPython's own test suite, by the beginnings of their names
/// (`IGNORE` in its `Tools/build/generate_stdlib_module_names.py`).
const TEST_MODULES: [&[u8]; 4] = [b"_test", b"_ctypes_test", b"_xxtestfuzz", b"xxlimited"];

/// What the user leaves out: modules (`nis`) and globs below the standard library.
#[derive(Clone, Debug, Default)]
pub struct Excludes {
    globs: GlobSet,
    patterns: Vec<String>,
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`runtime.exclude`: `{pattern}` is not a module or glob: {cause}")]
pub struct ExcludeError {
    pattern: String,
    cause: String,
}

impl Excludes {
    /// A module stands for its file or package, its extension, and the extension
    /// with an underscore that only it uses (`_sqlite3` for `sqlite3`).
    ///
    /// # Errors
    /// Globs that are none.
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
                vec![
                    format!("{module}.py"),
                    format!("{module}/**"),
                    format!("lib-dynload/{module}.*so"),
                    format!("lib-dynload/_{module}.*so"),
                ]
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

    /// The patterns that leave nothing out of this standard library: misspelt, or
    /// modules that this version of Python does not have any more.
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

/// The runtime's files and links in the builder, sorted: the interpreter's names,
/// its shared library, the standard library without what is left out. Folders come
/// along with their content.
#[must_use]
pub fn runtime(tree: &Tree, interpreter: &Interpreter, excludes: &Excludes) -> Vec<RootPath> {
    let mut out = interpreter.names(tree);
    let lib = interpreter.prefix.child(b"lib");
    let libpython = |name: &[u8]| {
        name == b"libpython3.so"
            || name.starts_with(format!("libpython{}", interpreter.version).as_bytes()) && contains(name, b".so.")
    };
    out.extend(
        tree.below(&lib)
            .filter(|(path, entry)| {
                path.parent().as_ref() == Some(&lib) && !entry.is_folder() && path.name().is_some_and(libpython)
            })
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

fn is_wanted(below: &RootPath) -> bool {
    let parts: Vec<&[u8]> = below.parts().collect();
    let Some((name, folders)) = parts.split_last() else { return false };
    let top = folders.first().copied().unwrap_or_default();
    let left_out = LEFT_OUT.iter().any(|left_out| top == left_out.as_bytes())
        || top == b"site-packages"
        || top == b"dist-packages"
        || top.starts_with(b"config-")
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
        let interpreter = Interpreter::find(&tree(), &[]).unwrap();
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
    fn a_module_goes_with_its_extension_and_an_unknown_one_is_told() {
        let left = taken(&["sqlite3", "nis", "unittest/**"]);
        assert!(
            !left.iter().any(|path| path.contains("sqlite3") || path.contains("nis") || path.contains("unittest")),
            "{left:?}"
        );
        let excludes = Excludes::new(&["niss".to_owned()]).unwrap();
        let stdlib = RootPath::new("usr/local/lib/python3.13").unwrap();
        assert_eq!(excludes.unused(&tree(), &stdlib), ["niss"]);
    }
}
