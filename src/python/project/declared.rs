//! The dependencies that a `pyproject.toml` declares, as requirements.
//!
//! Source: PyPA, "pyproject.toml specification" (`dependencies`, `optional-dependencies`); Poetry's
//! documentation, "Dependency specification"; setuptools' documentation, "Dynamic Metadata"
//! (`dependencies = { file = [...] }`).

use std::collections::BTreeMap;

use toml::Value;

use super::build_backend::at;
use crate::python::lock::python_marker;
use crate::python::normalised;
use crate::python::requirement::is_name;

/// The dependencies of a project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeclaredDependencies {
    /// The requirements that are always installed, as PEP 508 has them.
    pub requirements: Vec<String>,
    /// The requirements of each extra, by its normalised name.
    pub extras: BTreeMap<String, Vec<String>>,
    /// Requirements files that setuptools reads the dependencies from, relative to the project.
    pub files: Vec<String>,
    /// The requirements in `setup.cfg` or `setup.py` of a project without a table for them.
    pub setup: Vec<String>,
}

impl DeclaredDependencies {
    /// Reads the dependencies from the tables `[project]` and `[tool.poetry]`.
    pub(super) fn read(root: &Value) -> Self {
        let project = at(root, &["project"]);
        let own = project.and_then(|project| project.get("dependencies"));
        let poetrys = at(root, &["tool", "poetry", "dependencies"]);
        let extras = project.and_then(|project| project.get("optional-dependencies")?.as_table());
        let extras = extras.into_iter().flatten().map(|(name, list)| (normalised(name), texts(list)));
        Self {
            requirements: match own {
                Some(list) => texts(list),
                None => poetrys.map(poetry).unwrap_or_default(),
            },
            extras: extras.collect(),
            files: dynamic_files(root),
            setup: Vec::new(),
        }
    }

    /// Adds the requirements of `setup.cfg` or `setup.py`, if `pyproject.toml` has none.
    pub(super) fn with_setup(self, setup: Vec<String>) -> Self {
        let has_own = !self.requirements.is_empty() || !self.files.is_empty();
        Self { setup: if has_own { Vec::new() } else { setup }, ..self }
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Returns the requirements files of `tool.setuptools.dynamic.dependencies`.
fn dynamic_files(root: &Value) -> Vec<String> {
    let dynamic = at(root, &["project", "dynamic"]).map(texts).unwrap_or_default();
    let file = at(root, &["tool", "setuptools", "dynamic", "dependencies", "file"]);
    match file.filter(|_| dynamic.iter().any(|field| field == "dependencies")) {
        Some(Value::String(file)) => vec![file.clone()],
        Some(list) => texts(list),
        None => Vec::new(),
    }
}

/// Returns the requirements in `[tool.poetry.dependencies]` that apply to Linux and are not
/// optional. Versions are left out: the lock file has them.
fn poetry(table: &Value) -> Vec<String> {
    let mut out = Vec::new();
    for (name, value) in table.as_table().into_iter().flatten() {
        if normalised(name) == "python" || !is_name(name) {
            continue;
        }
        let all = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
        out.extend(all.into_iter().filter_map(|one| poetrys_requirement(name, one)));
    }
    out
}

fn poetrys_requirement(name: &str, value: &Value) -> Option<String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    if value.get("optional").and_then(Value::as_bool) == Some(true) || text("platform").is_some_and(|is| is != "linux")
    {
        return None;
    }
    let extras = value.get("extras").map(texts).unwrap_or_default();
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let python = match text("python") {
        Some(constraint) => Some(python_marker(constraint)?),
        None => None,
    };
    let markers = text("markers").map(|marker| format!("({marker})"));
    let marker = python.into_iter().filter(|marker| !marker.is_empty()).chain(markers).collect::<Vec<_>>();
    let marker = if marker.is_empty() { String::new() } else { format!(" ; {}", marker.join(" and ")) };
    Some(format!("{name}{extras}{marker}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::requirement::Requirement;

    fn read(text: &str) -> DeclaredDependencies {
        DeclaredDependencies::read(&Value::Table(toml::from_str(text).unwrap()))
    }

    #[test]
    fn standard_tables_win_over_poetrys() {
        let text = "[project]\ndependencies = [\"a>1\"]\n[project.optional-dependencies]\nWeb_UI = [\"b\"]\n\
                    [tool.poetry.dependencies]\nc = \"1\"\n";
        let found = read(text);
        assert_eq!(
            (found.requirements, found.extras["web-ui"].clone()),
            (vec!["a>1".to_owned()], vec!["b".to_owned()])
        );
    }

    #[test]
    fn poetrys_dependencies_become_requirements() {
        let found = read(
            "[tool.poetry.dependencies]\npython = \"^3.11\"\na = \"^1\"\n\
             b = { version = \"*\", extras = [\"x\", \"y\"], markers = \"os_name == 'posix'\" }\n\
             c = { version = \"1\", optional = true }\nd = { version = \"1\", platform = \"win32\" }\n\
             e = [{ version = \"1\", python = \"<3.12\" }, { version = \"2\", python = \"^3.12 || 4.1\" }]\n\
             f = { version = \"1\", python = \"banana\" }\ng = { version = \"1\", python = \"*\" }\n",
        );
        assert_eq!(
            found.requirements,
            [
                "a",
                "b[x,y] ; (os_name == 'posix')",
                "e ; (python_full_version < '3.12')",
                "e ; (python_full_version >= '3.12' and python_full_version < '4' or python_full_version == '4.1.*')",
                "g"
            ]
        );
        assert!(found.requirements.iter().all(|text| Requirement::parse(text).is_ok()));
    }

    #[test]
    fn setuptools_may_read_requirements_files() {
        let tables = "[tool.setuptools.dynamic]\ndependencies = { file = [\"a.txt\", \"b.txt\"] }\n";
        assert_eq!(read(&format!("[project]\ndynamic = [\"dependencies\"]\n{tables}")).files, ["a.txt", "b.txt"]);
        assert_eq!(read(tables).files, [""; 0]);
    }
}
