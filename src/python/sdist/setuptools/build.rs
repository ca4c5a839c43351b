//! The files that setuptools installs: modules, data files, scripts.
//!
//! Source: `setuptools.command.build_py`, `distutils.command.build_scripts`,
//! `distutils.command.install_data`, of setuptools 80 and later.

use std::collections::{BTreeMap, BTreeSet};

use super::project::Project;
use crate::python::is_identifier;
use crate::python::sdist::error::SdistError;
use crate::python::sdist::files::{SdistFile, SdistFiles, join, universal_newlines};
use crate::python::sdist::glob::{fnmatch, glob};
use crate::python::sdist::wheel::WheelBuilder;

/// The files that each package gets, whatever the settings say.
const ALWAYS: [&str; 2] = ["*.pyi", "py.typed"];

/// Adds all files of the project to a wheel.
pub fn add(files: &SdistFiles, project: &Project, wheel: &mut WheelBuilder) -> Result<(), SdistError> {
    let mut directories = BTreeMap::new();
    for package in project.packages.iter().collect::<BTreeSet<_>>() {
        let directory = project.directory(package)?;
        if !files.has_directory(&directory) {
            return Err(SdistError::Missing { file: "setup", path: directory });
        }
        for name in files.names(&directory) {
            let path = below(&directory, name);
            if name.strip_suffix(".py").is_some() && !name.starts_with('.') && path != "setup.py" {
                add_file(files, wheel, &path, below(&package.replace('.', "/"), name), false);
            }
        }
        directories.insert(directory, package.as_str());
    }
    modules(files, project, wheel)?;
    let mut manifest = manifest(files, project, &directories)?;
    for (directory, package) in &directories {
        let of_package = manifest.remove(package).unwrap_or_default();
        for path in data_files(files, project, (package, directory), of_package)? {
            let inner = path.strip_prefix(directory.as_str()).unwrap_or(&path).trim_start_matches('/');
            add_file(files, wheel, &path, below(&package.replace('.', "/"), inner), true);
        }
    }
    scripts(files, project, wheel)?;
    install_data(files, project, wheel)
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Adds a file. Modules lose their mode, data files keep it.
fn add_file(files: &SdistFiles, wheel: &mut WheelBuilder, path: &str, target: String, keep_mode: bool) {
    if let Some(file) = files.get(path) {
        let executable = keep_mode && file.executable;
        wheel.add(target, SdistFile { bytes: file.bytes.clone(), executable });
    }
}

fn modules(files: &SdistFiles, project: &Project, wheel: &mut WheelBuilder) -> Result<(), SdistError> {
    for module in &project.modules {
        let (package, name) = module.rsplit_once('.').unwrap_or(("", module));
        let directory = project.directory(package)?;
        let path = below(&directory, &format!("{name}.py"));
        if !files.has(&path) {
            return Err(SdistError::Missing { file: "setup", path });
        }
        let folder = package.replace('.', "/");
        add_file(files, wheel, &path, below(&folder, &format!("{name}.py")), false);
        let init = below(&directory, "__init__.py");
        if !package.is_empty() && files.has(&init) {
            add_file(files, wheel, &init, below(&folder, "__init__.py"), false);
        }
    }
    Ok(())
}

/// Returns the data files of the manifest with their packages, if `include_package_data` is set.
///
/// # Errors
/// The manifest, or `package_data`, leaves open whether the wheel has a file.
fn manifest<'p>(
    files: &SdistFiles,
    project: &Project,
    directories: &BTreeMap<String, &'p str>,
) -> Result<BTreeMap<&'p str, Vec<String>>, SdistError> {
    if !project.include_package_data && project.open_package_data.is_none() {
        return Ok(BTreeMap::new());
    }
    let sources = project.sources.as_ref().filter(|_| project.include_package_data);
    let listed: Option<BTreeSet<&str>> = sources.map(|lines| lines.iter().map(String::as_str).collect());
    let mut out: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut covered: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for path in files.paths() {
        let (mut directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let own = directory;
        while !directory.is_empty() && !directories.contains_key(directory) {
            directory = directory.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        let Some(package) = directories.get(directory) else { continue };
        if own == directory && name.strip_suffix(".py").is_some_and(is_identifier) {
            continue;
        }
        if directory.is_empty() {
            // Packages in the top directory take every file of the sdist: too much to be meant.
            return Err(SdistError::Setting("a package in the top directory with its data".to_owned()));
        }
        let is_listed = listed.as_ref().is_some_and(|listed| listed.contains(path));
        if let Some(error) = project.open_package_data.as_ref().filter(|_| !is_listed) {
            return Err(error.clone());
        }
        match &listed {
            Some(listed) if listed.contains(path) => out.entry(package).or_default().push(path.to_owned()),
            // The manifest of a build also has what MANIFEST.in says, which the list should have.
            _ if files.has("MANIFEST.in") || listed.is_none() => {
                if !covered.contains_key(directory) {
                    let found = data_files(files, project, (package, directory), Vec::new())?;
                    covered.insert(directory, found.into_iter().collect());
                }
                if !covered.get(directory).is_some_and(|covered| covered.contains(path))
                    && path.strip_suffix(".pyc").is_none()
                {
                    return Err(SdistError::Setting(format!("the manifest, which leaves `{path}` open,")));
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Returns the data files of a package.
fn data_files(
    files: &SdistFiles,
    project: &Project,
    (package, directory): (&str, &str),
    manifest: Vec<String>,
) -> Result<Vec<String>, SdistError> {
    let of = |spec: &[(String, Vec<String>)]| -> Result<Vec<String>, SdistError> {
        let own = |key: &str| {
            spec.iter().filter(|(name, _)| name == key).flat_map(|(_, patterns)| patterns.clone()).collect::<Vec<_>>()
        };
        let all = own("").into_iter().chain(if package.is_empty() { Vec::new() } else { own(package) });
        all.map(|pattern| {
            join(directory, &pattern).ok_or_else(|| SdistError::Invalid(format!("the pattern `{pattern}`")))
        })
        .collect()
    };
    let always = ALWAYS.iter().map(|pattern| below(directory, pattern));
    let patterns: Vec<String> = always.chain(of(&project.package_data)?).collect();
    let excluded = of(&project.exclude_package_data)?;
    let found = patterns.iter().flat_map(|pattern| glob(files, pattern));
    let all: BTreeSet<String> = manifest.into_iter().chain(found).collect();
    Ok(all.into_iter().filter(|path| !excluded.iter().any(|pattern| fnmatch(pattern, path))).collect())
}

/// Adds the scripts, with `#!python` for the interpreter, which installers replace.
fn scripts(files: &SdistFiles, project: &Project, wheel: &mut WheelBuilder) -> Result<(), SdistError> {
    for script in &project.scripts {
        let missing = || SdistError::Missing { file: "setup", path: script.clone() };
        let path = join("", script).ok_or_else(missing)?;
        let file = files.get(&path).ok_or_else(missing)?;
        let text =
            std::str::from_utf8(&file.bytes).map_err(|_| SdistError::Invalid(format!("the script `{script}`")))?;
        if text.is_empty() {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or(&path);
        let adjusted = python_script(&universal_newlines(text));
        let bytes = adjusted.map_or_else(|| file.bytes.clone(), String::into_bytes);
        wheel.add(format!("{}/{name}", wheel.data("scripts")), SdistFile { bytes, executable: true });
    }
    Ok(())
}

/// Returns a script with another first line, if the first line names Python:
/// `^#!.*python[0-9.]*([ \t].*)?$`.
fn python_script(text: &str) -> Option<String> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let line = first.strip_prefix("#!")?;
    // The pattern is greedy: the last `python` that only digits follow counts.
    let at = line.rmatch_indices("python").find_map(|(at, word)| {
        let after = line[at + word.len()..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        (after.is_empty() || after.starts_with([' ', '\t'])).then_some(after)
    })?;
    Some(format!("#!python{at}\n{rest}"))
}

/// Adds `data_files`.
fn install_data(files: &SdistFiles, project: &Project, wheel: &mut WheelBuilder) -> Result<(), SdistError> {
    for (directory, paths) in &project.data_files {
        let place =
            join("", directory).ok_or_else(|| SdistError::Setting(format!("`data_files` for `{directory}`")))?;
        for path in paths {
            let missing = || SdistError::Missing { file: "setup", path: path.clone() };
            let path = join("", path).ok_or_else(missing)?;
            let file = files.get(&path).ok_or_else(missing)?;
            let name = path.rsplit('/').next().unwrap_or(&path);
            wheel.add(format!("{}/{}", wheel.data("data"), below(&place, name)), file.clone());
        }
    }
    Ok(())
}
