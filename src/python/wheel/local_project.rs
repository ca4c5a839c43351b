//! The metadata that an installer writes for a project installed from its files: name and version,
//! scripts, RECORD.
//!
//! Source: PyPA, "Recording installed projects", "Core metadata" (the two fields that every version
//! has), "Entry points specification".

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pep440_rs::Version;

use super::{Installed, entry_points};
use crate::python::project::{ProjectError, ProjectMetadata};
use crate::python::{Interpreter, normalised, record};
use crate::rootfs::{Content, Entry, RootPath};

/// Installs a project with the modules `files`.
///
/// # Errors
/// Returns an error for a project without a name or version, and for invalid scripts.
pub fn local(
    project: &ProjectMetadata,
    files: BTreeMap<RootPath, Entry>,
    interpreter: &Interpreter,
) -> Result<Installed, ProjectError> {
    let name = project.name.clone().ok_or(ProjectError::NoName)?;
    let version = project.version.as_deref().ok_or_else(|| ProjectError::NoVersion(project.unknown_version()))?;
    let version: Version = version.parse().map_err(|_| ProjectError::Version(version.to_owned()))?;
    let folder = format!("{}-{version}.dist-info", normalised(&name).replace('-', "_"));
    let info = interpreter.purelib.child(folder.as_bytes());
    let mut entries = files;
    let mut put =
        |path: RootPath, mode, text: String| drop(entries.insert(path, Entry::bytes(mode, text.into_bytes())));
    put(info.child(b"METADATA"), 0o644, format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"));
    put(info.child(b"INSTALLER"), 0o644, "carboy\n".to_owned());
    let points = points(project);
    if !points.is_empty() {
        let scripts = entry_points::scripts(&points).map_err(|fault| ProjectError::Scripts(fault.to_string()))?;
        for (name, function) in scripts {
            put(interpreter.scripts.child(name.as_bytes()), 0o755, function.launcher(&interpreter.shebang()));
        }
        put(info.child(b"entry_points.txt"), 0o644, points);
    }
    let path = info.child(b"RECORD");
    let contents = entries.iter().filter_map(|(path, entry)| Some((path, entry.content()?)));
    let files = contents.filter_map(|(path, content)| Some((path, content.digest()?, content.size())));
    let record = record::written(&interpreter.purelib, &path, files);
    entries.insert(path, Entry::bytes(0o644, record.into_bytes()));
    let size = entries.values().filter_map(Entry::content).map(Content::size).sum();
    let entries = entries.into_iter().map(|(path, entry)| (path, entry.into())).collect();
    let scripts = project.scripts.keys().cloned().collect();
    Ok(Installed {
        name,
        version: version.to_string(),
        entries,
        size,
        purelib: true,
        left_out: 0,
        scripts,
        warnings: Vec::new(),
        private_keys: Vec::new(),
    })
}

/// Returns the text of `entry_points.txt`.
fn points(project: &ProjectMetadata) -> String {
    let own = [("console_scripts", &project.scripts), ("gui_scripts", &project.gui_scripts)];
    let others = project.entry_points.iter().map(|(group, points)| (group.as_str(), points));
    let mut out = String::new();
    for (group, points) in own.into_iter().chain(others).filter(|(_, points)| !points.is_empty()) {
        let _ = writeln!(out, "[{group}]");
        for (name, object) in points {
            let _ = writeln!(out, "{name} = {object}");
        }
    }
    out
}
