//! Installs path dependencies of a lock file as an installer would, and makes the metadata of an
//! application that is copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::python::Interpreter;
use crate::python::project::{ProjectError, ProjectMetadata};
use crate::python::wheel::{self, Installed};
use crate::rootfs::{Entry, LeftOut, LocalKind, RootPath, Tree, Walk};

/// Returns the files of a project that are left out. Of the files that git tracks, it lists only
/// the package's own: no others would be installed.
pub fn left_out_of_project(project: &ProjectMetadata, walk: &Walk) -> Result<LeftOut, ProjectError> {
    let modules = project.modules(walk.file_names())?;
    let mut left_out = walk.left_out.clone();
    let is_own = |path: &str| modules.iter().any(|module| module.place(path.trim_end_matches('/')).is_some());
    left_out.tracked.retain(|tracked| is_own(&tracked.path));
    left_out.paths.retain(|one| is_own(&one.path));
    left_out.git_ignored.retain(|(path, _)| is_own(path));
    Ok(left_out)
}

/// Installs a project of pure Python from the files of its directory.
///
/// # Errors
/// A project that needs a build; a link without a target in the project.
pub fn install_project(
    project: &ProjectMetadata,
    walk: &Walk,
    interpreter: &Interpreter,
) -> Result<Installed, ProjectError> {
    let modules = project.modules(walk.file_names())?;
    let files = walk.entries.iter().filter_map(|local| Some((RootPath::new(&local.path).ok()?, entry(&local.kind))));
    let files: Tree = files.collect();
    let mut entries = BTreeMap::new();
    let skipped = walk.with_passwords.iter().filter_map(|path| std::str::from_utf8(path).ok());
    let skipped: Vec<_> = skipped.filter(|path| modules.iter().any(|module| module.place(path).is_some())).collect();
    for local in &walk.entries {
        let Ok(path) = std::str::from_utf8(&local.path) else { continue };
        let Some(place) = modules.iter().find_map(|module| module.place(path)) else { continue };
        let Ok(below) = RootPath::new(place) else { continue };
        if local.kind == LocalKind::Folder {
            continue;
        }
        // Installs the target of a link, as build tools do.
        let target = RootPath::new(path).ok().and_then(|path| files.follow(&path)).map(|(_, entry)| entry);
        let file = target.filter(|entry| entry.content().is_some());
        let file = file.ok_or_else(|| ProjectError::Link(path.to_owned()))?;
        entries.insert(interpreter.purelib.join(&below), file.clone());
    }
    for file in &project.resolved.files {
        let place = modules.iter().find_map(|module| module.place(&file.path));
        if let Some(below) = place.and_then(|place| RootPath::new(place).ok()) {
            entries.insert(interpreter.purelib.join(&below), Entry::bytes(0o644, file.text.clone().into_bytes()));
        }
    }
    let mut installed = wheel::local(project, entries, interpreter)?;
    let warning = |path| format!("`{path}` of {installed} is left out: a URL in it has a password");
    let warnings: Vec<_> = skipped.into_iter().map(warning).collect();
    installed.warnings.extend(warnings);
    Ok(installed)
}

fn entry(kind: &LocalKind) -> Entry {
    match kind {
        LocalKind::Folder => Entry::folder(0o755),
        LocalKind::Link(target) => Entry::link(target.clone()),
        LocalKind::File(file) => Entry::local(file),
    }
}

/// Makes the metadata of an application that is copied, not installed: its scripts and, if its
/// version is known, its `dist-info` files.
///
/// # Errors
/// Invalid scripts; an invalid version.
pub(super) fn metadata(
    project: &ProjectMetadata,
    interpreter: &Interpreter,
) -> Result<BTreeMap<RootPath, Arc<Entry>>, ProjectError> {
    if project.name.is_none() {
        return Ok(BTreeMap::new());
    }
    // Metadata needs a version, and only a build backend may know it; scripts do not need one.
    let unknown = project.version.is_none();
    let mut project = project.clone();
    project.version.get_or_insert_with(|| "0".to_owned());
    let mut entries = wheel::local(&project, BTreeMap::new(), interpreter)?.entries;
    if unknown {
        entries.retain(|path, _| path.strip(&interpreter.scripts).is_some());
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::rootfs::{Content, LocalFile};
    use crate::rootfs::{LocalEntry, Tracked};

    #[test]
    fn only_tracked_files_of_the_package_are_listed() {
        let tracked = |path: &str| Tracked { path: path.to_owned(), rule: ".env*".to_owned(), files: 1 };
        let all = ["src/shop/defaults.env", "src/shop/node_modules/", "Dockerfile", ".github/", "docs/a.env"];
        let left_out =
            LeftOut { tracked: all.map(tracked).into(), rules: [(".env*".to_owned(), 2)].into(), ..LeftOut::default() };
        let file = LocalFile {
            path: PathBuf::from("x"),
            size: 0,
            executable: false,
            digest: crate::oci::Digest::of(b""),
            magic: [0; 4],
        };
        let entry = LocalEntry { path: b"src/shop/__init__.py".into(), kind: LocalKind::File(file) };
        let walk = Walk { entries: vec![entry], left_out, ..Walk::default() };
        let project = ProjectMetadata::parse("[project]\nname = \"shop\"\nversion = \"1\"\n").unwrap();
        let own_left_out = left_out_of_project(&project, &walk).unwrap();
        let paths: Vec<_> = own_left_out.tracked.iter().map(|tracked| tracked.path.as_str()).collect();
        assert_eq!(paths, ["src/shop/defaults.env", "src/shop/node_modules/"]);
        assert_eq!(own_left_out.rules, walk.left_out.rules);
    }

    #[test]
    fn link_targets_are_installed() {
        let of = |target: &str| {
            let file = |size| {
                let path = PathBuf::from("x");
                let digest = crate::oci::Digest::of(b"");
                LocalKind::File(LocalFile { path, size, executable: false, digest, magic: [0; 4] })
            };
            let entries = [
                ("schema.json", file(7)),
                ("src/shop/__init__.py", file(0)),
                ("src/shop/schema.json", LocalKind::Link(target.into())),
            ];
            let entries = entries.map(|(path, kind)| LocalEntry { path: path.into(), kind });
            let with_passwords = ["src/shop/x.toml", "uv.lock"].map(|path| path.as_bytes().to_vec()).into();
            let walk = Walk { entries: entries.into(), with_passwords, ..Walk::default() };
            let project = ProjectMetadata::parse("[project]\nname = \"shop\"\nversion = \"1\"\n").unwrap();
            let names = ["usr/local/bin/python3.13", "usr/local/lib/python3.13/os.py"];
            let image: Tree =
                names.map(|name| (RootPath::new(name).unwrap(), Entry::bytes(0o755, *b""))).into_iter().collect();
            let interpreter = Interpreter::find(&image, &["PATH=/usr/local/bin".to_owned()], None).unwrap();
            let place = interpreter.purelib.join(&RootPath::new("shop/schema.json").unwrap());
            install_project(&project, &walk, &interpreter).map(|installed| {
                assert_eq!(installed.warnings, ["`src/shop/x.toml` of shop 1 is left out: a URL in it has a password"]);
                installed.entries[&place].content().map(Content::size)
            })
        };
        assert_eq!(of("../../schema.json"), Ok(Some(7)));
        for odd in ["../nothing", "..", "schema.json"] {
            assert_eq!(of(odd), Err(ProjectError::Link("src/shop/schema.json".to_owned())), "{odd}");
        }
    }
}
