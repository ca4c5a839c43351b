//! The indexes that a project names: `[tool.uv]`, `uv.toml`, `[[tool.poetry.source]]`.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::uv::{self, Uv};
use super::{Around, Given, Source, parsed};
use crate::plan::By;
use crate::ports::PortError;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pyproject {
    tool: Tool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Tool {
    uv: Option<Uv>,
    poetry: Poetry,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Poetry {
    source: Vec<PoetrySource>,
}

#[derive(Deserialize)]
struct PoetrySource {
    name: String,
    /// `PyPI` has none.
    url: Option<String>,
    priority: Option<String>,
}

/// Reads a project's folder.
///
/// # Errors
/// A file that cannot be read or understood.
pub fn read(folder: &Path, around: &Around<'_>) -> Result<Source, PortError> {
    let path = folder.join("pyproject.toml");
    let what = path.display().to_string();
    let pyproject: Pyproject = own(folder, "pyproject.toml", around)?.unwrap_or_default();
    let own_file = folder.join("uv.toml");
    let isolated = uv::without_files(around) || around.get("UV_CONFIG_FILE").is_some();
    let beside: Option<Uv> = if isolated { None } else { own(folder, "uv.toml", around)? };
    let (uv, from) = match beside {
        Some(uv) => (uv, &own_file),
        None => (pyproject.tool.uv.unwrap_or_default(), &path),
    };
    let mut source = uv.source(from);
    for one in pyproject.tool.poetry.source {
        let Some(url) = one.url else { continue };
        let given = Given { name: Some(one.name), url, what: what.clone(), by: By::Project };
        source.named.push(given.clone());
        if one.priority.as_deref() != Some("explicit") {
            source.extra.push(given);
        }
    }
    Ok(source.written_by(By::Project))
}

/// A file of the project's folder; it may not be a link to elsewhere.
fn own<T: DeserializeOwned>(folder: &Path, name: &str, around: &Around<'_>) -> Result<Option<T>, PortError> {
    let path = folder.join(name);
    if path.exists() {
        (around.admit)(folder, Path::new(name))?;
    }
    parsed(&path)
}
