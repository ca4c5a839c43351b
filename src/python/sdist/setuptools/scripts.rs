//! `entry_points.txt` of a project of setuptools.

use toml::Value;

use super::settings::{Plain, text};
use super::sources::{Sources, known, plain_lines};
use crate::python::sdist::entry_points::EntryPoints;
use crate::python::sdist::error::SdistError;

/// Returns `entry_points.txt`, if there are entry points.
pub fn entry_points(from: &Sources<'_>) -> Result<Option<String>, SdistError> {
    let mut points = EntryPoints::default();
    let invalid = || from.settings.invalid("entry_points");
    if from.pyproject.get("project").is_some() {
        points.declared(&from.files.text("pyproject.toml").unwrap_or_default());
        let dynamic =
            from.pyproject.get("project").and_then(|project| project.get("dynamic")).and_then(Value::as_array);
        let dynamic = dynamic.into_iter().flatten().filter_map(Value::as_str);
        if dynamic.into_iter().any(|name| matches!(name, "scripts" | "gui-scripts" | "entry-points")) {
            // The egg-info has what the files compute, unless it depends on the machine.
            known(from, "entry_points")?;
            return of_egg_info(from);
        }
        return Ok(points.text());
    }
    match known(from, "entry_points")? {
        None => return of_egg_info(from),
        Some(Plain::Text(text)) => points.parse(text).ok_or_else(invalid)?,
        Some(Plain::Dict(groups)) => {
            for (group, value) in groups {
                let lines: Vec<String> = match value {
                    Plain::Text(text) => plain_lines(text),
                    Plain::List(items) => items.iter().map(text).collect::<Option<_>>().ok_or_else(invalid)?,
                    value if value.is_empty() => Vec::new(),
                    _ => return Err(invalid()),
                };
                for line in lines {
                    points.add(group, &line).ok_or_else(invalid)?;
                }
            }
        }
        Some(value) if value.is_empty() => {}
        Some(_) => return Err(invalid()),
    }
    Ok(points.text())
}

fn of_egg_info(from: &Sources<'_>) -> Result<Option<String>, SdistError> {
    let missing = || SdistError::Missing { file: "setup.py", path: "*.egg-info/entry_points.txt".to_owned() };
    let path = format!("{}/entry_points.txt", from.egg_info.ok_or_else(missing)?);
    let mut points = EntryPoints::default();
    match from.files.text(&path) {
        None => Ok(None),
        Some(text) => {
            points.parse(&text).ok_or(SdistError::Invalid(path))?;
            Ok(points.text())
        }
    }
}
