//! Images whose files come without package records: scanners cannot judge what they do not see.

use crate::compose::composition::Composition;
use crate::compose::contents::root_path;
use crate::compose::source_image::{Origins, SourceImage};
use crate::diagnostic::{Code, Diagnostic};
use crate::package_db::foreign_database;
use crate::rootfs::RootPath;

/// Directories of files that no distribution's package owns.
const UNPACKAGED: [&str; 3] = ["usr/local", "opt", "home"];

/// dpkg's records.
const DPKG: [&str; 2] = ["var/lib/dpkg/status", "var/lib/dpkg/status.d"];

/// Warns of source images that gave libraries and have no package records that carboy reads.
pub(super) fn check(composition: &Composition<'_>) -> Vec<Diagnostic> {
    let sources = composition.cx.sources.iter().zip(&composition.image.origins);
    sources.filter_map(|(source, origins)| unrecorded(source, origins)).collect()
}

fn unrecorded(source: &SourceImage, origins: &Origins) -> Option<Diagnostic> {
    if source.owners.iter().next().is_some() {
        return None;
    }
    let library = origins.values().find(|path| is_packaged_library(path))?;
    let name = &source.name;
    let (has, hint) = match foreign_database(&source.tree) {
        Some(database) => (
            format!("has its packages in {database}'s database, which carboy does not read"),
            "scan that image itself, or take the files from a Debian image",
        ),
        None if DPKG.iter().any(|path| source.tree.follow(&root_path(path)).is_some()) => (
            "has a package database without lists of files".to_owned(),
            "take the files from an image that keeps /var/lib/dpkg/info",
        ),
        None => (
            "has no package database".to_owned(),
            "take the files from an image that keeps /var/lib/dpkg/status or /var/lib/dpkg/status.d",
        ),
    };
    let message =
        format!("{name} {has}: scanners will not see the libraries that are taken from it, such as `{library}`");
    Some(Diagnostic::warning(Code::NoPackageRecords, message).hint(hint.to_owned()))
}

fn is_packaged_library(path: &RootPath) -> bool {
    let is_library = path.name().is_some_and(|name| name.windows(3).any(|part| part == b".so"));
    is_library && UNPACKAGED.iter().all(|folder| path.strip(&root_path(folder)).is_none())
}
