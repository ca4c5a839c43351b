//! Finds the interpreter of an image by the image itself: any `CPython`, whatever its
//! version and build.
//!
//! Source: `CPython`'s `Modules/getpath.py` for the layout (`PREFIX/lib/pythonX.Y`,
//! landmark `os.py`) and `Makefile.pre.in`, `altbininstall`, for the names: the
//! program is `pythonX.Y` with the ABI flags, and `pythonX.Y` is a hard link to it;
//! of the flags only a free-threaded build's `t` is in the library folder's name.
//! docker-library/python for `PATH` and `PYTHON_VERSION`.

use serde::{Deserialize, Serialize};

use super::releases;
use crate::hint::Hint;
use crate::rootfs::programs::{path_folders, search_path};
use crate::rootfs::{RootPath, Tree};

/// An interpreter and its folders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interpreter {
    /// `3.13`.
    pub version: String,
    /// What follows the version in its name: `t` for a free-threaded build, `d` for a
    /// debug build, `m` up to 3.7.
    pub abi_flags: String,
    /// `3.13.5`, where the image says so.
    pub full_version: Option<String>,
    /// The real file, `/usr/local/bin/python3.13`.
    pub executable: RootPath,
    /// The folder it is in.
    pub bin: RootPath,
    /// `/usr/local`.
    pub prefix: RootPath,
    /// `/usr/local/lib/python3.13`.
    pub stdlib: RootPath,
    /// Where pure-Python distributions go.
    pub purelib: RootPath,
    /// Where distributions with compiled modules go: the same, but for `lib64`.
    pub platlib: RootPath,
    /// Where the scripts of distributions go.
    pub scripts: RootPath,
    /// What the `data` of distributions is below.
    pub data: RootPath,
    /// What the C headers of distributions are below, each in a folder of its own.
    pub headers: RootPath,
}

/// Why an image has no usable interpreter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PythonError {
    #[error("the builder has no Python: no python in its PATH ({path})")]
    None { path: String },
    #[error("the builder's `{executable}` has no standard library at `{stdlib}`")]
    NoStandardLibrary { executable: RootPath, stdlib: RootPath },
    #[error("the builder has Python {found}, not {wanted}")]
    Version { found: String, wanted: String },
}

impl Hint for PythonError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::None { .. } => {
                Some("use a builder such as python:3.13-slim-trixie, or set python = false".to_owned())
            }
            Self::NoStandardLibrary { .. } => None,
            Self::Version { found, wanted } if releases::pair(wanted).is_ok() => {
                Some(format!("leave `builder` out so that `python` chooses it, or set python = \"{found}\""))
            }
            Self::Version { found, wanted } => {
                Some(format!("name a builder that has Python {wanted}, or set python = \"{found}\""))
            }
        }
    }
}

impl Interpreter {
    /// Looks through the `PATH` of the image's environment: first what `python3` and
    /// `python` are there, then every other interpreter. One of the version `wanted`
    /// goes before all others.
    ///
    /// # Errors
    /// No interpreter, or one without a standard library.
    pub fn find(tree: &Tree, env: &[String], wanted: Option<&str>) -> Result<Self, PythonError> {
        let full = env.iter().find_map(|line| line.strip_prefix("PYTHON_VERSION="));
        let mut error = PythonError::None { path: search_path(env).to_owned() };
        let mut found = Vec::new();
        for program in programs(tree, &path_folders(env), full) {
            match Self::at(tree, program, full) {
                Ok(interpreter) => found.push(interpreter),
                Err(cause) if matches!(error, PythonError::None { .. }) => error = cause,
                Err(_) => {}
            }
        }
        let chosen = found.iter().position(|found| wanted == Some(found.version.as_str())).unwrap_or(0);
        if chosen < found.len() { Ok(found.swap_remove(chosen)) } else { Err(error) }
    }

