//! Values of `setup.py` and of other modules of a project of which only some files are read: those
//! that the modules ask for.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::{Scope, Stop};
use super::settings::Plain;
use super::value::{Unknown, Value};
use crate::python::sdist::files::{SdistFile, SdistFiles};
use crate::python::syntax::LARGEST;
use crate::python::syntax_depth::parsed;

/// The most times that a module is followed, each time with more files.
const ROUNDS: usize = 8;
/// The most files that are read.
const FILES: usize = 64;
/// The stack of the thread that follows a module.
const STACK: usize = 256 << 20;

/// The place of a value.
#[derive(Clone, Copy)]
pub enum Place<'p> {
    /// An argument of `setup()` in `setup.py`.
    Argument(&'p str),
    /// A name of the module at a path, after the module has run.
    Name { path: &'p str, name: &'p str },
}

impl Place<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Argument(_) => "setup.py",
            Self::Name { path, .. } => path,
        }
    }
}

/// Returns the version at a place as text: setuptools joins the parts of a tuple with dots. Nothing
/// is executed.
///
/// # Errors
/// The files do not decide the value.
pub fn version(place: Place<'_>, read: &dyn Fn(&str) -> Option<String>) -> Result<String, Unknown> {
    let (mut files, mut asked) = (BTreeMap::new(), BTreeSet::from([place.path().to_owned()]));
    let mut absent = BTreeSet::new();
    let mut found = Err(Unknown::Computed);
    for _ in 0..ROUNDS {
        let new: Vec<_> = asked.iter().filter(|path| !files.contains_key(*path) && !absent.contains(*path)).collect();
        let mut is_larger = false;
        for path in new {
            match read(path).filter(|_| files.len() < FILES) {
                Some(text) => {
                    is_larger = true;
                    files.insert(path.clone(), SdistFile { bytes: text.into_bytes(), executable: false });
                }
                None => drop(absent.insert(path.clone())),
            }
        }
        if !is_larger {
            break;
        }
        let known = SdistFiles::new(files.clone());
        (found, asked) =
            on_large_stack(|| evaluated(&known, place)).unwrap_or((Err(Unknown::Computed), BTreeSet::new()));
    }
    found
}

fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// Returns the version, and the files that were asked for.
fn evaluated(files: &SdistFiles, place: Place<'_>) -> (Result<String, Unknown>, BTreeSet<String>) {
    let mut scope = Scope::of_part(files, place.path());
    let value = match place {
        Place::Name { path, name } => scope.module_value(path, name),
        Place::Argument(name) => argument(files, &mut scope, name),
    };
    (value.and_then(|value| text(&value).ok_or(Unknown::Computed)), scope.asked)
}

fn argument(files: &SdistFiles, scope: &mut Scope<'_>, name: &str) -> Result<Plain, Unknown> {
    let source = files.text("setup.py").filter(|text| text.len() <= LARGEST).ok_or(Unknown::Computed)?;
    let module = parsed(source.trim_start_matches('\u{feff}')).map_err(|_| Unknown::Computed)?;
    let mut inner = scope.inner("setup.py");
    let end = inner.block(&module.syntax().body);
    let asked = std::mem::take(&mut inner.asked);
    let is_patched = inner.patched.iter().any(|name| name.starts_with("setuptools") || name.starts_with("distutils"));
    let arguments = inner.setup.take();
    let value = match (end, arguments) {
        (Ok(_) | Err(Stop::Exit), Some(arguments)) if !is_patched => {
            let spread = arguments.iter().find(|(key, _)| key == "**").and_then(|(_, value)| value.unknown());
            let value = arguments.iter().rfind(|(key, _)| key == name).map(|(_, value)| Plain::of(value));
            match (value, spread) {
                (Some(value), None) => value,
                (_, why) => Err(why.unwrap_or(Unknown::Computed)),
            }
        }
        _ => Err(Unknown::Machine),
    };
    drop(inner);
    scope.asked.extend(asked);
    value
}

