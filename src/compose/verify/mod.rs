//! Checks that the finished image works with its own loader and interpreter.

pub mod architecture;
mod extension_modules;
mod imports;
mod loaded_image;
mod missing_libraries;
mod package_records;
mod python_version;
mod requirements;
mod scripts;
mod startup;
mod symbol_versions;

use std::collections::BTreeSet;

use super::composition::Composition;
use super::contents::Result;
use super::{scratch, site_packages};
use crate::diagnostic::Diagnostic;
use crate::elf::Edge;
use crate::glibc::symbol_version;
use crate::hint::Hint as _;
use crate::plan::Dependencies;
use crate::python::Distributions;
use crate::rootfs::RootPath;
use architecture::{AbiInputs, Fault};
use loaded_image::LoadedImage;
pub use python_version::excluded_python;

/// Checks a composition: symbol versions, missing libraries, machines, Python versions, wheel
/// tags, permissions, and whether the process can start.
#[must_use]
pub fn verify(composition: &Composition<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Err(error) = check(composition, &mut found) {
        found.push(*error);
    }
    found.extend(package_records::check(composition));
    found.extend(scratch::missing_data(composition.cx, &composition.image.tree));
    found.extend(composition.cx.elf.broken_in(&composition.image.tree));
    found
}

fn check(composition: &Composition<'_>, found: &mut Vec<Diagnostic>) -> Result<()> {
    let loaded = LoadedImage::load(composition)?;
    found.extend(symbol_versions::check(composition, &loaded.outcome.edges)?);
    let mut reachable = missing_libraries::check(&loaded, found)?;
    missing_libraries::check_dlopen(&loaded, found)?;
    reachable.extend(loaded.entrypoint.clone());
    let cx = composition.cx;
    let purelib = cx.interpreter.as_ref().map(|interpreter| &interpreter.purelib);
    let purelib = purelib.map(std::slice::from_ref).unwrap_or_default();
    let distributions = site_packages::distributions(&composition.image.tree, purelib, cx.contents.as_ref());
    check_architecture(&loaded, reachable, &distributions, found)?;
    let requirements = requirements::check(composition, &distributions);
    found.extend(requirements.diagnostics);
    found.extend(python_version::check(composition));
    found.extend(startup::check(composition, &loaded.outcome.edges)?);
    found.extend(scripts::check(composition)?);
    found.extend(imports::check(composition, &requirements.missing)?);
    Ok(())
}

/// Checks machines, the Python versions of modules, and the tags of wheels.
fn check_architecture(
    loaded: &LoadedImage<'_>,
    mut reachable: BTreeSet<RootPath>,
    distributions: &Distributions,
    found: &mut Vec<Diagnostic>,
) -> Result<()> {
    let composition = loaded.composition;
    let (cx, image) = (composition.cx, &composition.image);
    let interpreter = cx.interpreter.as_ref();
    let mut imported: Vec<_> = interpreter.iter().map(|interpreter| interpreter.purelib.clone()).collect();
    imported.extend(cx.plan.app.iter().map(|app| app.to.clone()));
    if let Some(interpreter) = interpreter {
        reachable.extend(composition.foreign_modules(interpreter, &imported, loaded.abi)?);
    }
    // The base's own objects are not checked.
    let concerned = |path: &RootPath| {
        image.reasons.get(path).is_some()
            || reachable.contains(path)
            || imported.iter().any(|folder| path.strip(folder).is_some())
    };
    let checked = composition.objects.iter().filter(|(path, _)| concerned(path));
    let folder = match &cx.plan.dependencies {
        Dependencies::Ready(folders) => folders.get(&cx.platform).map(|folder| folder.display().to_string()),
        Dependencies::None | Dependencies::Locked(_) | Dependencies::Unknown => None,
    };
    let report = architecture::check(&AbiInputs {
        tree: &image.tree,
        platform: loaded.abi,
        interpreter,
        glibc: glibc_of(composition, &loaded.outcome.edges),
        imported: &imported,
        objects: &checked.map(|(path, abi)| (path.clone(), *abi)).collect(),
        reachable: &reachable,
        distributions,
        folder: folder.as_deref(),
    });
    found.extend(report.notes.iter().map(|fault| Diagnostic::warning(fault.code(), fault.to_string())));
    let error = |fault: &Fault| Diagnostic::error(fault.code(), fault.to_string()).hint(fault.hint());
    found.extend(report.errors.iter().map(error));
    Ok(())
}

/// Returns the newest glibc version that the image's C library defines.
fn glibc_of(composition: &Composition<'_>, edges: &[Edge]) -> Option<(u32, u32)> {
    edges.iter().filter(|edge| edge.soname == b"libc.so.6").find_map(|edge| {
        let libc = composition.object_at(edge.to.as_ref()?)?;
        libc.versions.iter().flatten().filter_map(|version| symbol_version(version)).max()
    })
}
