//! Finds the builder's interpreter, and checks that base and builder match.

use super::contents::{Contents, Result};
use super::contents::{root_path, text};
use crate::debian::os_release::OsRelease;
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint as _;
use crate::image::ImageConfig;
use crate::plan::Plan;
use crate::python::{Interpreter, PythonError};
use crate::rootfs::Tree;

/// Finds the builder's interpreter of the version that the plan asks for.
///
/// # Errors
/// No interpreter, or another version.
pub fn find_interpreter(plan: &Plan, tree: &Tree, config: &ImageConfig) -> Result<Option<Interpreter>> {
    let Some(runtime) = &plan.runtime else { return Ok(None) };
    let wanted = runtime.version.as_deref();
    let found = Interpreter::find(tree, &config.env(), wanted).and_then(|found| match wanted {
        Some(wanted) if wanted != found.version => {
            Err(PythonError::Version { found: found.version, wanted: wanted.to_owned() })
        }
        _ => Ok(found),
    });
    found.map(Some).map_err(|error| {
        let image = plan.builder_name.clone().unwrap_or_default();
        let code = if matches!(error, PythonError::Version { .. }) { Code::PythonVersion } else { Code::NoPython };
        Box::new(
            Diagnostic::caused(code, format!("cannot take Python from {image}"), &error)
                .image(image)
                .hint(error.hint()),
        )
    })
}

/// Checks that base and builder are of the same release. Scanners match packages against the
/// advisories of one release: with packages of two releases they give wrong answers, even
/// if the libraries would run.
///
/// # Errors
/// A release file that cannot be read; different releases.
pub fn check_releases(plan: &Plan, contents: &dyn Contents, (base, builder): (&Tree, &Tree)) -> Result<()> {
    if plan.allow_mixed {
        return Ok(());
    }
    if let (Some(of_base), Some(of_builder)) = (release(contents, base)?, release(contents, builder)?)
        && of_base != of_builder
    {
        let builder_name = plan.builder_name.clone().unwrap_or_default();
        let message = format!(
            "base and builder have different releases: {} is {of_base}, {builder_name} is {of_builder}",
            plan.base_name
        );
        let hint =
            "leave one of `base` and `builder` out so that they match, or set allow-mixed = true under [runtime]";
        return Err(Box::new(
            Diagnostic::error(Code::ReleaseMismatch, message).image(&plan.base_name).hint(hint.to_owned()),
        ));
    }
    Ok(())
}

/// Reads the release of an image from its os-release(5).
pub(super) fn release(contents: &dyn Contents, tree: &Tree) -> Result<Option<OsRelease>> {
    let text = match text(contents, tree, &root_path("etc/os-release"))? {
        Some(text) => Some(text),
        None => text(contents, tree, &root_path("usr/lib/os-release"))?,
    };
    Ok(text.and_then(|text| OsRelease::parse(&text)))
}
