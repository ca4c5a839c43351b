//! `setup.cfg`: the sections `[metadata]` and `[options]`.
//!
//! Source: the documentation of setuptools, "Configuring setuptools using `setup.cfg` files". An
//! argument of `setup()` that is not empty is stronger.

use super::settings::{Plain, Settings};
use super::value::Unknown;
use crate::python::ini::Ini;
use crate::python::sdist::discovery::{Finder, find_packages};
use crate::python::sdist::error::SdistError;
use crate::python::sdist::files::{SdistFiles, join};
use crate::python::sdist::glob::glob;

const FILE: &str = "setup.cfg";

/// The keys of `[metadata]`. Setuptools ignores others.
const METADATA: [&str; 21] = [
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
];

/// The keys of `[options]`. Setuptools ignores others.
const OPTIONS: [&str; 16] = [
    "zip_safe",
    "setup_requires",
    "install_requires",
    "python_requires",
    "entry_points",
    "scripts",
    "eager_resources",
    "dependency_links",
    "tests_require",
    "include_package_data",
    "packages",
    "package_dir",
    "namespace_packages",
    "py_modules",
    "cmdclass",
    "extras_require",
];

/// Adds the settings of `setup.cfg`.
pub fn add(files: &SdistFiles, settings: &mut Settings) -> Result<(), SdistError> {
    let Some(text) = files.text(FILE) else { return Ok(()) };
    let unreadable = || SdistError::Unreadable { file: FILE.to_owned(), cause: "it is not an INI file".to_owned() };
    let ini = Ini::parse(&text).ok_or_else(unreadable)?;
    commands(&ini, settings)?;
    for (key, value) in ini.section("metadata").unwrap_or_default() {
        metadata(files, settings, &key.replace('-', "_").to_lowercase(), value);
    }
    for (key, value) in ini.section("options").unwrap_or_default() {
        option(files, settings, &ini, (&key.replace('-', "_").to_lowercase(), value))?;
    }
    if let Some(Ok(Plain::Text(directory))) = settings.0.remove("find_directory").map(|setting| setting.value) {
        settings.fill_package_dir(&directory, FILE);
    }
    for (section, name) in [("package_data", "package_data"), ("exclude_package_data", "exclude_package_data")] {
        if let Some(options) = section_of(&ini, section) {
            let one = |(key, value): &(String, String)| {
                let key = if key == "*" { String::new() } else { key.clone() };
                (key, Plain::texts(list(value, ',')))
            };
            settings.set_default(name, FILE, Plain::Dict(options.iter().map(one).collect()));
        }
    }
    if let Some(options) = section_of(&ini, "data_files") {
        let one = |(key, value): &(String, String)| {
            let found = list(value, ',').into_iter().flat_map(|pattern| glob(files, &pattern));
            Plain::List(vec![Plain::Text(key.clone()), Plain::texts(found)])
        };
        settings.set_default("data_files", FILE, Plain::List(options.iter().map(one).collect()));
    }
    if let Some(options) = section_of(&ini, "extras_require") {
        let one = |(key, value): &(String, String)| (key.clone(), Plain::texts(list(value, ';')));
        settings.set_default("extras_require", FILE, Plain::Dict(options.iter().map(one).collect()));
    }
    if let Some(options) = section_of(&ini, "entry_points") {
        let one = |(key, value): &(String, String)| (key.clone(), Plain::texts(list(value, '\n')));
        settings.set_default("entry_points", FILE, Plain::Dict(options.iter().map(one).collect()));
    }
    Ok(())
}

fn section_of<'i>(ini: &'i Ini, name: &str) -> Option<&'i [(String, String)]> {
    ini.section(&format!("options.{name}")).or_else(|| ini.section(&format!("options.{}", name.replace('_', "-"))))
}

/// Reads the sections of the commands that make a wheel.
fn commands(ini: &Ini, settings: &mut Settings) -> Result<(), SdistError> {
    for (section, options) in ini.sections() {
        for (key, value) in options {
            let key = key.replace('-', "_").to_lowercase();
            let setting = || SdistError::Setting(format!("`{key}` in [{section}] of {FILE}"));
            match (section, key.as_str()) {
                ("bdist_wheel" | "wheel", "universal") => {
                    let yes = matches!(value.to_lowercase().as_str(), "1" | "true" | "yes" | "y" | "t" | "on");
                    settings.set("universal", FILE, Plain::Bool(yes));
                }
                ("bdist_wheel", "python_tag") => settings.set("python_tag", FILE, Plain::Text(value.clone())),
                (
                    "build" | "build_py" | "build_scripts" | "install" | "install_lib" | "install_data" | "bdist_wheel"
                    | "install_scripts" | "dist_info",
                    key,
                ) if !matches!(key, "optimize" | "compile" | "force" | "record" | "zip_safe" | "keep_temp") => {
                    return Err(setting());
                }
                ("global", "command_packages" | "commands") | ("files", "packages" | "modules") => {
                    return Err(setting());
                }
                ("egg_info", "egg_base") => settings.set("egg_base", FILE, Plain::Text(value.clone())),
                _ => {}
            }
        }
    }
    Ok(())
}

