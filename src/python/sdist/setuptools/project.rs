//! A project of setuptools: its packages and files, after all settings were checked.

use std::collections::BTreeMap;

use super::settings::{Plain, Settings};
use crate::python::sdist::discovery::{Finder, find_packages, flat_packages, modules};
use crate::python::sdist::error::SdistError;
use crate::python::sdist::files::{SdistFiles, join};
use crate::python::sdist::glob::glob;

/// A project of setuptools.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Project {
    pub packages: Vec<String>,
    pub modules: Vec<String>,
    pub package_dir: BTreeMap<String, String>,
    pub package_data: Vec<(String, Vec<String>)>,
    /// The reason why the files do not decide `package_data`. It does not matter where the packages
    /// have no other files than their modules and those of the manifest.
    pub open_package_data: Option<SdistError>,
    pub exclude_package_data: Vec<(String, Vec<String>)>,
    pub include_package_data: bool,
    pub scripts: Vec<String>,
    pub data_files: Vec<(String, Vec<String>)>,
    /// The license files, in the order of METADATA.
    pub licenses: Vec<String>,
    /// The tags for Python: `py3`.
    pub tags: Vec<String>,
    /// The lines of `SOURCES.txt`, if the egg-info is where setuptools looks for it.
    pub sources: Option<Vec<String>>,
}

/// The arguments of `setup()` that carboy reads, or that do not matter for a wheel.
const KNOWN: [&str; 58] = [
    "name",
    "version",
    "description",
    "long_description",
    "long_description_content_type",
    "url",
    "download_url",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "license",
    "license_expression",
    "license_file",
    "license_files",
    "project_urls",
    "keywords",
    "platforms",
    "classifiers",
    "requires",
    "provides",
    "obsoletes",
    "python_requires",
    "install_requires",
    "extras_require",
    "entry_points",
    "packages",
    "package_dir",
    "py_modules",
    "package_data",
    "exclude_package_data",
    "include_package_data",
    "scripts",
    "data_files",
    "zip_safe",
    "setup_requires",
    "tests_require",
    "test_suite",
    "test_loader",
    "test_runner",
    "namespace_packages",
    "ext_modules",
    "cmdclass",
    "dependency_links",
    "eager_resources",
    "use_scm_version",
    "options",
    "universal",
    "python_tag",
    "egg_base",
    "bugtrack_url",
    "contact",
    "contact_email",
    "command_options",
    "obsoletes_dist",
    "ext_package",
    "provides_extras",
    "summary",
];

/// The commands that do not take part in making a wheel.
const HARMLESS: [&str; 31] = [
    "test",
    "pytest",
    "tests",
    "sdist",
    "develop",
    "upload",
    "publish",
    "release",
    "clean",
    "docs",
    "build_sphinx",
    "build_docs",
    "upload_docs",
    "lint",
    "flake8",
    "check",
    "coverage",
    "tox",
    "doctest",
    "register",
    "format",
    "benchmark",
    "bench",
    "deploy",
    "bump",
    "tag",
    "nosetests",
    "bdist_egg",
    "bdist_rpm",
    "bdist_wininst",
    "bdist_deb",
];

/// The arguments that must be absent or empty.
const REFUSED: [(&str, &str); 5] = [
    ("ext_modules", "extension modules"),
    ("cffi_modules", "modules of cffi"),
    ("rust_extensions", "extension modules in Rust"),
    ("libraries", "libraries in C"),
    ("headers", "header files"),
];

