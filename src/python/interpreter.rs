//! Finds the interpreter in the files of an image. Any version and build of `CPython` is supported.
//!
//! Source: `CPython`'s `Modules/getpath.py` for the layout (`PREFIX/lib/pythonX.Y`, landmark
//! `os.py`) and `Makefile.pre.in`, `altbininstall`, for the names: the program is `pythonX.Y` with
//! the ABI flags, and `pythonX.Y` is a hard link to it. The name of the library directory has only
//! the flag `t` of a free-threaded build. docker-library/python for `PATH` and `PYTHON_VERSION`.

use serde::{Deserialize, Serialize};

use super::releases;
use crate::hint::Hint;
use crate::rootfs::programs::{path_folders, search_path};
use crate::rootfs::{RootPath, Tree};

/// An interpreter and its directories.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interpreter {
    /// The version: `3.13`.
    pub version: String,
    /// The flags after the version in the name of the program: `t` for a free-threaded build, `d`
    /// for a debug build, `m` up to 3.7.
    pub abi_flags: String,
    /// The full version `3.13.5`, if the image names it.
    pub full_version: Option<String>,
    /// The real file: `/usr/local/bin/python3.13`.
    pub executable: RootPath,
    /// The directory of the file.
    pub bin: RootPath,
    /// The prefix: `/usr/local`.
    pub prefix: RootPath,
    /// The standard library: `/usr/local/lib/python3.13`.
    pub stdlib: RootPath,
    /// The directory for pure-Python distributions.
    pub purelib: RootPath,
    /// The directory for distributions with compiled modules. It differs from `purelib` only by
    /// `lib64`.
    pub platlib: RootPath,
    /// The directory for scripts of distributions.
    pub scripts: RootPath,
    /// The directory for the `data` of distributions.
    pub data: RootPath,
    /// The directory for the C headers of distributions. Each distribution has a subdirectory.
    pub headers: RootPath,
}

/// The reason why an image has no usable interpreter.
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
    /// Returns the directories that distributions may be installed in, first those of the installation
    /// scheme, then those of CPython and Debian.
    #[must_use]
    pub fn sites(&self) -> [RootPath; 5] {
        let Self { stdlib, purelib, platlib, .. } = self;
        let debian = format!("usr/lib/python{}/dist-packages", self.major());
        let debian = RootPath::new(&debian).unwrap_or_default();
        let [site, dist] = [&b"site-packages"[..], b"dist-packages"].map(|name| stdlib.child(name));
        [purelib.clone(), platlib.clone(), site, dist, debian]
    }

    /// Searches the `PATH` of the image's environment: first for `python3` and `python`, then for
    /// every other interpreter. An interpreter of the version `wanted` takes precedence.
    ///
    /// # Errors
    /// Returns an error if there is no interpreter, or only one without a standard library.
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
        // A copy of the tree may have lost hard links, so that the name has no flags. The directory
        // shows them.
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

    /// Returns the paths of the interpreter: its links and the file.
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

    /// Returns the major version: `3`.
    #[must_use]
    pub fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }

    /// Returns the shebang line of its scripts, without the line break.
    #[must_use]
    pub fn shebang(&self) -> String {
        format!("#!{}", self.executable)
    }
}

/// A file with the name of an interpreter.
struct Program {
    path: RootPath,
    version: String,
    flags: String,
}

/// Returns the interpreters in `PATH` without duplicates: first those with the usual names, then
/// all others, newest first.
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

/// Returns the sort key of a version. Of one version, builds without flags are the newest.
fn age(name: &[u8]) -> Option<(u32, u32, bool)> {
    let (version, flags) = version_of(name)?;
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?, flags.is_empty()))
}

/// Parses the version and the ABI flags in a name such as `python3.13t`.
fn version_of(name: &[u8]) -> Option<(String, String)> {
    let rest = std::str::from_utf8(name).ok()?.strip_prefix("python")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (version, flags) = rest.split_at(end);
    let (major, minor) = version.split_once('.')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let flag = flags.bytes().all(|b| b.is_ascii_lowercase());
    (number(major) && number(minor) && flag && flags.len() <= 4).then(|| (version.to_owned(), flags.to_owned()))
}

/// Returns the flags in the name of the program that is a hard link to `pythonX.Y`.
fn linked_flags(tree: &Tree, executable: &RootPath, version: &str) -> String {
    let named = |path: &RootPath| version_of(path.name()?).filter(|(other, _)| other == version);
    tree.children(&executable.parent().unwrap_or_default())
        .filter_map(|(path, _)| Some((path, named(path)?.1)))
        .find(|(path, flags)| !flags.is_empty() && is_same(tree, path, executable))
        .map(|(_, flags)| flags)
        .unwrap_or_default()
}

/// Returns whether a path leads to a file or to a hard link to it. Hard links share one content.
fn is_same(tree: &Tree, path: &RootPath, file: &RootPath) -> bool {
    tree.follow(path).is_some_and(|(real, entry)| {
        real == *file
            || entry.content().is_some() && entry.content() == tree.get(file).and_then(crate::rootfs::Entry::content)
    })
}

/// The install scheme: `posix_prefix` of `sysconfig`, or `posix_local` of Debian's own Python
/// (below `/usr/local`, in `dist-packages`).
struct Scheme {
    purelib: RootPath,
    platlib: RootPath,
    scripts: RootPath,
    data: RootPath,
    headers: RootPath,
}

impl Scheme {
    /// Returns the scheme of an interpreter. `sys.platlibdir` is the location of the standard
    /// library (since 3.9), and only platlib is below it.
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

/// Returns `python3.13` with the ABI flags. The name of the library directory has only the flag
/// `t`.
fn headers_name(library: &[u8], flags: &str) -> Vec<u8> {
    let plain = library.strip_suffix(b"t").unwrap_or(library);
    [plain, flags.as_bytes()].concat()
}

/// Returns whether the interpreter is Debian's own, which reserves `/usr` for Debian packages.
fn is_debians(tree: &Tree, prefix: &RootPath, stdlib: &RootPath) -> bool {
    let major = stdlib.name().map_or(3, |name| if name.starts_with(b"python2") { 2 } else { 3 });
    let debian = prefix.child(b"lib").child(format!("python{major}").as_bytes()).child(b"dist-packages");
    prefix.as_bytes() == b"usr" && (tree.is_folder(&debian) || tree.is_folder(&stdlib.child(b"dist-packages")))
}

#[cfg(test)]
mod tests;
