//! uv's settings: `UV_*`, `uv.toml` and `[tool.uv]`.
//!
//! Source: uv's documentation, "Configuration files", "Package indexes". The project's
//! own (`uv.toml` beside `pyproject.toml`, which hides `[tool.uv]`) are where its lock
//! file was made from; the user's and the system's are this machine's configuration.

use std::path::Path;

use serde::Deserialize;

use super::pip::is_true;
use super::{Around, Given, Source, parsed, words};
use crate::plan::By;
use crate::ports::PortError;

/// The part of `uv.toml` and of `[tool.uv]` that tells where distributions come from.
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

/// What the environment says.
pub fn environment(around: &Around<'_>) -> Source {
    let given = |name: &str| around.get(name).map(|url| named(&url, name));
    let list = |name: &str| {
        let urls = around.get(name).map(|urls| words(&urls)).unwrap_or_default();
        urls.into_iter().map(|url| named(&url, name)).collect::<Vec<_>>()
    };
    let links = around.get("UV_FIND_LINKS").unwrap_or_default();
    Source {
        what: "UV_DEFAULT_INDEX and its like".to_owned(),
        index: given("UV_DEFAULT_INDEX").or_else(|| given("UV_INDEX_URL")),
        extra: [list("UV_INDEX"), list("UV_EXTRA_INDEX_URL")].concat(),
        links: links.split(',').map(str::trim).filter(|link| !link.is_empty()).map(str::to_owned).collect(),
        no_index: around.get("UV_NO_INDEX").map(|value| is_true(&value)),
        folder: around.folder.to_owned(),
        ..Source::default()
    }
}

/// `NAME=URL`, or a URL.
fn named(text: &str, what: &str) -> Given {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains([':', '/', '?']) => (Some(name.to_owned()), url),
        _ => (None, text),
    };
    Given { name, url: url.to_owned(), what: what.to_owned(), by: By::User }
}

/// What the user's and the system's files say; the user's first.
///
/// # Errors
/// A file that cannot be read or understood.
pub fn files(around: &Around<'_>) -> Result<Vec<Source>, PortError> {
    if without_files(around) {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    if let Some(only) = around.get("UV_CONFIG_FILE") {
        paths.push(around.folder.join(only));
    } else {
        paths.extend(around.user_folder().map(|folder| folder.join("uv/uv.toml")));
        // uv takes one of the system's.
        let mut system: Vec<_> = around.system_folders().iter().map(|folder| folder.join("uv/uv.toml")).collect();
        system.push(around.system.join("uv/uv.toml"));
        paths.extend(system.into_iter().find(|path| path.exists()));
    }
    let mut sources = Vec::new();
    for path in paths {
        if let Some(uv) = parsed::<Uv>(&path)? {
            let mut source = uv.source(&path);
            source.no_index = source.no_index.filter(|_| around.get("UV_NO_INDEX").is_none());
            let is_projects = (around.is_projects)(&path);
            sources.push(if is_projects { source.written_by(By::Project) } else { source });
        }
    }
    Ok(sources)
}

/// Whether no file of settings counts.
pub fn without_files(around: &Around<'_>) -> bool {
    around.get("UV_NO_CONFIG").is_some_and(|value| is_true(&value))
}

impl Uv {
    /// What a file says; indexes for single distributions are left out.
    pub fn source(&self, path: &Path) -> Source {
        let what = path.display().to_string();
        let given = |url: &String| Given { name: None, url: url.clone(), what: what.clone(), by: By::User };
        let indexes = || self.index.iter().filter(|index| !index.explicit && index.format.as_deref() != Some("flat"));
        let default = indexes().find(|index| index.default).map(|index| index.given(&what));
        let extra = indexes().filter(|index| !index.default).map(|index| index.given(&what));
        let flat = self.index.iter().filter(|index| index.format.as_deref() == Some("flat"));
        Source {
            index: default.or_else(|| self.index_url.as_ref().map(given)),
            extra: extra.chain(self.extra_index_url.iter().map(given)).collect(),
            links: self.find_links.iter().cloned().chain(flat.map(|index| index.url.clone())).collect(),
            named: self.index.iter().map(|index| index.given(&what)).collect(),
            no_index: self.no_index,
            folder: path.parent().unwrap_or(path).to_owned(),
            what,
            ..Source::default()
        }
    }
}

impl UvIndex {
    fn given(&self, what: &str) -> Given {
        Given { name: self.name.clone(), url: self.url.clone(), what: what.to_owned(), by: By::User }
    }
}
