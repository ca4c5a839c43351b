//! Wheels of sdists that setuptools builds.
//!
//! `setup.py` is read as syntax; its text decides the arguments of `setup()`, or carboy refuses.

mod build;
mod calls;
mod changes;
mod comprehensions;
mod core_metadata;
mod expressions;
mod followed;
mod formatting;
mod machine;
mod methods;
mod modules;
mod paths;
mod project;
mod pyproject;
mod regular;
mod scope;
mod scripts;
mod settings;
mod setup_cfg;
mod setup_py;
mod sources;
mod statements;
mod undecided;
mod value;
mod version;
mod walked;

use toml::{Table, Value};

use super::error::SdistError;
use super::files::SdistFiles;
use super::identity::Identity;
use super::metadata::CoreMetadata;
use super::wheel::{BuiltWheel, WheelBuilder};
use crate::python::normalised;
use crate::python::requirement::split_name;
pub use value::Unknown;
pub use version::{Place, version};

use project::Project;
use settings::{Plain, Settings};

/// Makes the wheel of an sdist for setuptools.
pub fn wheel(
    files: &SdistFiles,
    pyproject: &Table,
    pkg_info: &CoreMetadata,
    identity: &Identity,
) -> Result<BuiltWheel, SdistError> {
    requirements(files, pyproject)?;
    let script = setup_py::settings(files)?;
    let mut settings = script.unwrap_or_default();
    setup_cfg::add(files, &mut settings)?;
    pyproject::add(files, pyproject, &mut settings)?;
    version_file(files, pyproject, &settings)?;
    let mut project = Project::of(files, &settings)?;
    let egg_info = egg_info(files, &project, &settings, identity)?;
    project.sources = egg_info
        .as_ref()
        .and_then(|path| files.text(&format!("{path}/SOURCES.txt")))
        .map(|text| text.lines().map(|line| line.trim().to_owned()).collect());
    let mut wheel = WheelBuilder::new(&identity.name, &identity.version);
    build::add(files, &project, &mut wheel)?;
    let sources = sources::Sources { files, settings: &settings, pyproject, pkg_info, egg_info: egg_info.as_deref() };
    let metadata = core_metadata::core_metadata(&sources, &project, identity)?;
    wheel.add_info("METADATA", metadata.text());
    wheel.add_info("top_level.txt", format!("{}\n", project.top_level().join("\n")));
    if let Some(text) = scripts::entry_points(&sources)? {
        wheel.add_info("entry_points.txt", text);
    }
    if let Some(egg_info) = &egg_info {
        leftovers(files, egg_info, &mut wheel)?;
    }
    wheel.add_licenses(files, &project.licenses);
    let tags: Vec<&str> = project.tags.iter().map(String::as_str).collect();
    wheel.finish(&tags)
}

/// The files of an egg-info that setuptools writes anew or leaves out.
const EGG_INFO: [&str; 10] = [
    "PKG-INFO",
    "SOURCES.txt",
    "dependency_links.txt",
    "top_level.txt",
    "entry_points.txt",
    "requires.txt",
    "not-zip-safe",
    "native_libs.txt",
    "scm_file_list.json",
    "scm_version.json",
];

/// Adds the other files of the egg-info: setuptools copies them.
fn leftovers(files: &SdistFiles, egg_info: &str, wheel: &mut WheelBuilder) -> Result<(), SdistError> {
    for name in files.below(egg_info).filter(|name| !EGG_INFO.contains(name)) {
        if name != "zip-safe" {
            return Err(SdistError::Setting(format!("`{egg_info}/{name}`")));
        }
        wheel.add_info(name, files.text(&format!("{egg_info}/{name}")).unwrap_or_default());
    }
    Ok(())
}

/// The distributions that a build may require without a part in the wheel's content.
const HARMLESS: [&str; 14] = [
    "setuptools",
    "wheel",
    "setuptools-scm",
    "setuptools-scm-git-archive",
    "pytest-runner",
    "toml",
    "tomli",
    "pip",
    "packaging",
    "build",
    "importlib-metadata",
    "typing-extensions",
    "setuptools-git",
    "twine",
];

/// Refuses requirements of the build that may change the wheel.
fn requirements(files: &SdistFiles, pyproject: &Table) -> Result<(), SdistError> {
    let requires = pyproject.get("build-system").and_then(|system| system.get("requires")).and_then(Value::as_array);
    for one in requires.into_iter().flatten().filter_map(Value::as_str) {
        let name = normalised(split_name(one).0);
        // It adds a LICENSE if there is none.
        let licensed = name == "coherent-licensed" && files.has("LICENSE");
        if !HARMLESS.contains(&name.as_str()) && !licensed {
            return Err(SdistError::Program(format!("`{name}`, which its build requires,")));
        }
    }
    Ok(())
}

/// Checks that the version file that setuptools-scm would write is there.
fn version_file(files: &SdistFiles, pyproject: &Table, settings: &Settings) -> Result<(), SdistError> {
    let scm = pyproject.get("tool").and_then(|tool| tool.get("setuptools_scm").or_else(|| tool.get("setuptools-scm")));
    let of = |key: &str| match (scm.and_then(|scm| scm.get(key)?.as_str()), settings.get("use_scm_version")) {
        (Some(path), _) => Some(path.to_owned()),
        (None, Ok(Some(Plain::Dict(items)))) => {
            items.iter().find(|(name, _)| name == key).and_then(|(_, value)| settings::text(value))
        }
        _ => None,
    };
    settings.get("use_scm_version")?;
    for path in [of("write_to"), of("version_file")].into_iter().flatten() {
        if !files.has(&path) {
            return Err(SdistError::Missing { file: "pyproject.toml", path });
        }
    }
    Ok(())
}

/// Returns the directory of the egg-info that setuptools would find.
fn egg_info(
    files: &SdistFiles,
    project: &Project,
    settings: &Settings,
    identity: &Identity,
) -> Result<Option<String>, SdistError> {
    let base = match settings.get("egg_base")? {
        Some(Plain::Text(base)) => base.clone(),
        _ => project.package_dir.get("").cloned().unwrap_or_default(),
    };
    let base = super::files::join("", &base).unwrap_or_default();
    let found: Vec<String> = files
        .directories(&base)
        .into_iter()
        .filter(|name| {
            let stem = name.strip_suffix(".egg-info");
            stem.is_some_and(|stem| normalised(stem) == normalised(&identity.name))
        })
        .map(|name| if base.is_empty() { name.to_owned() } else { format!("{base}/{name}") })
        .collect();
    match found.as_slice() {
        [one] => Ok(Some(one.clone())),
        [] => Ok(None),
        _ => Err(SdistError::Invalid("the egg-info, of which there are two,".to_owned())),
    }
}
