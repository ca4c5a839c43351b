//! The Python runtime of the image.

use super::{Args, PlanError};
use crate::config::{Bytecode, File, PythonChoice, StatedPython};

/// The Python runtime to take from the builder.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// The version that the builder must have, such as `3.13`, if the user asked for one.
    pub version: Option<String>,
    pub exclude: Vec<String>,
    pub terminfo: bool,
    pub dlopen: Vec<String>,
    /// Whether the image gets compiled `.pyc` files.
    pub bytecode: bool,
}

/// The Python that the project's files name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectPython {
    /// The version in `.python-version`: `3.12`.
    pub pinned: Option<String>,
    /// `requires-python` of `pyproject.toml`.
    pub requires: Option<String>,
    /// `true` if the user names the builder, but no Python version.
    pub is_builder_named: bool,
}

/// Returns the Python that the project's files name.
pub(super) fn project_python(args: &Args, file: &File) -> ProjectPython {
    let is_named = args.builder.is_some() || file.builder.is_some();
    ProjectPython {
        pinned: StatedPython { pin: args.python_version.as_deref(), ..StatedPython::default() }.choose(),
        requires: args.requires_python.clone(),
        is_builder_named: is_named && args.python.is_none() && file.python.is_none(),
    }
}

/// The Python that the user asks for.
pub(super) enum PythonRequest {
    /// A version such as `3.13`, or any version.
    Version(Option<String>),
    /// No Python in the image.
    Off,
}

/// Returns the Python that the flag or the configuration asks for.
pub(super) fn python(args: &Args, file: &File) -> Result<PythonRequest, PlanError> {
    let flag = args.python.as_deref().map(str::parse::<PythonChoice>).transpose();
    let asked = flag.map_err(|cause| PlanError::Flag { flag: "--python", cause })?.or_else(|| file.python.clone());
    Ok(match asked {
        Some(PythonChoice::Off) => PythonRequest::Off,
        Some(PythonChoice::Version(version)) => PythonRequest::Version(Some(version)),
        None => PythonRequest::Version(None),
    })
}

/// Returns the runtime of an image with Python.
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

/// Checks that a build without Python has no settings that need it.
pub(super) fn check_unused(file: &File) -> Result<(), PlanError> {
    let runtime = &file.runtime;
    let set = [
        ("runtime.dlopen", runtime.dlopen.is_some()),
        ("runtime.exclude", runtime.exclude.is_some()),
        ("runtime.terminfo", runtime.terminfo == Some(true)),
    ];
    match set.into_iter().find(|(_, set)| *set) {
        Some((key, _)) => Err(PlanError::NoPython(key)),
        None => Ok(()),
    }
}
