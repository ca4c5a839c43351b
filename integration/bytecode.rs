//! Bytecode compiled by real interpreters: the host's, and those of test images under
//! bubblewrap.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carboy::bytecode::{Bytecode, Compiler, InterpreterPaths, PythonBuild, SkipReason, SourceReader};
use carboy::hint::Hint as _;
use carboy::operation_error::OperationError;
use carboy::rootfs::{Content, RootPath};
use carboy::store::Cache;
use support::carboy::Carboy;
use support::image::Unpacked;
use support::image_python::{ImagePython, write_script};
use support::registry::Registry;
use support::{DEBIAN_12, DEBIAN_13, project, ran, run};
use tempfile::TempDir;

type Sources = BTreeMap<RootPath, Content>;

fn path(name: &str) -> RootPath {
    RootPath::new(name).unwrap()
}

fn source(name: &str, text: impl AsRef<[u8]>) -> (RootPath, Content) {
    (path(name), Content::Bytes(text.as_ref().into()))
}

fn exact(version: &str) -> PythonBuild {
    PythonBuild { version: version.to_owned(), free_threaded: false }
}

fn read(content: &Content, _: u64) -> io::Result<Vec<u8>> {
    let Content::Bytes(bytes) = content else { return Err(io::ErrorKind::Unsupported.into()) };
    Ok(bytes.to_vec())
}

/// An interpreter and a cache of its own.
struct Harness {
    compiler: Compiler,
    cache: TempDir,
    version: PythonBuild,
}

impl Harness {
    fn new(python: &Path, version: &str) -> Self {
        let cache = TempDir::new().unwrap();
        let search_path = std::env::var_os("PATH").unwrap();
        let places = InterpreterPaths { named: Some(python.to_owned()), search_path, ..InterpreterPaths::default() };
        let disk = Cache::new(cache.path().to_owned()).unwrap();
        Self { compiler: Compiler::new(places, Arc::new(disk)), cache, version: exact(version) }
    }

    fn processes(mut self, processes: usize) -> Self {
        self.compiler = self.compiler.with_processes(NonZeroUsize::new(processes).unwrap());
        self
    }

    fn compile(&self, sources: &Sources) -> Result<Bytecode, OperationError> {
        self.compiler.compile(&self.version, sources, &SourceReader { read: &read, advanced: &|_| {} })
    }

    /// The names and contents of the bundles in the cache.
    fn bundles(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.cache.path().join("bytecode")).unwrap();
        let path = entries.map(|entry| entry.unwrap().path());
        path.map(|path| (path.file_name().unwrap().into(), fs::read(&path).unwrap())).collect()
    }
}

/// The bytes of every compiled file.
fn files(bytecode: &Bytecode) -> BTreeMap<String, Vec<u8>> {
    let read = |content: &Content| {
        let Content::ZipEntry(member) = content else { panic!("{content:?}") };
        assert!(!member.deflated && member.packed == member.size);
        let mut file = fs::File::open(&member.archive.path).unwrap();
        file.seek(io::SeekFrom::Start(member.offset)).unwrap();
        let mut bytes = Vec::new();
        file.take(member.size).read_to_end(&mut bytes).unwrap();
        assert_eq!(carboy::oci::Digest::of(&bytes), member.digest);
        bytes
    };
    bytecode.files.iter().map(|(path, content)| (path.to_string(), read(content))).collect()
}

/// The host's Python 3, or the one that `CARBOY_PYTHON` names, and its version.
fn host() -> (PathBuf, String) {
    let python = std::env::var_os("CARBOY_PYTHON").map_or_else(|| PathBuf::from("/usr/bin/python3"), PathBuf::from);
    assert!(python.exists(), "{} is missing: run scripts/setup", python.display());
    let version = run(python.to_str().unwrap(), ["-c", "import sys; print(sys.version.split()[0])"]);
    (python, version.trim().to_owned())
}

/// An interpreter's standard library.
fn library(python: &Path) -> PathBuf {
    run(python.to_str().unwrap(), ["-c", "import os; print(os.path.dirname(os.__file__))"]).trim().into()
}

