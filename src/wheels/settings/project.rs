//! The indexes that a project names: `[tool.uv]`, `uv.toml`, `[[tool.poetry.source]]`.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::host_environment::HostEnvironment;
use super::index_url::IndexUrl;
use super::settings_file::parsed;
use super::settings_source::SettingsSource;
use super::uv::{self, Uv};
use crate::operation_error::OperationError;
use crate::plan::Author;

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
    /// Missing for `PyPI`.
    url: Option<String>,
    priority: Option<String>,
}

/// Reads the settings of a project's directory.
///
/// # Errors
/// A file cannot be read or parsed.
pub fn read(folder: &Path, host: &HostEnvironment<'_>) -> Result<SettingsSource, OperationError> {
    let path = folder.join("pyproject.toml");
    let what = path.display().to_string();
    let pyproject: Pyproject = own(folder, "pyproject.toml", host)?.unwrap_or_default();
    let own_file = folder.join("uv.toml");
    let isolated = uv::without_files(host) || host.get("UV_CONFIG_FILE").is_some();
    let beside: Option<Uv> = if isolated { None } else { own(folder, "uv.toml", host)? };
    let (uv, from) = match beside {
        Some(uv) => (uv, &own_file),
        None => (pyproject.tool.uv.unwrap_or_default(), &path),
    };
    let mut source = uv.source(from);
    for one in pyproject.tool.poetry.source {
        let Some(url) = one.url else { continue };
        let given = IndexUrl { name: Some(one.name), url, what: what.clone(), by: Author::Project };
        source.named.push(given.clone());
        if one.priority.as_deref() != Some("explicit") {
            source.extra.push(given);
        }
    }
    Ok(source.written_by(Author::Project))
}

/// Reads a file of the project's directory; a link out of the project is refused.
fn own<T: DeserializeOwned>(
    folder: &Path,
    name: &str,
    host: &HostEnvironment<'_>,
) -> Result<Option<T>, OperationError> {
    let path = folder.join(name);
    if path.exists() {
        (host.admit)(folder, Path::new(name))?;
    }
    parsed(&path)
}
