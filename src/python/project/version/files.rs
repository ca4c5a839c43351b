//! The files that a build backend writes a version to.

use toml::Value;

use super::template;
use crate::python::project::module::inner;

/// A file that a build backend writes the version to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionFile {
    /// The path below the directory of the project.
    pub path: String,
    pub(super) template: String,
    /// Whether the template gets the commit.
    pub(super) has_commit: bool,
}

/// A version file with its content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeneratedFile {
    /// The path below the directory of the project.
    pub path: String,
    pub text: String,
}

impl VersionFile {
    /// Returns the file of a table of setuptools-scm. `write_to` is relative to the repository,
    /// which is in the directory `root`.
    pub(in crate::python::project) fn of_setuptools_scm(table: &Value, root: &str) -> Option<Self> {
        let text = |key: &str| table.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (path, template) = if let Some(path) = text("version_file") {
            (path.to_owned(), text("version_file_template"))
        } else {
            (text("write_to").map(|path| below(root, path))?, text("write_to_template"))
        };
        let template = template.or_else(|| template::of_scm(&path))?.to_owned();
        Self { path, template, has_commit: true }.inside()
    }

    pub(in crate::python::project) fn of_hatch_vcs(table: &Value) -> Option<Self> {
        let path = table.get("version-file")?.as_str()?.to_owned();
        let template = table.get("template").and_then(Value::as_str).filter(|text| !text.is_empty());
        let template = template.or_else(|| template::of_scm(&path))?.to_owned();
        Self { path, template, has_commit: false }.inside()
    }

    pub(in crate::python::project) fn of_hatch(table: &Value) -> Option<Self> {
        // With a pattern, the hook changes an existing file.
        let has_pattern = table.get("pattern").is_some_and(|pattern| !matches!(pattern, Value::Boolean(false)));
        let path = table.get("path").filter(|_| !has_pattern)?.as_str()?.to_owned();
        let template = table.get("template").and_then(Value::as_str).filter(|text| !text.is_empty());
        Self { path, template: template.unwrap_or(template::HATCH).to_owned(), has_commit: false }.inside()
    }

    /// Returns the file of pdm-backend, whose path is relative to the directory of the packages.
    pub(in crate::python::project) fn of_pdm(table: &Value, root: Option<&str>) -> Option<Self> {
        let path = format!("{}/{}", root.unwrap_or("."), table.get("write_to")?.as_str()?);
        let template = table.get("write_template").and_then(Value::as_str).unwrap_or("{}\n").to_owned();
        Self { path, template, has_commit: false }.inside()
    }

    /// Returns the file with a normalised path; `None` for a path that leads out of the project.
    fn inside(self) -> Option<Self> {
        let leads_out = self.path.starts_with('/') || self.path.split('/').any(|part| part == "..");
        let path = inner(&self.path);
        (!leads_out && !path.is_empty()).then_some(Self { path, ..self })
    }
}

/// Returns a path of the repository as a path of the project, if the repository is in a parent
/// directory of the project.
fn below(root: &str, path: &str) -> String {
    // The names of the directories between are not known here: the path ends with the project's own part.
    match inner(root).as_str() {
        "" => path.to_owned(),
        up => {
            let levels = up.split('/').filter(|part| *part == "..").count();
            path.split('/').skip(levels).collect::<Vec<_>>().join("/")
        }
    }
}
