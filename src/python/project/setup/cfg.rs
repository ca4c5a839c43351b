//! `setup.cfg`.

use super::description::{Setup, SetupPackages, points};
use crate::python::ini::Ini;
use crate::python::project::module::inner;
use crate::python::project::version::{Reading, VersionSource, VersioneerSettings};

/// Reads a `setup.cfg`. A file that is not an INI file says nothing.
pub(super) fn read(text: &str) -> Setup {
    let ini = Ini::parse(text).unwrap_or_default();
    let lines = |section: &str, key: &str| -> Vec<&str> {
        let is_it = |name: &str| name.to_lowercase().replace('-', "_") == key;
        let option = ini.section(section).and_then(|options| options.iter().rfind(|(name, _)| is_it(name)));
        option.into_iter().flat_map(|(_, value)| value.lines()).filter(|line| !line.is_empty()).collect()
    };
    let value = |section: &str, key: &str| lines(section, key).first().map(|&line| line.to_owned());
    let version = value("metadata", "version").map(|version| match version.split_once(':') {
        Some(("attr", attr)) => {
            VersionSource::File { paths: Vec::new(), reading: Reading::Attribute(attr.trim().to_owned()) }
        }
        Some(("file", file)) => {
            let first = file.split(',').next().unwrap_or_default();
            VersionSource::File { paths: vec![inner(first.trim())], reading: Reading::Whole }
        }
        _ => VersionSource::Stated(version),
    });
    let items = |section: &str, key: &str| -> Vec<String> {
        let lines = lines(section, key).into_iter();
        let items = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    };
    let packages = items("options", "packages");
    let packages = match packages.first().map(String::as_str) {
        Some("find:" | "find_namespace:") => {
            let folders: Vec<_> = items("options.packages.find", "where").iter().map(|folder| inner(folder)).collect();
            Some(SetupPackages::Found(if folders.is_empty() { vec![String::new()] } else { folders }))
        }
        Some(_) => Some(SetupPackages::Named(packages)),
        None => None,
    };
    let groups = ini.section("options.entry_points").unwrap_or_default().iter();
    Setup {
        name: value("metadata", "name"),
        version,
        package_dir: points(items("options", "package_dir").iter().map(String::as_str)),
        packages,
        modules: items("options", "py_modules"),
        requires: lines("options", "install_requires").into_iter().map(str::to_owned).collect(),
        entry_points: groups.map(|(group, value)| (group.clone(), points(value.lines()))).collect(),
        versioneer: VersioneerSettings::read(|key| {
            let (_, value) = ini.section("versioneer")?.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
            Some(value.clone())
        }),
        ..Setup::default()
    }
}
