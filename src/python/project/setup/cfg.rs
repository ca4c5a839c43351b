//! `setup.cfg`.

use std::collections::BTreeMap;

use super::description::{Setup, SetupPackages, points};
use crate::python::project::module::inner;
use crate::python::project::version::{Reading, VersionSource};

/// The sections of a file: values by key, with a line for each line of the value.
type Sections = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Reads a `setup.cfg`.
pub(super) fn read(text: &str) -> Setup {
    let sections = sections(text);
    let lines = |section: &str, key: &str| sections.get(section).and_then(|section| section.get(key));
    let value = |section: &str, key: &str| lines(section, key).and_then(|lines| lines.first()).cloned();
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
        let lines = lines(section, key).into_iter().flatten();
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
    let groups = sections.get("options.entry_points").into_iter().flatten();
    Setup {
        name: value("metadata", "name"),
        version,
        package_dir: points(items("options", "package_dir").iter().map(String::as_str)),
        packages,
        modules: items("options", "py_modules"),
        requires: lines("options", "install_requires").into_iter().flatten().cloned().collect(),
        entry_points: groups.map(|(group, lines)| (group.clone(), points(lines.iter().map(String::as_str)))).collect(),
        ..Setup::default()
    }
}

/// Reads sections as Python's `configparser` does it: indented lines continue a value.
fn sections(text: &str) -> Sections {
    let mut out = Sections::new();
    let (mut section, mut key) = (String::new(), String::new());
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && !key.is_empty() {
            out.entry(section.clone()).or_default().entry(key.clone()).or_default().push(bare.to_owned());
        } else if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, key) = (name.trim().to_owned(), String::new());
        } else if let Some(at) = bare.find(['=', ':']) {
            key = bare[..at].trim().to_lowercase().replace('-', "_");
            // The groups of entry points keep their case and dashes.
            if section == "options.entry_points" {
                bare[..at].trim().clone_into(&mut key);
            }
            let value = bare[at + 1..].trim();
            let lines = if value.is_empty() { Vec::new() } else { vec![value.to_owned()] };
            out.entry(section.clone()).or_default().insert(key.clone(), lines);
        }
    }
    out
}
