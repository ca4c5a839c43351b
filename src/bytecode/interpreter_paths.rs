//! The paths of interpreters on a machine.
//!
//! Assumed from their documentation: uv keeps its interpreters in `$UV_PYTHON_INSTALL_DIR`, else
//! `$XDG_DATA_HOME/uv/python`, else `~/.local/share/uv/python`, as
//! `cpython-3.13.5-linux-x86_64-gnu` (`3.13.5+freethreaded` without the global lock); pyenv in
//! `$PYENV_ROOT/versions/3.13.5`, `~/.pyenv` by default.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::python_build::PythonBuild;

/// The paths of one machine and user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InterpreterPaths {
    /// The interpreter that the user named; no other is considered then.
    pub named: Option<PathBuf>,
    /// `PATH`.
    pub search_path: OsString,
    /// uv's directory of interpreters.
    pub uv: Option<PathBuf>,
    /// pyenv's directory of versions.
    pub pyenv: Option<PathBuf>,
}

impl InterpreterPaths {
    /// Derives the usual paths from the environment's variables.
    #[must_use]
    pub fn new(named: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
        let home = |below: &str| Some(folder("HOME")?.join(below));
        let data = || folder("XDG_DATA_HOME").or_else(|| home(".local/share"));
        Self {
            named,
            search_path: variable("PATH").unwrap_or_default(),
            uv: folder("UV_PYTHON_INSTALL_DIR").or_else(|| Some(data()?.join("uv/python"))),
            pyenv: folder("PYENV_ROOT").or_else(|| home(".pyenv")).map(|root| root.join("versions")),
        }
    }

    /// Returns the programs that may be the interpreter, each once: from `PATH`, uv's, pyenv's.
    pub(super) fn candidates(&self, python: &PythonBuild) -> Vec<PathBuf> {
        if let Some(named) = &self.named {
            return vec![named.clone()];
        }
        let thread = if python.free_threaded { "t" } else { "" };
        let minor = python.version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        let program = format!("python{minor}{thread}");
        let folders: Vec<_> = std::env::split_paths(&self.search_path).filter(|folder| folder.is_absolute()).collect();
        let names = [program.as_str(), "python3", "python"];
        let by_path = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        let uv = self.uv.iter().flat_map(|root| uvs(root, python)).map(|folder| folder.join("bin").join(&program));
        let version = format!("{}{thread}", python.version);
        let pyenv = self.pyenv.iter().map(|root| root.join(&version).join("bin").join(&program));
        let mut seen = Vec::new();
        by_path.chain(uv).chain(pyenv).filter(|path| is_new(path, &mut seen)).collect()
    }
}

/// Returns uv's installations of a version.
fn uvs(root: &Path, python: &PythonBuild) -> Vec<PathBuf> {
    let variant = if python.free_threaded { "+freethreaded" } else { "" };
    let begin = format!("cpython-{}{variant}-", python.version);
    let Ok(entries) = fs_err::read_dir(root) else { return Vec::new() };
    let mut out: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    out.retain(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&begin)));
    out.sort();
    out
}

/// Returns whether a path leads to a file that no path before it led to.
fn is_new(path: &Path, seen: &mut Vec<PathBuf>) -> bool {
    let Ok(real) = fs_err::canonicalize(path) else { return false };
    let new = real.is_file() && !seen.contains(&real);
    if new {
        seen.push(real);
    }
    new
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn places(variables: &[(&str, &str)]) -> InterpreterPaths {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        InterpreterPaths::new(None, |name| variables.get(name).map(OsString::from))
    }

    fn exact(version: &str, free_threaded: bool) -> PythonBuild {
        PythonBuild { version: version.to_owned(), free_threaded }
    }

    #[test]
    fn variables_say_where_uv_and_pyenv_keep_theirs() {
        let shown = |variables| {
            let InterpreterPaths { uv, pyenv, .. } = places(variables);
            [uv, pyenv].map(|path| path.map(|path| path.display().to_string()).unwrap_or_default())
        };
        assert_eq!(shown(&[("HOME", "/h")]), ["/h/.local/share/uv/python", "/h/.pyenv/versions"]);
        assert_eq!(shown(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d")])[0], "/d/uv/python");
        assert_eq!(shown(&[("UV_PYTHON_INSTALL_DIR", "/u"), ("PYENV_ROOT", "/p")]), ["/u", "/p/versions"]);
        assert_eq!(shown(&[("HOME", "relative"), ("PYENV_ROOT", "")]), ["", ""]);
    }

    #[test]
    fn candidates_are_those_of_the_version_each_once() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in [
            "a/python3.13",
            "b/python3",
            "uv/cpython-3.13.5-linux-x86_64-gnu/bin/python3.13",
            "uv/cpython-3.13.50-linux-x86_64-gnu/bin/python3.13",
            "uv/cpython-3.13.5+freethreaded-linux-x86_64-gnu/bin/python3.13t",
            "pyenv/3.13.5/bin/python3.13",
            "pyenv/3.13.5t/bin/python3.13t",
        ] {
            fs_err::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs_err::write(at(path), "").unwrap();
        }
        std::os::unix::fs::symlink("python3.13", at("a/python3")).unwrap();
        let search_path = std::env::join_paths([at("nowhere"), at("b"), at("a"), "relative".into()]).unwrap();
        let mut places = InterpreterPaths { named: None, search_path, uv: Some(at("uv")), pyenv: Some(at("pyenv")) };
        let found = |places: &InterpreterPaths, python: &PythonBuild| -> Vec<String> {
            let below = |path: &PathBuf| path.strip_prefix(root.path()).unwrap().display().to_string();
            places.candidates(python).iter().map(below).collect()
        };
        let uv = "uv/cpython-3.13.5-linux-x86_64-gnu/bin/python3.13";
        let pyenv = "pyenv/3.13.5/bin/python3.13";
        assert_eq!(found(&places, &exact("3.13.5", false)), ["a/python3.13", "b/python3", uv, pyenv]);
        let uv = "uv/cpython-3.13.5+freethreaded-linux-x86_64-gnu/bin/python3.13t";
        let pyenv = "pyenv/3.13.5t/bin/python3.13t";
        assert_eq!(found(&places, &exact("3.13.5", true)), ["b/python3", "a/python3", uv, pyenv]);
        places.named = Some(at("mine"));
        assert_eq!(found(&places, &exact("3.13.5", false)), ["mine"]);
    }
}