fn metadata(files: &SdistFiles, settings: &mut Settings, key: &str, value: &str) {
    let name = match key {
        "home_page" => "url",
        "summary" => "description",
        "classifier" => "classifiers",
        "platform" => "platforms",
        key => key,
    };
    if !METADATA.contains(&name) {
        return;
    }
    let content = value.strip_prefix("file:").map(|paths| contents(files, paths));
    let plain = match (name, content) {
        ("version", _) => return,
        ("classifiers", Some(Some(text))) => Plain::texts(list(&text, '\n')),
        (_, Some(Some(text))) => Plain::Text(text),
        (_, Some(None)) => {
            // The content of such a file stands in PKG-INFO.
            if !settings.0.contains_key(name) {
                let unknown = super::settings::Setting { value: Err(Unknown::Computed), file: FILE, keys: None };
                settings.0.insert(name.to_owned(), unknown);
            }
            return;
        }
        ("classifiers" | "keywords" | "platforms" | "license_files" | "provides" | "requires" | "obsoletes", None) => {
            Plain::texts(list(value, ','))
        }
        ("project_urls", None) => Plain::Dict(dict(value)),
        (_, None) => Plain::Text(value.to_owned()),
    };
    settings.set_default(name, FILE, plain);
}

fn option(
    files: &SdistFiles,
    settings: &mut Settings,
    ini: &Ini,
    (key, value): (&str, &str),
) -> Result<(), SdistError> {
    let mut fill = None;
    if !OPTIONS.contains(&key) {
        return Ok(());
    }
    let plain = match key {
        "packages" => match value.trim() {
            "find:" | "find_namespace:" => {
                let (directory, packages) = found(files, ini, value.trim() == "find_namespace:")?;
                settings.set_default(key, FILE, Plain::texts(packages));
                fill = Some(directory);
                Plain::None
            }
            _ => Plain::texts(list(value, ',')),
        },
        "include_package_data" | "zip_safe" => {
            Plain::Bool(matches!(value.to_lowercase().as_str(), "1" | "true" | "yes"))
        }
        "install_requires" | "setup_requires" | "tests_require" => match value.strip_prefix("file:") {
            None => Plain::texts(list(value, ';')),
            Some(paths) => match contents(files, paths) {
                Some(text) => Plain::texts(list(&text, '\n').into_iter().filter(|line| !line.starts_with('#'))),
                None => return Err(SdistError::Missing { file: FILE, path: paths.trim().to_owned() }),
            },
        },
        "package_dir" | "cmdclass" => Plain::Dict(dict(value)),
        "scripts" | "py_modules" | "namespace_packages" | "dependency_links" | "eager_resources" => {
            Plain::texts(list(value, ','))
        }
        "entry_points" => match value.strip_prefix("file:").map(|paths| contents(files, paths)) {
            Some(Some(text)) => Plain::Text(text),
            _ => Plain::Text(value.to_owned()),
        },
        _ => Plain::Text(value.to_owned()),
    };
    match fill {
        // `package_dir` may follow: the directory is added after all options.
        Some(directory) => settings.set("find_directory", FILE, Plain::Text(directory)),
        None => settings.set_default(key, FILE, plain),
    }
    Ok(())
}

fn found(files: &SdistFiles, ini: &Ini, namespaces: bool) -> Result<(String, Vec<String>), SdistError> {
    let find = section_of(ini, "packages.find").unwrap_or_default();
    let get = |name: &str| find.iter().find(|(key, _)| key.to_lowercase() == name).map(|(_, value)| list(value, ','));
    let place = get("where").unwrap_or_default();
    if place.len() > 1 {
        return Err(SdistError::Setting(format!("`where` in {FILE}")));
    }
    let directory = join("", place.first().map_or("", String::as_str))
        .ok_or_else(|| SdistError::Invalid(format!("`where` in {FILE}")))?;
    let (exclude, include) = (get("exclude").unwrap_or_default(), get("include").unwrap_or_default());
    let include = if include.is_empty() { vec!["*".to_owned()] } else { include };
    let packages = find_packages(files, &directory, &Finder { namespaces, include: &include, exclude: &exclude });
    Ok((directory, packages))
}

/// Returns the contents of files, joined by line breaks.
fn contents(files: &SdistFiles, paths: &str) -> Option<String> {
    let texts: Option<Vec<_>> = list(paths, ',').iter().map(|path| files.text(&join("", path)?)).collect();
    texts.map(|texts| texts.join("\n"))
}

/// Returns the items of a list: one on each line, or separated.
pub fn list(value: &str, separator: char) -> Vec<String> {
    let parts: Vec<&str> =
        if value.contains('\n') { value.lines().collect() } else { value.split(separator).collect() };
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn dict(value: &str) -> Vec<(String, Plain)> {
    let pair = |line: String| {
        let (key, value) = line.split_once('=')?;
        Some((key.trim().to_owned(), Plain::Text(value.trim().to_owned())))
    };
    list(value, ',').into_iter().filter_map(pair).collect()
}
