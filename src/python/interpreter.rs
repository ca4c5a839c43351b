//! Finds the interpreter of an image by the image itself.
//!
//! Source: CPython's `Modules/getpath.py` for the layout (`PREFIX/lib/pythonX.Y`,
//! landmark `os.py`), docker-library/python for `PATH` and `PYTHON_VERSION`.

use crate::hint::Hint;
use crate::rootfs::{RootPath, Tree};

/// An interpreter and its folders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interpreter {
    /// `3.13`.
    pub version: String,
    /// What follows the version in its name: `t` for a free-threaded build.
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
}

/// Why an image has no usable interpreter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PythonError {
    #[error("the builder has no Python: no python3 in its PATH ({path})")]
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
            Self::Version { found, .. } => {
                Some(format!("leave `builder` out so that `python` chooses it, or set python = \"{found}\""))
            }
        }
    }
}

/// What docker and the kernel take when an image sets no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Interpreter {
    /// Looks through the `PATH` of the image's environment.
    ///
    /// # Errors
    /// No interpreter, or one without a standard library.
    pub fn find(tree: &Tree, env: &[String]) -> Result<Self, PythonError> {
        let var = |name: &str| env.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let path = var("PATH").filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH);
        let full = var("PYTHON_VERSION");
        let minor = full.and_then(|full| full.rmatch_indices('.').next().map(|(at, _)| full[..at].to_owned()));
        let mut names = vec!["python3".to_owned(), "python".to_owned()];
        names.extend(minor.map(|minor| format!("python{minor}")));
        let folders = path.split(':').filter_map(|folder| RootPath::new(folder).ok());
        let candidates =
            folders.flat_map(|folder| names.iter().map(move |name| folder.child(name.as_bytes())).collect::<Vec<_>>());
        let found = candidates.filter_map(|path| tree.follow(&path)).find_map(|(real, entry)| {
            entry.content()?;
            let (version, flags) = version_of(real.name()?)?;
            Some((real, version, flags))
        });
        let Some((executable, version, abi_flags)) = found else {
            return Err(PythonError::None { path: path.to_owned() });
        };
        let bin = executable.parent().unwrap_or_default();
        let prefix = bin.parent().unwrap_or_default();
        let stdlib = prefix.child(b"lib").child(format!("python{version}{abi_flags}").as_bytes());
        if tree.follow(&stdlib.child(b"os.py")).is_none() {
            return Err(PythonError::NoStandardLibrary { executable, stdlib });
        }
        let full_version =
            full.filter(|full| **full == version || full.starts_with(&format!("{version}."))).map(str::to_owned);
        let purelib = purelib(tree, &prefix, &stdlib);
        Ok(Self { version, abi_flags, full_version, executable, bin, prefix, stdlib, purelib })
    }

    /// The names under which the interpreter can be called: links and the file.
    #[must_use]
    pub fn names(&self, tree: &Tree) -> Vec<RootPath> {
        let major = self.version.split('.').next().unwrap_or("3");
        let names = ["python".to_owned(), format!("python{major}"), format!("python{}", self.version)];
        let mut out: Vec<_> = names.iter().map(|name| self.bin.child(name.as_bytes())).collect();
        out.retain(|path| tree.follow(path).is_some_and(|(real, _)| real == self.executable));
        if !out.contains(&self.executable) {
            out.push(self.executable.clone());
        }
        out
    }

    /// The shebang line of scripts that it shall run, without the line's end.
    #[must_use]
    pub fn shebang(&self) -> String {
        format!("#!{}", self.executable)
    }
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

/// `site-packages`, or Debian's `dist-packages` below `/usr/local` for its own Python.
fn purelib(tree: &Tree, prefix: &RootPath, stdlib: &RootPath) -> RootPath {
    let major = stdlib.name().map_or(3, |name| if name.starts_with(b"python2") { 2 } else { 3 });
    let debian = prefix.child(b"lib").child(format!("python{major}").as_bytes()).child(b"dist-packages");
    let is_debians =
        prefix.as_bytes() == b"usr" && (tree.is_folder(&debian) || tree.is_folder(&stdlib.child(b"dist-packages")));
    if is_debians {
        let name = stdlib.name().unwrap_or_default();
        return prefix.child(b"local").child(b"lib").child(name).child(b"dist-packages");
    }
    stdlib.child(b"site-packages")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Entry;

    fn tree(names: &[&str]) -> Tree {
        let entry = |name: &&str| match name.split_once(" -> ") {
            Some((name, target)) => (RootPath::new(name).unwrap(), Entry::link(target)),
            None => (RootPath::new(name).unwrap(), Entry::bytes(0o755, *b"")),
        };
        names.iter().map(entry).collect()
    }

    #[test]
    fn dockers_layout() {
        let tree = tree(&[
            "usr/local/bin/python3.13",
            "usr/local/bin/python3 -> python3.13",
            "usr/local/bin/python -> python3",
            "usr/local/lib/python3.13/os.py",
            "usr/bin/python3 -> nowhere",
        ]);
        let env = ["PATH=/usr/local/bin:/usr/bin".to_owned(), "PYTHON_VERSION=3.13.5".to_owned()];
        let found = Interpreter::find(&tree, &env).unwrap();
        assert_eq!(found.full_version.as_deref(), Some("3.13.5"));
        assert_eq!(found.purelib.to_string(), "/usr/local/lib/python3.13/site-packages");
        assert_eq!(found.shebang(), "#!/usr/local/bin/python3.13");
        let names: Vec<_> = found.names(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["/usr/local/bin/python", "/usr/local/bin/python3", "/usr/local/bin/python3.13"]);
    }

    #[test]
    fn debians_layout_and_free_threaded_builds() {
        let debian = tree(&[
            "usr/bin/python3.11",
            "usr/bin/python3 -> python3.11",
            "usr/lib/python3.11/os.py",
            "usr/lib/python3/dist-packages/x",
        ]);
        let found = Interpreter::find(&debian, &[]).unwrap();
        assert_eq!(found.purelib.to_string(), "/usr/local/lib/python3.11/dist-packages");
        let free = tree(&["opt/bin/python3.14t", "opt/bin/python3 -> python3.14t", "opt/lib/python3.14t/os.py"]);
        let found = Interpreter::find(&free, &["PATH=/opt/bin".to_owned()]).unwrap();
        assert_eq!((found.version.as_str(), found.abi_flags.as_str()), ("3.14", "t"));
    }

    #[test]
    fn an_image_without_python_says_so() {
        assert!(matches!(Interpreter::find(&Tree::default(), &[]), Err(PythonError::None { .. })));
        let bare = tree(&["usr/bin/python3.11", "usr/bin/python3 -> python3.11"]);
        assert!(matches!(Interpreter::find(&bare, &[]), Err(PythonError::NoStandardLibrary { .. })));
    }
}