/// Returns a version as setuptools makes it of a value.
fn text(value: &Plain) -> Option<String> {
    match value {
        Plain::Text(text) => Some(text.clone()),
        Plain::Int(number) => Some(number.to_string()),
        Plain::List(parts) if !parts.is_empty() => {
            let part = |part: &Plain| match part {
                Plain::Text(text) => Some(text.clone()),
                Plain::Int(number) => Some(number.to_string()),
                _ => None,
            };
            parts.iter().map(part).collect::<Option<Vec<_>>>().map(|parts| parts.join("."))
        }
        _ => None,
    }
}

impl Value<'_> {
    /// Returns a value without references to a parsed file as a value.
    pub fn of_plain(plain: Plain) -> Self {
        match plain {
            Plain::None => Self::None,
            Plain::Bool(truth) => Self::Bool(truth),
            Plain::Int(number) => Self::Int(number),
            Plain::Text(text) => Self::str(&text),
            Plain::List(items) => Self::list(items.into_iter().map(Self::of_plain).collect()),
            Plain::Dict(items) => {
                Self::dict(items.into_iter().map(|(key, value)| (Self::str(&key), Self::of_plain(value))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the `version` of a `setup.py` beside these files.
    fn of_setup(setup: &str, files: &[(&str, &str)]) -> Result<String, Unknown> {
        let setup = format!("from setuptools import setup\n{setup}\n");
        version(Place::Argument("version"), &|path| match path {
            "setup.py" => Some(setup.clone()),
            path => files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned()),
        })
    }

    fn of_module(text: &str, files: &[(&str, &str)]) -> Result<String, Unknown> {
        version(Place::Name { path: "shop/__init__.py", name: "__version__" }, &|path| match path {
            "shop/__init__.py" => Some(text.to_owned()),
            path => files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned()),
        })
    }

    const FIND: &str = "import os, re, codecs\nhere = os.path.abspath(os.path.dirname(__file__))\n\
        def read(*parts):\n    with codecs.open(os.path.join(here, *parts), 'r') as fp:\n        return fp.read()\n\
        def find_version(*parts):\n    text = read(*parts)\n    \
        found = re.search(r\"^__version__ = ['\\\"]([^'\\\"]*)['\\\"]\", text, re.M)\n    \
        if found:\n        return found.group(1)\n    raise RuntimeError('no version')\n";

    #[test]
    fn versions_of_setup_py_are_evaluated_exactly() {
        let files = [
            ("VERSION", "1.4\n"),
            ("shop/__init__.py", "import flask\n__version__ = '2.1'\n"),
            ("shop/about.py", "__title__ = 'x'\n__version__ = '3'\n__version__ += '.1'\n"),
            ("shop/_v.py", "VERSION = (1, 2)\n"),
        ];
        let find = format!("{FIND}setup(version=find_version('shop', '__init__.py'))");
        for (text, want) in [
            ("v = '1'\nsetup(version=v + '.post1')", "1.post1"),
            ("v = '1'\nv += '.dev2'\nsetup(version=v)", "1.dev2"),
            ("v = 1\nsetup(version=f'{v}.5')", "1.5"),
            ("setup(version='%s.%d' % ('1', 2))", "1.2"),
            ("setup(version='.'.join(map(str, (1, 2))))", "1.2"),
            ("setup(version=open('VERSION').read().strip())", "1.4"),
            ("import pathlib\nsetup(version=(pathlib.Path(__file__).parent / 'VERSION').read_text().strip())", "1.4"),
            ("with open('VERSION') as f:\n    v = f.read().strip()\nsetup(version=v)", "1.4"),
            (&find, "2.1"),
            ("a = {}\nexec(open('shop/about.py').read(), a)\nsetup(version=a['__version__'])", "3.1"),
            (
                "a = {}\nwith open('shop/about.py') as f:\n    exec(compile(f.read(), 'x', 'exec'), a)\nsetup(version=a['__version__'])",
                "3.1",
            ),
            ("exec(open('shop/about.py').read())\nsetup(version=__version__)", "3.1"),
            ("from shop import __version__ as v\nsetup(version=v)", "2.1"),
            ("import shop\nsetup(version=shop.__version__)", "2.1"),
            ("import shop.about\nsetup(version=shop.about.__version__)", "3.1"),
            ("from shop import about\nsetup(version=about.__version__)", "3.1"),
            ("from shop._v import VERSION\nsetup(version='{}.{}'.format(*VERSION))", "1.2"),
            ("import re\nm = re.compile(r'([0-9.]+)').match(open('VERSION').read())\nsetup(version=m[1])", "1.4"),
            ("import re\nv = re.findall('[0-9]+', '7 8')[0]\nsetup(version=v)", "7"),
            ("import sys\nv = '1' if sys.version_info[0] >= 3 else '2'\nsetup(version=v)", "1"),
        ] {
            assert_eq!(of_setup(text, &files).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn versions_that_more_than_the_files_decide_are_unknown() {
        let files = [("shop/a.py", "__version__ = '1'\n"), ("shop/__init__.py", "from .b import *\n__title__ = 'x'\n")];
        for text in [
            "import os\nsetup(version=os.environ.get('V', '1'))",
            "import os\nv = '1'\nif os.path.exists('.git'):\n    v = '2'\nsetup(version=v)",
            "import subprocess\nsetup(version=subprocess.check_output(['git', 'describe']))",
            "setup(version=open('absent').read())",
            "try:\n    v = open('absent').read()\nexcept OSError:\n    v = '0'\nsetup(version=v)",
            "import time\nsetup(version=time.strftime('%Y'))",
            "from shop import __version__\nsetup(version=__version__)",
            "v = '1'\nexec(open('gen.py').read())\nsetup(version=v)",
            "v = '1'\nfrom other import *\nsetup(version=v)",
            "import sys\nif len(sys.argv) > 9:\n    setup(version='1')\nelse:\n    setup(version='2')",
            "import versioneer\nsetup(version=versioneer.get_version())",
            "import re\nsetup(version=re.search('^1$', '1\\n').group())",
            "import re\nsetup(version=re.search('(?<=a)1', 'a1').group())",
            "import glob\nsetup(version=str(len(glob.glob('*.py'))))",
            "setup(name='x')",
        ] {
            assert!(of_setup(text, &files).is_err(), "{text}: {:?}", of_setup(text, &files));
        }
    }

    #[test]
    fn modules_are_followed_to_their_end() {
        let files = [("shop/v.py", "version = '5'\n"), ("shop/c.py", "from . import __version__\n")];
        for (text, want) in [
            ("__version__ = '1'\n__version__ = '2'", Some("2")),
            ("V = (1, 2, 'rc1')\n__version__ = V", Some("1.2.rc1")),
            ("from .v import version as __version__", Some("5")),
            ("from shop.v import version\n__version__ = version + '.1'", Some("5.1")),
            ("from . import v\n__version__ = v.version", Some("5")),
            ("from .c import __version__", None),
            ("__version__ = '1'\nif x():\n    __version__ = '2'", None),
            (
                "try:\n    from importlib.metadata import version\n    __version__ = version('shop')\nexcept Exception:\n    __version__ = '0'",
                None,
            ),
            ("def f():\n    global __version__\n    __version__ = '2'\n__version__ = '1'\nf()", None),
            ("__version__ = '1'\ndel __version__", None),
        ] {
            assert_eq!(of_module(text, &files).ok().as_deref(), want, "{text}");
        }
    }

    #[test]
    fn modules_that_import_each_other_have_an_end() {
        let many: String = (0..2_000).map(|_| "from .v import version\n").collect();
        let files = [("shop/v.py", many.as_str())];
        assert!(of_module(&format!("{many}__version__ = version"), &files).is_err());
    }
}
