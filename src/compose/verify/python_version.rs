//! Checks that the builder's Python is one that the project is for.

use crate::compose::composition::Composition;
use crate::diagnostic::{Code, Diagnostic};
use crate::python::lock::python_allows;

/// Reports a Python that `requires-python` excludes as an error, and a named builder with another
/// Python than `.python-version` as a warning.
pub fn check(composition: &Composition<'_>) -> Option<Diagnostic> {
    let cx = composition.cx;
    let (interpreter, project) = (cx.interpreter.as_ref()?, &cx.plan.project_python);
    let version = interpreter.full_version.as_deref().unwrap_or(&interpreter.version);
    let builder = cx.plan.builder_name.as_deref().unwrap_or("the builder");
    if let Some(requires) = &project.requires {
        // Any patch release, if the builder does not name its own.
        let patches = (0..100).map(|patch| format!("{}.{patch}", interpreter.version));
        let mut versions: Box<dyn Iterator<Item = String>> = match &interpreter.full_version {
            Some(full) => Box::new(std::iter::once(full.clone())),
            None => Box::new(patches),
        };
        if versions.all(|version| python_allows(requires, &version) == Some(false)) {
            let message = format!("the project requires Python {requires}, and {builder} has {version}");
            let hint = "choose another `python` or `builder`, or change `requires-python`".to_owned();
            return Some(Diagnostic::error(Code::PythonVersion, message).hint(hint));
        }
    }
    let pinned =
        project.pinned.as_ref().filter(|pinned| project.is_builder_named && **pinned != interpreter.version)?;
    let message = format!("{builder} has Python {version}, and .python-version names {pinned}");
    let hint =
        format!("leave `builder` out so that .python-version chooses it, or set python = \"{}\"", interpreter.version);
    Some(Diagnostic::warning(Code::PythonVersion, message).hint(hint))
}
