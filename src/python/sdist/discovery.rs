//! The packages and modules in directories, as `setuptools.discovery` finds them.

use super::files::SdistFiles;
use super::glob::fnmatch;
use crate::python::is_identifier;

/// The filters of `find_packages()`.
#[derive(Clone, Copy, Debug)]
pub struct Finder<'f> {
    /// Whether directories without `__init__.py` are packages too.
    pub namespaces: bool,
    pub include: &'f [String],
    pub exclude: &'f [String],
}

/// Returns the packages below a directory.
#[must_use]
pub fn find_packages(files: &SdistFiles, directory: &str, finder: &Finder<'_>) -> Vec<String> {
    let mut found = Vec::new();
    visit(
        files,
        (directory, ""),
        &mut found,
        &|path, name| finder.namespaces || name.is_empty() || files.has(&format!("{path}/__init__.py")),
        finder,
    );
    found
}

/// The directories that are not packages in a project without `src`.
const NOT_PACKAGES: [&str; 35] = [
    "ci",
    "bin",
    "debian",
    "doc",
    "docs",
    "documentation",
    "manpages",
    "news",
    "newsfragments",
    "changelog",
    "test",
    "tests",
    "unit_test",
    "unit_tests",
    "example",
    "examples",
    "scripts",
    "tools",
    "util",
    "utils",
    "python",
    "build",
    "dist",
    "venv",
    "env",
    "requirements",
    "tasks",
    "fabfile",
    "site_scons",
    "benchmark",
    "benchmarks",
    "exercise",
    "exercises",
    "htmlcov",
    "[._]*",
];

/// The modules that do not belong to a project without `src`.
const NOT_MODULES: [&str; 21] = [
    "setup",
    "conftest",
    "test",
    "tests",
    "example",
    "examples",
    "build",
    "toxfile",
    "noxfile",
    "pavement",
    "dodo",
    "tasks",
    "fabfile",
    "[Ss][Cc]onstruct",
    "conanfile",
    "manage",
    "benchmark",
    "benchmarks",
    "exercise",
    "exercises",
    "[._]*",
];

/// Returns the packages of a project without `src`: those whose names setuptools does not reserve.
#[must_use]
pub fn flat_packages(files: &SdistFiles) -> Vec<String> {
    let exclude: Vec<String> = NOT_PACKAGES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}.*")]).collect();
    let finder = Finder { namespaces: true, include: &["*".to_owned()], exclude: &exclude };
    let mut found = Vec::new();
    let valid = |_: &str, name: &str| {
        let mut parts = name.split('.');
        let first = parts.next().unwrap_or_default();
        (is_identifier(first) || first.ends_with("-stubs")) && parts.all(is_identifier)
    };
    visit(files, ("", ""), &mut found, &valid, &finder);
    found
}

/// Returns the modules in a directory, without those that setuptools reserves if it is the top directory.
#[must_use]
pub fn modules(files: &SdistFiles, directory: &str, flat: bool) -> Vec<String> {
    let names = files.names(directory).into_iter().filter_map(|name| name.strip_suffix(".py"));
    names.filter(|name| is_identifier(name) && !(flat && is_reserved_module(name))).map(str::to_owned).collect()
}

/// Returns whether setuptools takes a directory at the top of a project without `src` for no package.
#[must_use]
pub fn is_reserved_package(name: &str) -> bool {
    NOT_PACKAGES.iter().any(|pattern| fnmatch(pattern, name))
}

/// Returns whether setuptools takes a file at the top of a project without `src` for no module.
#[must_use]
pub fn is_reserved_module(name: &str) -> bool {
    NOT_MODULES.iter().any(|pattern| fnmatch(pattern, name))
}

fn visit(
    files: &SdistFiles,
    (directory, package): (&str, &str),
    found: &mut Vec<String>,
    is_package: &dyn Fn(&str, &str) -> bool,
    finder: &Finder<'_>,
) {
    for name in files.directories(directory) {
        let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
        let full = if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") };
        if name.contains('.') || !is_package(&path, &full) {
            continue;
        }
        let matches = |patterns: &[String]| patterns.iter().any(|pattern| fnmatch(pattern, &full));
        let excluded = matches(finder.exclude) || full == "ez_setup" || full.ends_with("__pycache__");
        if matches(finder.include) && !excluded {
            found.push(full.clone());
        }
        let pruned = [format!("{full}*"), format!("{full}.*")];
        if !finder.exclude.iter().any(|pattern| pruned.contains(pattern)) {
            visit(files, (&path, &full), found, is_package, finder);
        }
    }
}