/// Every so-many-th source below a folder, in `/lib`.
fn below(folder: &Path, step: usize) -> Sources {
    let list = run("find", [folder.as_os_str(), "-name".as_ref(), "*.py".as_ref(), "-type".as_ref(), "f".as_ref()]);
    let mut names: Vec<_> = list.lines().collect();
    names.sort_unstable();
    let at = |name: &&str| {
        let below = Path::new(name).strip_prefix(folder).unwrap();
        source(&format!("lib/{}", below.display()), fs::read(name).unwrap())
    };
    names.iter().step_by(step).map(at).collect()
}

/// A part of the standard library, for ordinary runs.
const SOME: usize = 12;
/// The whole standard library.
const ALL: usize = 1;

/// Every so many files of the standard library.
fn stdlib(folder: &Path, step: usize) -> Sources {
    let sources = below(folder, step);
    assert!(sources.len() > 30, "{} has no standard library: run scripts/setup", folder.display());
    sources
}

#[test]
fn the_images_interpreter_takes_them_in_place_of_their_sources() {
    let image = ImagePython::new("python:3.13-slim");
    let harness = Harness::new(&image.python(), "3.13.5");
    let text = "VALUE = 'compiled'\nLOOK = 'x' in {None, 'x', 1}\ndef f(a, *, b=1): return [a for _ in range(b)]\n";
    let sources = Sources::from([source("srv/p/__init__.py", ""), source("srv/p/m.py", text)]);
    let found = harness.compile(&sources).unwrap();
    let names: Vec<_> = found.files.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["/srv/p/__pycache__/__init__.cpython-313.pyc", "/srv/p/__pycache__/m.cpython-313.pyc"]);
    for (name, bytes) in files(&found) {
        let place = image.root().join(name.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        assert_eq!(bytes[4..8], [1, 0, 0, 0], "unchecked hash");
        fs::write(place, bytes).unwrap();
    }
    // Sources that say something else, of another length and time.
    fs::write(image.root().join("srv/p/__init__.py"), "").unwrap();
    fs::write(image.root().join("srv/p/m.py"), "VALUE = 'source'\n").unwrap();
    let look = "import sys; sys.path.insert(0, '/srv'); import p.m as m; \
                print(m.VALUE, m.LOOK, m.f(7, b=2), m.__cached__, m.f.__code__.co_filename, m.f.__qualname__)";
    let said = ran(image.python().to_str().unwrap(), ["-v", "-c", look]);
    assert_eq!(
        said.stdout.trim(),
        "compiled True [7, 7] /srv/p/__pycache__/m.cpython-313.pyc /srv/p/m.py f",
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("matches /srv/p/m.py"), "{}", said.stderr);
}

#[test]
fn alone_or_together_by_one_process_or_many_they_are_the_same() {
    compare_processes(SOME);
}

#[test]
#[ignore = "long"]
fn the_whole_library_is_the_same_by_one_process_or_many() {
    compare_processes(ALL);
}

fn compare_processes(step: usize) {
    let (python, version) = host();
    let sources = stdlib(&library(&python), step);
    let harnesses = [1, 3].map(|processes| Harness::new(&python, &version).processes(processes));
    let [one, many] = harnesses.each_ref().map(|harness| harness.compile(&sources).unwrap());
    assert_eq!(harnesses[0].bundles(), harnesses[1].bundles());
    assert_eq!((one.size, &one.skipped), (many.size, &many.skipped));
    let together = files(&one);
    let alone = Harness::new(&python, &version);
    for (at, (path, content)) in sources.iter().enumerate().rev() {
        if at % 3 == 0 {
            let found = alone.compile(&Sources::from([(path.clone(), content.clone())])).unwrap();
            for (name, bytes) in files(&found) {
                assert!(together[&name] == bytes, "{name} alone");
            }
        }
    }
}

/// Their form is carboy's own: the interpreter has to read the same code from it.
#[test]
fn they_are_the_code_that_the_interpreter_compiles() {
    compare_code(SOME);
}

#[test]
#[ignore = "long"]
fn the_whole_library_is_the_code_that_the_interpreter_compiles() {
    compare_code(ALL);
}

