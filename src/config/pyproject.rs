//! The keys of `pyproject.toml` outside of `[tool.carboy]`.

use toml::de::DeTable;

/// Returns the Python versions that the project supports: `project.requires-python`, or
/// `tool.poetry.dependencies.python` of Poetry 1.
///
/// Reads the valid part of a file with errors. [`super::File::from_pyproject`] reports the errors.
#[must_use]
pub fn pyproject_requires_python(text: &str) -> Option<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    let standard: &[&str] = &["project", "requires-python"];
    let poetry: &[&str] = &["tool", "poetry", "dependencies", "python"];
    [standard, poetry].into_iter().find_map(|keys| {
        let (first, rest) = keys.split_first()?;
        let value = rest.iter().try_fold(table.get_ref().get(*first)?, |value, key| value.get_ref().get(*key))?;
        value.get_ref().as_str().map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_place_wins_over_poetrys() {
        let poetry = "[tool.poetry.dependencies]\npython = \"^3.10\"\n";
        let standard = "[project]\nrequires-python = \">=3.11\"\n";
        let read = |text: &str| pyproject_requires_python(text);
        assert_eq!(read(poetry).as_deref(), Some("^3.10"));
        assert_eq!(read(&format!("{poetry}{standard}")).as_deref(), Some(">=3.11"));
        for none in ["", "[project]\nname = \"x\"", "[project]\nrequires-python = 3", "project = 1", "[["] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
