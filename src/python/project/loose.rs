//! The names of the dependencies in files that are not lock files: `Pipfile`, `requirements.in`.
//!
//! Source: pipenv's documentation, "Pipfile & Pipfile.lock"; pip's documentation, "Requirements File
//! Format".

use std::collections::BTreeSet;

use crate::python::normalised;
use crate::python::requirement::Requirement;

/// Returns the names in `[packages]` of a Pipfile, without the project itself.
#[must_use]
pub fn pipfile(text: &str) -> BTreeSet<String> {
    let Ok(root) = toml::from_str::<toml::Table>(text) else { return BTreeSet::new() };
    let packages = root.get("packages").and_then(toml::Value::as_table).into_iter().flatten();
    let is_own = |value: &toml::Value| value.get("path").and_then(toml::Value::as_str) == Some(".");
    packages.filter(|(_, value)| !is_own(value)).map(|(name, _)| normalised(name)).collect()
}

/// Returns the names in a requirements file. Lines without a name are left out.
#[must_use]
pub fn requirements(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    let bare = |line: &str| line.split(" --").next().unwrap_or_default().trim_end_matches('\\').trim().to_owned();
    lines.filter_map(|line| Requirement::parse(&bare(line)).ok()).map(|requirement| requirement.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_loose_files() {
        let text =
            "[packages]\nFlask = \"*\"\nshop = { path = \".\", editable = true }\n[dev-packages]\npytest = \"*\"\n";
        assert_eq!(pipfile(text), ["flask".to_owned()].into());
        let text = "# web\nFlask_Login>=3 # x\n-r other.in\na==1 \\\n    --hash=sha256:ab\n./lib\n\nb[c] ; os_name == 'posix'\n";
        assert_eq!(requirements(text), ["a", "b", "flask-login"].map(str::to_owned).into());
        assert_eq!(pipfile("["), BTreeSet::new());
    }
}