fn compare_code(step: usize) {
    let (python, version) = host();
    let sources = stdlib(&library(&python), step);
    let harness = Harness::new(&python, &version);
    let found = harness.compile(&sources).unwrap();
    let folder = TempDir::new().unwrap();
    let mut list = Vec::new();
    let compiled = files(&found);
    for (at, (path, content)) in sources.iter().enumerate() {
        let place = path.to_string();
        let (parent, name) = place.rsplit_once('/').unwrap();
        let begin = format!("{parent}/__pycache__/{}.", name.trim_end_matches(".py"));
        let pyc = compiled.iter().find(|(name, _)| name.starts_with(&begin) && !name[begin.len()..].contains('/'));
        let Some((_, bytes)) = pyc else { continue };
        fs::write(folder.path().join(format!("{at}.pyc")), bytes).unwrap();
        fs::write(folder.path().join(format!("{at}.py")), read(content, 0).unwrap()).unwrap();
        list.push(format!("{at} {path}\n"));
    }
    fs::write(folder.path().join("list"), list.concat()).unwrap();
    let check = "
import marshal, os, sys, importlib.util as u, warnings
warnings.simplefilter('ignore')
def same(a, b):
    if type(a) is not type(b): return False
    if hasattr(a, 'co_code'):
        names = [n for n in dir(a) if n.startswith('co_') and n not in ('co_lnotab', 'co_consts') and not callable(getattr(a, n))]
        return all(getattr(a, n) == getattr(b, n) for n in names) and same(a.co_consts, b.co_consts)
    if isinstance(a, tuple): return len(a) == len(b) and all(map(same, a, b))
    return a == b or a != a
def check(folder):
    count = 0
    for line in open(folder + '/list'):
        at, path = line.split()
        source = open(f'{folder}/{at}.py', 'rb').read()
        pyc = open(f'{folder}/{at}.pyc', 'rb').read()
        assert pyc[:16] == u.MAGIC_NUMBER + bytes([1, 0, 0, 0]) + u.source_hash(source), path
        assert same(marshal.loads(pyc[16:]), compile(source, path, 'exec', dont_inherit=True, optimize=0)), path
        count += 1
    print(count)
check(sys.argv[1])
";
    let said = run(python.to_str().unwrap(), ["-c".as_ref(), check.as_ref(), folder.path().as_os_str()]);
    assert_eq!(said.trim(), list.len().to_string());
    assert!(list.len() * 10 > sources.len() * 9, "too few are compiled");
}

/// The host's, when it is Debian 12, and the test image's are not the same build.
#[test]
fn builds_of_one_version_write_the_same() {
    compare_builds(SOME);
}

#[test]
#[ignore = "long"]
fn builds_of_one_version_write_the_same_library() {
    compare_builds(ALL);
}

fn compare_builds(step: usize) {
    let (python, version) = host();
    let image = ImagePython::new("python:3.11-slim");
    let sources = stdlib(&image.root().join("usr/local/lib/python3.11"), step);
    let in_image = Harness::new(&image.python(), "3.11.2");
    let of_image = in_image.compile(&sources).unwrap();
    assert!(of_image.files.len() * 10 > sources.len() * 9);
    let again = Harness::new(&image.python(), "3.11.2").processes(1);
    again.compile(&sources).unwrap();
    assert_eq!(in_image.bundles(), again.bundles());
    if version == "3.11.2" {
        let harness = Harness::new(&python, &version);
        harness.compile(&sources).unwrap();
        assert_eq!(harness.bundles(), in_image.bundles());
    }
}

#[test]
fn what_was_compiled_once_is_found_again() {
    let (python, version) = host();
    let harness = Harness::new(&python, &version);
    let sources = Sources::from([source("a.py", "x = 1\n"), source("b.py", "x =\n"), source("c.txt", "")]);
    let first = harness.compile(&sources).unwrap();
    assert_eq!((first.files.len(), first.skipped.len()), (1, 1));
    let unread = |_: &Content, _: u64| Err(io::ErrorKind::PermissionDenied.into());
    let reading = SourceReader { read: &unread, advanced: &|_| {} };
    assert_eq!(harness.compiler.compile(&harness.version, &sources, &reading).unwrap(), first);
    let other = Sources::from([source("a.py", "x = 2\n")]);
    let error = harness.compiler.compile(&harness.version, &other, &reading).unwrap_err();
    assert_eq!(error.message, "cannot compile `/a.py`");
    assert_eq!(harness.compile(&Sources::from([source("c.txt", "")])).unwrap(), Bytecode::default());
}

