//! Merges the errors of a project and of its images.

use crate::diagnostic::{Code, Diagnostic};
use crate::oci::Platform;

/// Returns whether an error is about the project's files rather than about an image.
fn is_of_project(error: &Diagnostic) -> bool {
    let is_wheel = error.code == Code::NoWheel && error.subject.distribution.is_none();
    matches!(error.code, Code::InvalidLockFile | Code::NoEntrypoint) || is_wheel
}

/// Returns the errors of a project and of its images, each with its platform. An error of the
/// project's files that all `platforms` share belongs to the project.
pub(super) fn merged(
    project: Vec<Diagnostic>,
    images: Vec<(Platform, Vec<Diagnostic>)>,
    platforms: usize,
) -> Vec<Diagnostic> {
    let is_known = |known: &[Diagnostic], one: &Diagnostic| {
        known.iter().any(|other| other.code == one.code && other.line() == one.line())
    };
    let is_shared = |one: &Diagnostic| {
        is_of_project(one) && images.iter().filter(|(_, found)| is_known(found, one)).count() == platforms
    };
    let mut out = project;
    let first = images.first().map(|(_, found)| found.as_slice()).unwrap_or_default();
    out.extend(first.iter().filter(|one| is_shared(one)).cloned());
    let of_project = out.len();
    for (platform, found) in images {
        let own = found.into_iter().filter(|one| one.is_error() && !is_known(&out[..of_project], one));
        let own: Vec<_> = own.map(|one| one.on(&platform)).collect();
        out.extend(own);
    }
    out
}