impl Project {
    /// Checks all settings.
    pub fn of(files: &SdistFiles, settings: &Settings) -> Result<Self, SdistError> {
        refuse(settings)?;
        let texts = |name: &str| settings.list(name);
        let package_dir = match settings.get("package_dir")? {
            None => BTreeMap::new(),
            Some(_) => settings
                .lists("package_dir")?
                .into_iter()
                .filter_map(|(key, mut value)| Some((key, value.pop()?)))
                .collect(),
        };
        let include_package_data = settings.get("include_package_data")?.is_some_and(|value| !value.is_empty());
        let (package_data, open_package_data) = match settings.lists("package_data") {
            Ok(data) => (data, None),
            Err(error @ SdistError::Computed { .. }) => (Vec::new(), Some(error)),
            Err(error) => return Err(error),
        };
        let mut project = Self {
            package_dir,
            package_data,
            open_package_data,
            exclude_package_data: settings.lists("exclude_package_data")?,
            include_package_data,
            scripts: texts("scripts")?.unwrap_or_default(),
            data_files: data_files(settings)?,
            licenses: licenses(files, settings)?,
            tags: tags(settings)?,
            ..Self::default()
        };
        match (texts("packages")?, texts("py_modules")?) {
            (None, None) => project.discover(files)?,
            (packages, modules) => {
                project.packages = packages.unwrap_or_default();
                project.modules = modules.unwrap_or_default();
            }
        }
        let bad = |name: &&String| {
            name.split('.').any(|part| part.is_empty() || part.starts_with('/') || part.contains('\\'))
        };
        if let Some(name) = project.packages.iter().chain(&project.modules).find(bad) {
            return Err(SdistError::Invalid(format!("the package `{name}`")));
        }
        if files.below("build/lib").next().is_some() {
            return Err(SdistError::Setting("`build/lib`, the rest of an earlier build,".to_owned()));
        }
        Ok(project)
    }

    /// Finds packages and modules as setuptools does if none are given.
    fn discover(&mut self, files: &SdistFiles) -> Result<(), SdistError> {
        if self.package_dir.keys().any(|key| !key.is_empty()) {
            return Err(SdistError::Setting("`package_dir` without packages".to_owned()));
        }
        let source = self.package_dir.get("").map_or("src", String::as_str).to_owned();
        if files.has_directory(&source) && !source.is_empty() {
            self.package_dir.insert(String::new(), source.clone());
            let all = Finder { namespaces: true, include: &["*".to_owned()], exclude: &[] };
            self.packages = find_packages(files, &source, &all);
            self.modules = modules(files, &source, false);
            return Ok(());
        }
        self.packages = flat_packages(files);
        let mut top: Vec<&str> = self.packages.iter().filter_map(|name| name.split('.').next()).collect();
        top.retain(|name| !name.ends_with("-stubs"));
        top.sort_unstable();
        top.dedup();
        if top.is_empty() {
            self.modules = modules(files, "", true);
            top = self.modules.iter().map(String::as_str).collect();
        }
        match top.len() {
            1 => Ok(()),
            0 => Err(SdistError::Setting("a project without packages".to_owned())),
            _ => Err(SdistError::Invalid(format!("the layout with {} packages at the top", top.len()))),
        }
    }

    /// Returns the directory of a package in the sdist.
    pub fn directory(&self, package: &str) -> Result<String, SdistError> {
        // The longest part of the name that has a directory counts.
        let ends = std::iter::once(package.len()).chain(package.rmatch_indices('.').map(|(at, _)| at));
        let mapped = ends.filter(|end| *end > 0).find_map(|end| Some((self.package_dir.get(&package[..end])?, end)));
        let root = || self.package_dir.get("").map(|root| (root, 0));
        let (directory, end) = mapped.or_else(root).map_or(("", 0), |(directory, end)| (directory.as_str(), end));
        let path = format!("{directory}/{}", package[end..].replace('.', "/"));
        let path = path.trim_start_matches(|c| c == '/' && !directory.starts_with('/'));
        join("", path).ok_or_else(|| SdistError::Invalid(format!("the directory of `{package}`")))
    }

