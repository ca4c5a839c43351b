//! Finds the interpreter of an exact version.
//!
//! Another patch release may compile the same source to other bytes, even where both read each
//! other's; so may a debug build. An interpreter with random string hashes writes some sets in
//! another order each time. Such interpreters are rejected.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::driver::Driver;
use super::interpreter_paths::InterpreterPaths;
use super::marshal::Layout;
use super::python_build::PythonBuild;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// An interpreter, with the facts that it reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Interpreter {
    pub path: PathBuf,
    /// The magic number at the beginning of its `.pyc` files.
    pub magic: [u8; 4],
    /// The tag in the names of its `.pyc` files: `cpython-313`.
    pub cache_tag: String,
    pub layout: Layout,
}

/// An interpreter's description of itself.
#[derive(Debug)]
struct Hello {
    implementation: String,
    version: String,
    magic: [u8; 4],
    cache_tag: String,
    free_threaded: bool,
    debug: bool,
    fixed_hashes: bool,
}

impl Interpreter {
    /// Searches all candidates.
    ///
    /// # Errors
    /// There is none; the message lists the interpreters found.
    pub fn find(interpreter_paths: &InterpreterPaths, wanted: &PythonBuild) -> Result<Self, OperationError> {
        let layout = layout_of(&wanted.version)?;
        let mut others: Vec<String> = Vec::new();
        for path in interpreter_paths.candidates(wanted) {
            let reported = match hello(&path, &interpreter_paths.search_path) {
                Ok(reported) => reported,
                Err(cause) => {
                    others.push(format!("`{}` {cause}", path.display()));
                    continue;
                }
            };
            match reported.differs(wanted) {
                Some(what) => others.push(format!("`{}` {what}", path.display())),
                None => return Ok(Self { path, magic: reported.magic, cache_tag: reported.cache_tag, layout }),
            }
        }
        Err(missing(interpreter_paths, wanted, &others))
    }
}

/// Returns the layout of the version's code objects.
fn layout_of(version: &str) -> Result<Layout, OperationError> {
    let minor = version.strip_prefix("3.").and_then(|rest| rest.split('.').next()?.parse().ok());
    minor.and_then(Layout::of).ok_or_else(|| {
        let message = format!("cannot compile bytecode for Python {version}: carboy supports 3.7 to 3.14");
        OperationError::new(Code::NotCompiled, message).with_hint("leave `bytecode` out")
    })
}

fn missing(interpreter_paths: &InterpreterPaths, wanted: &PythonBuild, others: &[String]) -> OperationError {
    let message = match (others, &interpreter_paths.named) {
        ([other], Some(_)) => format!("cannot compile bytecode: {other}; {wanted} is needed"),
        ([], _) => format!("bytecode needs {wanted}, and this machine has no Python"),
        _ => format!("bytecode needs {wanted}, which is not on this machine: {}", others.join(", ")),
    };
    let variant = if wanted.free_threaded { "t" } else { "" };
    let install = format!("uv python install {}{variant}", wanted.version);
    OperationError::new(Code::NotCompiled, message)
        .with_hint(format!("install it with `{install}`, or name one with --host-python"))
}

fn hello(path: &Path, search_path: &OsStr) -> Result<Hello, String> {
    let (_driver, text) = Driver::start(path, search_path)?;
    Hello::read(&text).ok_or_else(|| "does not identify itself".to_owned())
}

impl Hello {
    fn read(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.split('\n').collect();
        let [implementation, version, magic, cache_tag, flags, debug, hashes] = lines.as_slice() else { return None };
        let plain = |text: &str| {
            let fine = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
            (!text.is_empty() && text.len() <= 40 && text.chars().all(fine)).then(|| text.to_owned())
        };
        Some(Self {
            implementation: plain(implementation)?,
            version: plain(version)?,
            magic: u32::from_str_radix(magic, 16).ok()?.to_be_bytes(),
            cache_tag: plain(cache_tag)?,
            free_threaded: flags.contains('t'),
            debug: *debug == "debug",
            fixed_hashes: *hashes == "fixed",
        })
    }

    /// Returns the reason that this is not the required interpreter, if there is one.
    fn differs(&self, wanted: &PythonBuild) -> Option<String> {
        if self.implementation != "cpython" {
            return Some(format!("is {} {}", self.implementation, self.version));
        }
        if self.version != wanted.version || self.free_threaded != wanted.free_threaded {
            let found = PythonBuild { version: self.version.clone(), free_threaded: self.free_threaded };
            return Some(format!("is {found}"));
        }
        if self.debug {
            return Some("is a debug build".to_owned());
        }
        (!self.fixed_hashes).then(|| "ignores PYTHONHASHSEED".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::hint::Hint as _;

    const HELLO: &str = "cpython\n3.13.5\nf30d0d0a\ncpython-313\n\nrelease\nfixed";

    fn exact(version: &str) -> PythonBuild {
        PythonBuild { version: version.to_owned(), free_threaded: false }
    }

    #[test]
    fn only_the_very_version_is_taken() {
        let differs = |from: &str, to: &str| Hello::read(&HELLO.replace(from, to)).unwrap().differs(&exact("3.13.5"));
        assert_eq!(differs("", ""), None);
        assert_eq!(differs("3.13.5", "3.13.4").unwrap(), "is CPython 3.13.4");
        assert_eq!(differs("\ncpython-313\n", "\ncpython-313\nt").unwrap(), "is CPython 3.13.5 (free-threaded)");
        assert_eq!(differs("cpython\n", "pypy\n").unwrap(), "is pypy 3.13.5");
        assert_eq!(differs("release", "debug").unwrap(), "is a debug build");
        assert_eq!(differs("fixed", "random").unwrap(), "ignores PYTHONHASHSEED");
        for odd in ["", "cpython", &HELLO.replace("cpython-313", "../x"), &HELLO.replace("3.13.5", "")] {
            assert!(Hello::read(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn errors_say_what_there_is_and_how_to_get_the_right_one() {
        let error = Interpreter::find(&InterpreterPaths::default(), &exact("3.13.5")).unwrap_err();
        assert_eq!(error.line(), "bytecode needs CPython 3.13.5, and this machine has no Python");
        let hint = error.hint().unwrap();
        assert_eq!(hint, "install it with `uv python install 3.13.5`, or name one with --host-python");
        for old in ["2.7.18", "3.6.15", "3.15.0", "three", ""] {
            let error = Interpreter::find(&InterpreterPaths::default(), &exact(old)).unwrap_err();
            assert!(error.line().ends_with("carboy supports 3.7 to 3.14"), "{error}");
        }
    }

    #[test]
    fn programs_that_are_no_python_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("python3");
        fs_err::write(&program, "#!/bin/sh\necho nonsense\necho 'out of order' >&2\nexit 3\n").unwrap();
        fs_err::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let interpreter_paths = |named: Option<&str>| InterpreterPaths {
            named: named.map(|name| folder.path().join(name)),
            search_path: folder.path().into(),
            ..InterpreterPaths::default()
        };
        let error = |named| Interpreter::find(&interpreter_paths(named), &exact("3.13.5")).unwrap_err().line();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let found = format!("`{}` is not Python 3.7 or later: out of order", at("python3"));
        let message = format!("bytecode needs CPython 3.13.5, which is not on this machine: {found}");
        assert_eq!(error(None), message);
        assert_eq!(error(Some("python3")), format!("cannot compile bytecode: {found}; CPython 3.13.5 is needed"));
        let named = error(Some("none"));
        assert!(named.contains(&format!("`{}` cannot be started: ", at("none"))), "{named}");
    }
}