#[test]
fn what_cannot_be_compiled_is_told_of_and_nothing_is_run() {
    let (python, version) = host();
    let folder = TempDir::new().unwrap();
    let witness = folder.path().join("run");
    let mut large = b"#".repeat(16 << 20);
    large.push(b'\n');
    let sources = Sources::from([
        source("a_fine.py", format!("open({witness:?}, 'w')\n")),
        source("b_syntax.py", "def\n"),
        source("c_python2.py", "print 'hello'\n"),
        source("d_template.py", "{{ name }} = {% x %}\n"),
        source("e_null.py", "x = 1\0\n"),
        source("f_encoding.py", "# coding: zlib_codec\nx\n"),
        source("g_encoding.py", "# coding: nonesuch\nx\n"),
        source("h_utf8.py", b"x = '\xff'\n"),
        source("i_deep.py", format!("x = {}1\n", "-".repeat(3_000))),
        source("j_deeper.py", format!("x = {}{}\n", "(".repeat(500_000), ")".repeat(500_000))),
        source("k_deepest.py", format!("x = a{}\n", ".b".repeat(1_000_000))),
        source("l_large.py", large),
        source("m_fine.py", "# coding: latin-1\nx = '\u{e9}'\n"),
        source("n_empty.py", ""),
    ]);
    let found = Harness::new(&python, &version).compile(&sources).unwrap();
    let names: Vec<_> = found.files.keys().map(|path| path.name().unwrap().to_vec()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with(b"a_") || name.starts_with(b"m_")).count(), 2);
    assert!(!witness.exists(), "a source was run");
    let why: BTreeMap<_, _> = found.skipped.iter().map(|(path, why)| (path.to_string(), *why)).collect();
    for name in ["b_syntax", "c_python2", "d_template", "e_null", "f_encoding", "g_encoding", "h_utf8"] {
        assert_eq!(why.get(&format!("/{name}.py")), Some(&SkipReason::Invalid), "{name}");
    }
    // Whether the interpreter compiles the three deep ones depends on its version.
    assert_eq!(why.get("/l_large.py"), Some(&SkipReason::TooLarge));
    assert_eq!(found.files.len() + found.skipped.len(), sources.len());
}

/// An interpreter that breaks down over some sources, and over others when it is not new.
#[test]
fn a_compiler_that_breaks_down_loses_no_other_file() {
    let (python, version) = host();
    let folder = TempDir::new().unwrap();
    let fragile = folder.path().join("python");
    let before = "import builtins, os, sys, time\\n\
                  real, seen = compile, []\\n\
                  def fragile(source, *args, **named):\\n\
                  \\x20   if b'CRASH' in source or b'TIRED' in source and seen: os.abort()\\n\
                  \\x20   seen.append(1)\\n\
                  \\x20   return real(source, *args, **named)\\n\
                  builtins.compile = fragile\\n\
                  exec(real(sys.argv[1], 'driver', 'exec'))";
    let start = format!(
        "#!/bin/sh\nfor last; do :; done\nbefore=$(printf '{}')\nexec {} -S -s -B -W ignore -X utf8 -c \"$before\" \"$last\"\n",
        before.replace("\\x20", " ").replace('\'', "'\\''"),
        python.display()
    );
    write_script(&fragile, &start);
    let names = ["a", "b", "c", "d", "e", "f"];
    let texts = ["x = 1\n", "# CRASH\n", "x = 2\n", "# TIRED\n", "# CRASH again\n", "x = 3\n"];
    let sources: Sources = names.iter().zip(texts).map(|(name, text)| source(&format!("{name}.py"), text)).collect();
    let harness = Harness::new(&fragile, &version);
    let found = harness.compile(&sources).unwrap();
    assert_eq!(found.skipped, [(path("b.py"), SkipReason::Crashed), (path("e.py"), SkipReason::Crashed)]);
    let reference = Harness::new(&python, &version);
    let sound = files(&reference.compile(&sources).unwrap());
    for (name, bytes) in files(&found) {
        assert!(sound[&name] == bytes, "{name}");
    }
    // It is no lasting truth about these sources.
    write_script(&fragile, &format!("#!/bin/sh\nexec {} \"$@\"\n", python.display()));
    assert_eq!(harness.compile(&sources).unwrap().skipped, []);
}

