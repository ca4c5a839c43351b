//! Checks that the builder's Python is one that the project is for.

use crate::compose::composition::Composition;
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::Plan;
use crate::python::Interpreter;
use crate::python::lock::python_allows;

/// Reports a Python that `requires-python` excludes as an error, and a named builder with another
/// Python than `.python-version` as a warning.
pub fn check(composition: &Composition<'_>) -> Option<Diagnostic> {
    let (plan, interpreter) = (&composition.cx.plan, composition.cx.interpreter.as_ref()?);
    if let Some(error) = excluded_python(plan, interpreter) {
        return Some(error);
    }
    let project = &plan.project_python;
    let pinned =
        project.pinned.as_ref().filter(|pinned| project.is_builder_named && **pinned != interpreter.version)?;
    let (builder, version) = described(plan, interpreter);
    let message = format!("{builder} has Python {version}, and .python-version names {pinned}");
    let hint =
        format!("leave `builder` out so that .python-version chooses it, or set python = \"{}\"", interpreter.version);
    Some(Diagnostic::warning(Code::PythonVersion, message).hint(hint))
}

/// Returns the error about an interpreter that the project's `requires-python` excludes.
#[must_use]
pub fn excluded_python(plan: &Plan, interpreter: &Interpreter) -> Option<Diagnostic> {
    let requires = plan.project_python.requires.as_ref()?;
    // Any patch release, if the builder does not name its own.
    let patches = (0..100).map(|patch| format!("{}.{patch}", interpreter.version));
    let mut versions: Box<dyn Iterator<Item = String>> = match &interpreter.full_version {
        Some(full) => Box::new(std::iter::once(full.clone())),
        None => Box::new(patches),
    };
    if !versions.all(|version| python_allows(requires, &version) == Some(false)) {
        return None;
    }
    let (builder, version) = described(plan, interpreter);
    let message = format!("the project requires Python {requires}, and {builder} has {version}");
    let hint = match plan.python_setting.allowed_by(requires) {
        Some(setting) => format!("choose another Python: {setting}; or change `requires-python`"),
        None => "choose another `python` or `builder`, or change `requires-python`".to_owned(),
    };
    Some(Diagnostic::error(Code::PythonVersion, message).hint(hint))
}

/// Returns the names of the builder and of its Python.
fn described<'a>(plan: &'a Plan, interpreter: &'a Interpreter) -> (&'a str, &'a str) {
    let version = interpreter.full_version.as_deref().unwrap_or(&interpreter.version);
    (plan.builder_name.as_deref().unwrap_or("the builder"), version)
}