    /// Returns the names at the top of the installed modules, sorted.
    pub fn top_level(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.packages.iter().chain(&self.modules).filter_map(|name| name.split('.').next()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Refuses settings that run a program or compile something.
fn refuse(settings: &Settings) -> Result<(), SdistError> {
    for (name, what) in REFUSED {
        match settings.get(name) {
            Ok(None) => {}
            Ok(Some(value)) if value.is_empty() => {}
            Ok(Some(_)) => return Err(SdistError::NotPure(format!("it has {what}"))),
            Err(error) => return Err(error),
        }
    }
    for name in [
        "namespace_packages",
        "dependency_links",
        "eager_resources",
        "use_2to3",
        "pbr",
        "distclass",
        "options",
        "script_args",
    ] {
        if settings.get(name)?.is_some_and(|value| !value.is_empty()) {
            return Err(SdistError::Setting(format!("`{name}`")));
        }
    }
    if let Some(setting) = settings.0.get("cmdclass") {
        let keys = match (&setting.keys, &setting.value) {
            (Some(keys), _) => keys.clone(),
            (None, Ok(Plain::Dict(items))) => items.iter().map(|(key, _)| key.clone()).collect(),
            (None, Ok(value)) if value.is_empty() => Vec::new(),
            _ => return Err(SdistError::Program("`cmdclass` of its setup.py".to_owned())),
        };
        if let Some(key) = keys.iter().find(|key| !HARMLESS.contains(&key.as_str())) {
            return Err(SdistError::Program(format!("the command `{key}` of its {}", setting.file)));
        }
    }
    let plugin = settings.0.iter().find(|(name, setting)| {
        let empty = setting.value.as_ref().is_ok_and(Plain::is_empty);
        !KNOWN.contains(&name.as_str()) && !empty
    });
    plugin.map_or(Ok(()), |(name, setting)| Err(SdistError::Setting(format!("`{name}` in {}", setting.file))))
}

/// Returns `data_files`: directories with files.
fn data_files(settings: &Settings) -> Result<Vec<(String, Vec<String>)>, SdistError> {
    let Some(value) = settings.get("data_files")? else { return Ok(Vec::new()) };
    let Plain::List(items) = value else { return Err(settings.invalid("data_files")) };
    let one = |item: &Plain| match item {
        Plain::Text(path) => Some((String::new(), vec![path.clone()])),
        Plain::List(pair) => match pair.as_slice() {
            [Plain::Text(directory), Plain::List(paths)] => {
                Some((directory.clone(), paths.iter().map(super::settings::text).collect::<Option<_>>()?))
            }
            _ => None,
        },
        _ => None,
    };
    items.iter().map(one).collect::<Option<_>>().ok_or_else(|| settings.invalid("data_files"))
}

/// Returns the license files.
fn licenses(files: &SdistFiles, settings: &Settings) -> Result<Vec<String>, SdistError> {
    let given = match (settings.list("license_files")?, settings.list("license_file")?) {
        (None, None) => None,
        (patterns, file) => {
            let mut patterns = patterns.unwrap_or_default();
            let more: Vec<_> = file.unwrap_or_default().into_iter().filter(|file| !patterns.contains(file)).collect();
            patterns.extend(more);
            Some(patterns)
        }
    };
    let patterns =
        given.unwrap_or_else(|| ["LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*"].map(str::to_owned).to_vec());
    let mut out: Vec<String> = Vec::new();
    for path in patterns.iter().flat_map(|pattern| glob(files, pattern)) {
        if !path.ends_with('~') && !out.contains(&path) {
            out.push(path);
        }
    }
    Ok(out)
}

fn tags(settings: &Settings) -> Result<Vec<String>, SdistError> {
    if settings.get("universal")?.is_some_and(|value| !value.is_empty()) {
        return Ok(vec!["py2".to_owned(), "py3".to_owned()]);
    }
    match settings.get("python_tag")? {
        None => Ok(vec!["py3".to_owned()]),
        Some(Plain::Text(tag))
            if tag.split('.').all(|tag| tag.starts_with("py") && tag[2..].bytes().all(|b| b.is_ascii_digit())) =>
        {
            Ok(tag.split('.').map(str::to_owned).collect())
        }
        Some(_) => Err(settings.invalid("python_tag")),
    }
}
