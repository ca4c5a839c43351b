//! Extension modules: what a project would have to compile.

use toml::Value;

use super::Module;
use super::build_backend::at;
use super::setup::Setup;

/// Build backends for compiled projects.
const COMPILERS: [&str; 6] =
    ["maturin", "scikit_build_core", "skbuild", "mesonpy", "setuptools_rust", "py_build_cmake"];

/// Tables that describe extension modules.
const TABLES: [(&str, &[&str]); 5] = [
    ("tool.setuptools.ext-modules", &["tool", "setuptools", "ext-modules"]),
    ("tool.setuptools-rust", &["tool", "setuptools-rust"]),
    ("tool.hatch.build.targets.wheel.hooks.cython", &["tool", "hatch", "build", "targets", "wheel", "hooks", "cython"]),
    ("tool.hatch.build.hooks.cython", &["tool", "hatch", "build", "hooks", "cython"]),
    ("tool.py-build-cmake", &["tool", "py-build-cmake"]),
];

/// The endings of files that are compiled into extension modules.
const SOURCES: [&str; 9] = [".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".rs", ".f90", ".so"];

/// The settings of a project that describe extension modules.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Extensions {
    /// The build backend, if it is one for compiled projects.
    compiler: Option<String>,
    /// The setting that describes extension modules.
    described: Option<String>,
    /// The script of Poetry that may compile them.
    script: Option<String>,
}

impl Extensions {
    /// Reads the settings.
    pub fn of(root: &Value, backend: &str, setup: &Setup) -> Self {
        let table = TABLES.into_iter().find(|(_, keys)| at(root, keys).is_some()).map(|(name, _)| name.to_owned());
        let argument = setup.compiled.filter(|_| backend.starts_with("setuptools"));
        let script = at(root, &["tool", "poetry", "build"]);
        let script = script.and_then(|build| build.as_str().or_else(|| build.get("script")?.as_str()));
        Self {
            compiler: COMPILERS.iter().any(|compiler| backend.starts_with(compiler)).then(|| backend.to_owned()),
            described: table.or_else(|| argument.map(|name| format!("{name} of setup.py"))),
            script: script.map(str::to_owned),
        }
    }

    /// Returns the reason why the backend compiles extension modules.
    pub fn compiler(&self) -> Option<String> {
        self.compiler.as_ref().map(|compiler| format!("its build backend is {compiler}"))
    }

    /// Returns the reason why the files of the project lack extension modules that its build
    /// backend compiles; `None` if it compiles none, or if compiled modules lie among the files.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is made on the spot, and copied here")]
    pub fn missing<'a>(&self, modules: &[Module], files: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
        if files.clone().any(|file| has_ending(file, "so")) {
            return None;
        }
        let setting = || self.described.as_ref().map(|setting| format!("there is `{setting}`"));
        let by_script = || {
            let script = self.script.as_ref()?;
            let source = files.clone().find(|file| {
                let is_source = SOURCES[..8].iter().any(|end| file.ends_with(end)) || file.ends_with("Cargo.toml");
                is_source && !file.starts_with("tests/") && !file.starts_with("docs/")
            })?;
            Some(format!("its build script `{script}` compiles `{source}`"))
        };
        let cython = || {
            let own = |file: &&str| has_ending(file, "pyx") && modules.iter().any(|module| module.has(file));
            let pure = |file: &str| {
                let stem = file.trim_end_matches("pyx");
                files.clone().any(|other| other.strip_prefix(stem) == Some("py"))
            };
            let file = files.clone().filter(own).find(|file| !pure(file))?;
            Some(format!("there is `{file}`"))
        };
        self.compiler().or_else(setting).or_else(by_script).or_else(cython)
    }
}

/// Returns the first file of the modules that would have to be compiled.
pub(super) fn source<'a>(modules: &[Module], mut files: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let compiled =
        |file: &&str| modules.iter().any(|module| module.has(file)) && SOURCES.iter().any(|end| file.ends_with(end));
    files.find(compiled)
}

/// Returns whether the name of a file has an ending; endings of Python are in lower case.
fn has_ending(file: &str, ending: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, last)| last == ending)
}
