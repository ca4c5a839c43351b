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
mod tests {
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
        // A copied tree, whose hard links became files.
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
    fn a_wrong_version_is_answered_by_what_can_be_done() {
        let hint = |wanted: &str| {
            let (found, wanted) = ("3.11".to_owned(), wanted.to_owned());
            PythonError::Version { found, wanted }.hint().unwrap()
        };
        assert!(hint("3.13").starts_with("leave `builder` out"));
        assert!(hint("2.7").starts_with("name a builder that has Python 2.7"));
    }
}