    fn at(tree: &Tree, program: Program, full: Option<&str>) -> Result<Self, PythonError> {
        let Program { path: executable, version, flags } = program;
        let bin = executable.parent().unwrap_or_default();
        let prefix = bin.parent().unwrap_or_default();
        let name = |thread: &str| format!("python{version}{thread}").into_bytes();
        let landmark = |stdlib: &RootPath| tree.follow(&stdlib.child(b"os.py")).is_some();
        let mut abi_flags = if flags.is_empty() { linked_flags(tree, &executable, &version) } else { flags };
        let folder = |thread: &str| {
            let places = ["lib", "lib64"].map(|lib| prefix.child(lib.as_bytes()).child(&name(thread)));
            places.iter().find(|stdlib| landmark(stdlib)).unwrap_or(&places[0]).clone()
        };
        // A plain name in a tree whose hard links were lost: the folder tells.
        if abi_flags.is_empty() && !landmark(&folder("")) && landmark(&folder("t")) {
            "t".clone_into(&mut abi_flags);
        }
        let stdlib = folder(if abi_flags.contains('t') { "t" } else { "" });
        if !landmark(&stdlib) {
            return Err(PythonError::NoStandardLibrary { executable, stdlib });
        }
        let of_version = |full: &&str| **full == version || full.starts_with(&format!("{version}."));
        let full_version = full.filter(of_version).map(str::to_owned);
        let scheme = Scheme::of(tree, &prefix, &bin, &stdlib, &abi_flags);
        let Scheme { purelib, platlib, scripts, data, headers } = scheme;
        Ok(Self {
            version,
            abi_flags,
            full_version,
            executable,
            bin,
            prefix,
            stdlib,
            purelib,
            platlib,
            scripts,
            data,
            headers,
        })
    }

    /// The names under which the interpreter can be called: links and the file.
    #[must_use]
    pub fn names(&self, tree: &Tree) -> Vec<RootPath> {
        let Self { version, abi_flags, .. } = self;
        let names = [
            "python",
            &format!("python{}", self.major()),
            &format!("python{version}"),
            &format!("python{version}{abi_flags}"),
        ]
        .map(|name| self.bin.child(name.as_bytes()));
        let mut out = names.to_vec();
        out.retain(|path| is_same(tree, path, &self.executable));
        out.push(self.executable.clone());
        out.sort();
        out.dedup();
        out
    }

    /// `3`.
    #[must_use]
    pub fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }

    /// The shebang line of scripts that it shall run, without the line's end.
    #[must_use]
    pub fn shebang(&self) -> String {
        format!("#!{}", self.executable)
    }
}

/// A file that is called as an interpreter is.
struct Program {
    path: RootPath,
    version: String,
    flags: String,
}

/// The interpreters that `PATH` leads to, without repetition: what the usual names
/// are, then all the others, newest first.
fn programs(tree: &Tree, folders: &[RootPath], full: Option<&str>) -> Vec<Program> {
    let minor = full.and_then(|full| Some(format!("python{}", full.rsplit_once('.')?.0)));
    let usual = ["python3", "python", "python2"].into_iter().chain(minor.as_deref());
    let mut names: Vec<_> =
        folders.iter().flat_map(|folder| usual.clone().map(|name| folder.child(name.as_bytes()))).collect();
    for folder in folders {
        let Ok(folder) = tree.resolve(folder) else { continue };
        let mut others: Vec<_> =
            tree.children(&folder).filter_map(|(path, _)| Some((age(path.name()?)?, path.clone()))).collect();
        others.sort();
        names.extend(others.into_iter().rev().map(|(_, path)| path));
    }
    let mut out: Vec<Program> = Vec::new();
    for name in names {
        if let Some((path, entry)) = tree.follow(&name)
            && entry.content().is_some()
            && let Some((version, flags)) = path.name().and_then(version_of)
            && !out.iter().any(|other| other.path == path)
        {
            out.push(Program { path, version, flags });
        }
    }
    out
}

