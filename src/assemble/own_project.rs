//! Checks the version and the extension modules of the project that is built.

use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use crate::compose::Contents as _;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::python::project::ProjectMetadata;
use crate::rootfs::{Content, LocalKind, Walk};

/// The largest module that is searched for calls, in bytes.
const LARGEST: u64 = 256 << 10;

/// Checks the project in a directory: its version, and whether its extension modules are there.
pub fn check(cx: &Context, (project, source): (&ProjectMetadata, &Path), walk: &Walk, errors: &Diagnostics) {
    check_version(cx, project, walk, errors);
    if let Some(reason) = project.missing_extensions(walk.file_names()) {
        errors.add(unbuilt(project, source, &reason));
    }
}

/// Warns about a doubtful version. Without a version there is no metadata: an error if a module of
/// the project asks for the project's metadata whenever it is imported, else a warning.
fn check_version(cx: &Context, project: &ProjectMetadata, walk: &Walk, errors: &Diagnostics) {
    if let Some(doubt) = &project.resolved.doubt {
        cx.warn(Diagnostic::warning(Code::VersionDoubt, &doubt.cause).hint(doubt.hint.clone()));
    }
    let Some(name) = project.name.as_ref().filter(|_| project.version.is_none()) else { return };
    let needing = project.files_that_need_metadata(walk.file_names(), &mut |path| text(cx, walk, path));
    let cause = project.unknown_version();
    let give = "give it: --app-version 1.2.3, or version = \"1.2.3\" under [app]; or install the project's wheel: wheel = \"dist/*.whl\" under [app]";
    let hint = match project.resolved.fault.as_ref().and_then(|fault| fault.hint.clone()) {
        Some(hint) => format!("{hint}; or {give}"),
        None => give.to_owned(),
    };
    let Some(first) = needing.first() else {
        let message = format!("importlib.metadata does not find {name}: its version is not known: {cause}");
        cx.warn(Diagnostic::warning(Code::NoMetadata, message).distribution(name).hint(hint));
        return;
    };
    let message = format!("`{first}` asks importlib.metadata for {name}, whose version is not known: {cause}");
    errors.add(Diagnostic::error(Code::NoMetadata, message).distribution(name).file(first).hint(hint));
}

/// Makes the error of a project whose extension modules are not among its files.
fn unbuilt(project: &ProjectMetadata, source: &Path, reason: &str) -> Diagnostic {
    let name = project.name.clone().unwrap_or_else(|| "the project".to_owned());
    let message = format!("{name} has extension modules, which carboy does not compile: {reason}");
    let hint = "build its wheel for each platform, as with cibuildwheel or `uv build --wheel`, and install it: wheel = \"dist/*.whl\" under [app]";
    Diagnostic::error(Code::UnbuiltProject, message).distribution(name).file(source.display()).hint(hint.to_owned())
}

/// Returns the text of a file of the project.
fn text(cx: &Context, walk: &Walk, path: &str) -> Option<String> {
    let at = walk.entries.binary_search_by(|entry| entry.path.as_slice().cmp(path.as_bytes())).ok()?;
    let LocalKind::File(file) = &walk.entries[at].kind else { return None };
    let content = Content::Local(Arc::new(file.clone()));
    String::from_utf8(cx.tars.read(&content, LARGEST).ok()?).ok()
}
