//! uv's settings: `UV_*`, `uv.toml` and `[tool.uv]`.
//!
//! Source: uv's documentation, "Configuration files", "Package indexes". The project's files
//! (`uv.toml` beside `pyproject.toml`, which replaces `[tool.uv]`) name the indexes that its lock
//! file was made from; the user's and the system's files configure the machine.

use std::path::Path;

use serde::Deserialize;

use super::host_environment::HostEnvironment;
use super::index_url::IndexUrl;
use super::settings_file::parsed;
use super::settings_source::SettingsSource;
use super::values::{is_true, words};
use crate::operation_error::OperationError;
use crate::plan::Author;

/// The part of `uv.toml` and of `[tool.uv]` about the sources of distributions.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
pub struct Uv {
    index: Vec<UvIndex>,
    index_url: Option<String>,
    extra_index_url: Vec<String>,
    find_links: Vec<String>,
    no_index: Option<bool>,
}

#[derive(Deserialize)]
struct UvIndex {
    name: Option<String>,
    url: String,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    explicit: bool,
    format: Option<String>,
}

/// Returns the settings of the environment.
pub fn environment(host: &HostEnvironment<'_>) -> SettingsSource {
    let given = |name: &str| host.get(name).map(|url| named(&url, name));
    let list = |name: &str| {
        let urls = host.get(name).map(|urls| words(&urls)).unwrap_or_default();
        urls.into_iter().map(|url| named(&url, name)).collect::<Vec<_>>()
    };
    let links = host.get("UV_FIND_LINKS").unwrap_or_default();
    SettingsSource {
        what: "UV_DEFAULT_INDEX and its like".to_owned(),
        index: given("UV_DEFAULT_INDEX").or_else(|| given("UV_INDEX_URL")),
        extra: [list("UV_INDEX"), list("UV_EXTRA_INDEX_URL")].concat(),
        links: links.split(',').map(str::trim).filter(|link| !link.is_empty()).map(str::to_owned).collect(),
        no_index: host.get("UV_NO_INDEX").map(|value| is_true(&value)),
        folder: host.folder.to_owned(),
        ..SettingsSource::default()
    }
}

/// Parses `NAME=URL`, or a URL.
fn named(text: &str, what: &str) -> IndexUrl {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains([':', '/', '?']) => (Some(name.to_owned()), url),
        _ => (None, text),
    };
    IndexUrl { name, url: url.to_owned(), what: what.to_owned(), by: Author::User }
}

/// Returns the settings of the user's and the system's files; the user's come first.
///
/// # Errors
/// A file cannot be read or parsed.
pub fn files(host: &HostEnvironment<'_>) -> Result<Vec<SettingsSource>, OperationError> {
    if without_files(host) {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    if let Some(only) = host.get("UV_CONFIG_FILE") {
        paths.push(host.folder.join(only));
    } else {
        paths.extend(host.user_folder().map(|folder| folder.join("uv/uv.toml")));
        // uv reads only one of the system's files.
        let mut system: Vec<_> = host.system_folders().iter().map(|folder| folder.join("uv/uv.toml")).collect();
        system.push(host.system.join("uv/uv.toml"));
        paths.extend(system.into_iter().find(|path| path.exists()));
    }
    let mut sources = Vec::new();
    for path in paths {
        if let Some(uv) = parsed::<Uv>(&path)? {
            let mut source = uv.source(&path);
            source.no_index = source.no_index.filter(|_| host.get("UV_NO_INDEX").is_none());
            let is_projects = (host.is_projects)(&path);
            sources.push(if is_projects { source.written_by(Author::Project) } else { source });
        }
    }
    Ok(sources)
}

/// Returns whether `UV_NO_CONFIG` disables files of settings.
pub fn without_files(host: &HostEnvironment<'_>) -> bool {
    host.get("UV_NO_CONFIG").is_some_and(|value| is_true(&value))
}

impl Uv {
    /// Returns the settings of a file, without indexes for single distributions.
    pub fn source(&self, path: &Path) -> SettingsSource {
        let what = path.display().to_string();
        let given = |url: &String| IndexUrl { name: None, url: url.clone(), what: what.clone(), by: Author::User };
        let indexes = || self.index.iter().filter(|index| !index.explicit && index.format.as_deref() != Some("flat"));
        let default = indexes().find(|index| index.default).map(|index| index.given(&what));
        let extra = indexes().filter(|index| !index.default).map(|index| index.given(&what));
        let flat = self.index.iter().filter(|index| index.format.as_deref() == Some("flat"));
        SettingsSource {
            index: default.or_else(|| self.index_url.as_ref().map(given)),
            extra: extra.chain(self.extra_index_url.iter().map(given)).collect(),
            links: self.find_links.iter().cloned().chain(flat.map(|index| index.url.clone())).collect(),
            named: self.index.iter().map(|index| index.given(&what)).collect(),
            no_index: self.no_index,
            folder: path.parent().unwrap_or(path).to_owned(),
            what,
            ..SettingsSource::default()
        }
    }
}

impl UvIndex {
    fn given(&self, what: &str) -> IndexUrl {
        IndexUrl { name: self.name.clone(), url: self.url.clone(), what: what.to_owned(), by: Author::User }
    }
}
