//! Which base and which builder.

use std::path::{Path, PathBuf};

use super::{Args, PlanError, Runtime};
use crate::config::{Bytecode, File, PythonChoice, choose_python};
use crate::oci::Location;
use crate::python::releases;

/// The version asked for, or none for whatever fits; or no Python at all.
pub(super) enum PythonRequest {
    Version(Option<String>),
    Off,
}

pub(super) fn python(args: &Args, file: &File) -> Result<PythonRequest, PlanError> {
    let flag = args.python.as_deref().map(str::parse::<PythonChoice>).transpose();
    let asked = flag.map_err(|cause| PlanError::Flag { flag: "--python", cause })?.or_else(|| file.python.clone());
    Ok(match asked {
        Some(PythonChoice::Off) => PythonRequest::Off,
        Some(PythonChoice::Version(version)) => PythonRequest::Version(Some(version)),
        None => PythonRequest::Version(None),
    })
}

pub(super) fn runtime(python: PythonRequest, file: &File) -> Option<Runtime> {
    let PythonRequest::Version(version) = python else { return None };
    Some(Runtime {
        version,
        exclude: file.runtime.exclude.clone().unwrap_or_default(),
        terminfo: file.runtime.terminfo.unwrap_or(false),
        dlopen: file.runtime.dlopen.clone().unwrap_or_default(),
        bytecode: file.runtime.bytecode == Some(Bytecode::UncheckedHash),
    })
}

/// The names of base and builder.
pub(super) fn images(args: &Args, file: &File, python: &PythonRequest) -> Result<(String, Option<String>), PlanError> {
    let base = args.base.clone().or_else(|| file.base.clone());
    let builder = args.builder.clone().or_else(|| file.builder.clone());
    let PythonRequest::Version(asked) = python else {
        let base = base.unwrap_or(releases::pair(releases::DEFAULT)?.base);
        return Ok((base, builder));
    };
    if builder.as_deref() == Some("scratch") {
        return Err(PlanError::ScratchBuilder);
    }
    if let (Some(base), Some(builder)) = (&base, &builder) {
        return Ok((base.clone(), Some(builder.clone())));
    }
    let version = asked
        .clone()
        .or_else(|| choose_python(args.python_version.as_deref(), args.requires_python.as_deref()))
        .unwrap_or_else(|| releases::DEFAULT.to_owned());
    let pair = releases::pair(&version)?;
    // One of the two given: the other follows its Debian release where its name tells.
    let release = base.as_deref().or(builder.as_deref()).and_then(releases::release_named);
    let pair = release.map_or(pair, |release| releases::pair_of(&version, release));
    Ok((base.unwrap_or(pair.base), Some(builder.unwrap_or(pair.builder))))
}

pub(super) fn image_location(what: &str, name: &str, args: &Args) -> Result<Option<Location>, PlanError> {
    if name == "scratch" {
        return Ok(None);
    }
    let location = name.parse().map_err(|cause| PlanError::Location { what: what.to_owned(), cause })?;
    let from_flag = [&args.base, &args.builder].into_iter().flatten().any(|flag| flag == name);
    Ok(Some(if from_flag { location } else { below(&args.folder, location) }))
}

/// A layout's relative folder starts at the configuration's.
pub(super) fn below(folder: &Path, location: Location) -> Location {
    match location {
        Location::Layout { folder: layout, name, digest } => {
            Location::Layout { folder: join(folder, &layout), name, digest }
        }
        registry @ Location::Registry(_) => registry,
    }
}

/// A path below the configuration's folder, without a `./` before it.
#[must_use]
pub fn join(folder: &Path, path: &Path) -> PathBuf {
    if folder == Path::new(".") || folder.as_os_str().is_empty() { path.to_owned() } else { folder.join(path) }
}
