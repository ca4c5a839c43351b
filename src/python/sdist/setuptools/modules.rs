//! The modules that a `setup.py` imports.

use crate::python::sdist::files::SdistFiles;

/// The result of an import.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Import {
    /// A module of the standard library or of setuptools.
    Known,
    /// A module that no supported Python has.
    Gone,
    /// A module of the sdist.
    Own,
    /// A module that another distribution may have.
    Other,
}

/// The modules of the standard library that `setup.py` files import, and setuptools.
const KNOWN: [&str; 47] = [
    "__future__",
    "ast",
    "builtins",
    "codecs",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "datetime",
    "distutils",
    "errno",
    "fileinput",
    "fnmatch",
    "functools",
    "getpass",
    "glob",
    "imp",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "locale",
    "logging",
    "multiprocessing",
    "operator",
    "os",
    "pathlib",
    "pkgutil",
    "platform",
    "re",
    "runpy",
    "setuptools",
    "shlex",
    "shutil",
    "site",
    "stat",
    "string",
    "subprocess",
    "sys",
    "sysconfig",
    "tempfile",
    "textwrap",
    "time",
    "types",
    "typing",
    "warnings",
];

/// The modules of Python 2 alone.
const GONE: [&str; 8] =
    ["ConfigParser", "StringIO", "cStringIO", "commands", "__builtin__", "urllib2", "exceptions", "ez_setup"];

/// Returns what the import of a module leads to.
pub fn import(files: &SdistFiles, module: &str) -> Import {
    let top = module.split('.').next().unwrap_or(module);
    if files.has(&format!("{top}.py"))
        || files.has(&format!("{top}/__init__.py"))
        || files.has(&format!("src/{top}/__init__.py"))
        || module.is_empty()
    {
        Import::Own
    } else if module == "imp" {
        // Python 3.12 removes it.
        Import::Other
    } else if KNOWN.contains(&top) {
        Import::Known
    } else if GONE.contains(&top) {
        Import::Gone
    } else {
        Import::Other
    }
}

/// Returns whether a full name is that of `setup()`.
pub fn is_setup(name: &str) -> bool {
    matches!(name, "setuptools.setup" | "distutils.core.setup" | "setuptools.dist.setup")
}