#[test]
fn only_the_very_version_will_do() {
    let (python, version) = host();
    let sources = Sources::from([source("a.py", "x = 1\n")]);
    let harness = Harness::new(&python, "3.13.77");
    let error = harness.compile(&sources).unwrap_err();
    let found = format!("`{}` is CPython {version}", python.display());
    assert_eq!(error.message, format!("cannot compile bytecode: {found}; CPython 3.13.77 is needed"));
    assert_eq!(
        error.hint().as_deref(),
        Some("install it with `uv python install 3.13.77`, or name one with --host-python")
    );
    // Found by PATH, and not.
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink(&python, folder.path().join("python3")).unwrap();
    let disk = Cache::new(folder.path().join("cache")).unwrap();
    let places = InterpreterPaths { search_path: folder.path().into(), ..InterpreterPaths::default() };
    let compiler = Compiler::new(places, Arc::new(disk));
    assert_eq!(compiler.check(&exact(&version)).map_err(|error| error.message), Ok(()));
    let error = compiler.check(&exact("3.13.77")).unwrap_err();
    let link = folder.path().join("python3");
    assert_eq!(
        error.message,
        format!(
            "bytecode needs CPython 3.13.77, which is not on this machine: `{}` is CPython {version}",
            link.display()
        )
    );
}

#[test]
fn interpreters_that_hang_or_vary_are_given_up() {
    let (python, version) = host();
    let folder = TempDir::new().unwrap();
    let error = |text: &str| {
        let named = folder.path().join("python");
        write_script(&named, text);
        Harness::new(&named, &version).compile(&Sources::from([source("a.py", "")])).unwrap_err().message
    };
    let message = error(&format!("#!/bin/sh\nunset PYTHONHASHSEED\nexec {} \"$@\"\n", python.display()));
    assert!(message.contains("python` ignores PYTHONHASHSEED; "), "{message}");
    let message = error("#!/bin/sh\nexec sleep 1000\n");
    assert!(message.contains("python` did not answer within 10 seconds; "), "{message}");
}

/// What a build is told to compile with: this machine's Python, where it is of the very
/// version, and the builder's own.
#[test]
fn builds_on_two_machines_have_the_same_digest() {
    let (folder, registry) = (TempDir::new().unwrap(), Registry::with(DEBIAN_12));
    let hello = project("hello", DEBIAN_12, folder.path());
    let file = hello.join("carboy.toml");
    let text = fs::read_to_string(&file).unwrap();
    let in_image = ImagePython::new(DEBIAN_12.builder);
    let version = run(in_image.python().to_str().unwrap(), ["-c", "import sys; print(sys.version.split()[0])"]);
    let (here, own) = host();
    let other = if own == version.trim() { here } else { in_image.python() };
    let build = |python: &Path, cache: &str, jobs: &str| {
        Carboy::over(&registry, DEBIAN_12, &hello)
            .to(registry.name("hello:1"))
            .cache(&folder.path().join(cache))
            .args(["--host-python".as_ref(), python.as_os_str()])
            .args(["--jobs", jobs])
            .line()
    };
    let plain = build(&in_image.python(), "plain", "8");
    fs::write(&file, text + "\n[runtime]\nbytecode = \"unchecked-hash\"\n").unwrap();
    let compiled = build(&in_image.python(), "one", "8");
    assert_ne!(compiled, plain);
    assert_eq!(build(&other, "two", "1"), compiled);
    let image = Unpacked::new(&compiled, "linux/arm64");
    for file in ["usr/local/lib/python3.11/__pycache__/os.cpython-311.pyc", "app/__pycache__/main.cpython-311.pyc"] {
        assert!(image.root().join(file).exists(), "{file}");
    }
}

#[test]
fn without_the_interpreter_nothing_is_built() {
    let (folder, registry) = (TempDir::new().unwrap(), Registry::with(DEBIAN_13));
    let hello = project("hello", DEBIAN_13, folder.path());
    let file = hello.join("carboy.toml");
    let text = fs::read_to_string(&file).unwrap() + "\n[runtime]\nbytecode = \"unchecked-hash\"\n";
    fs::write(&file, text).unwrap();
    let build = || Carboy::over(&registry, DEBIAN_13, &hello).to(registry.name("hello:1"));
    let none = folder.path().join("none");
    for (build, says) in [
        (build().env("PATH", ""), "no CPython 3.13.5 on this machine"),
        (build().args(["--host-python".as_ref(), none.as_os_str()]), "--host-python"),
    ] {
        let ran = build.args(["--progress", "none"]).run();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert!(ran.stderr.contains("3.13.5") && ran.stderr.contains("hint: "), "{says}: {}", ran.stderr);
    }
    assert_eq!(ran("crane", ["ls", &registry.name("hello")]).code, Some(1), "nothing was pushed");
}