/// To sort versions by; of one version, builds without flags are the newest.
fn age(name: &[u8]) -> Option<(u32, u32, bool)> {
    let (version, flags) = version_of(name)?;
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?, flags.is_empty()))
}

/// Version and ABI flags in a name such as `python3.13t`.
fn version_of(name: &[u8]) -> Option<(String, String)> {
    let rest = std::str::from_utf8(name).ok()?.strip_prefix("python")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (version, flags) = rest.split_at(end);
    let (major, minor) = version.split_once('.')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let flag = flags.bytes().all(|b| b.is_ascii_lowercase());
    (number(major) && number(minor) && flag && flags.len() <= 4).then(|| (version.to_owned(), flags.to_owned()))
}

/// The flags of the program that `pythonX.Y` is a hard link to.
fn linked_flags(tree: &Tree, executable: &RootPath, version: &str) -> String {
    let named = |path: &RootPath| version_of(path.name()?).filter(|(other, _)| other == version);
    tree.children(&executable.parent().unwrap_or_default())
        .filter_map(|(path, _)| Some((path, named(path)?.1)))
        .find(|(path, flags)| !flags.is_empty() && is_same(tree, path, executable))
        .map(|(_, flags)| flags)
        .unwrap_or_default()
}

/// Whether a path leads to a file or to another name of it: hard links have one content.
fn is_same(tree: &Tree, path: &RootPath, file: &RootPath) -> bool {
    tree.follow(path).is_some_and(|(real, entry)| {
        real == *file
            || entry.content().is_some() && entry.content() == tree.get(file).and_then(crate::rootfs::Entry::content)
    })
}

/// Where an installer puts what: `sysconfig`'s `posix_prefix`, or Debian's
/// `posix_local` (below `/usr/local`, in `dist-packages`) for its own Python.
struct Scheme {
    purelib: RootPath,
    platlib: RootPath,
    scripts: RootPath,
    data: RootPath,
    headers: RootPath,
}

impl Scheme {
    /// `sys.platlibdir` is where the standard library is (so since 3.9), and of the two
    /// libraries only platlib is in it.
    fn of(tree: &Tree, prefix: &RootPath, bin: &RootPath, stdlib: &RootPath, flags: &str) -> Self {
        let name = stdlib.name().unwrap_or_default();
        let include = |below: &RootPath| below.child(b"include").child(&headers_name(name, flags));
        if is_debians(tree, prefix, stdlib) {
            let local = prefix.child(b"local");
            let library = local.child(b"lib").child(name).child(b"dist-packages");
            let (platlib, scripts, headers) = (library.clone(), local.child(b"bin"), include(&local));
            return Self { purelib: library, platlib, scripts, data: local, headers };
        }
        Self {
            purelib: prefix.child(b"lib").child(name).child(b"site-packages"),
            platlib: stdlib.child(b"site-packages"),
            scripts: bin.clone(),
            data: prefix.clone(),
            headers: include(prefix),
        }
    }
}

/// `python3.13`, and the ABI flags, of which the library's folder has the `t` only.
fn headers_name(library: &[u8], flags: &str) -> Vec<u8> {
    let plain = library.strip_suffix(b"t").unwrap_or(library);
    [plain, flags.as_bytes()].concat()
}

/// Whether it is Debian's own Python, which leaves `/usr` to Debian's packages.
fn is_debians(tree: &Tree, prefix: &RootPath, stdlib: &RootPath) -> bool {
    let major = stdlib.name().map_or(3, |name| if name.starts_with(b"python2") { 2 } else { 3 });
    let debian = prefix.child(b"lib").child(format!("python{major}").as_bytes()).child(b"dist-packages");
    prefix.as_bytes() == b"usr" && (tree.is_folder(&debian) || tree.is_folder(&stdlib.child(b"dist-packages")))
}

#[cfg(test)]
mod tests;
