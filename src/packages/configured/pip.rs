//! pip's settings: `PIP_*` and `pip.conf`.
//!
//! Source: pip's documentation, "Configuration". Files are read from the system's to
//! the user's to the virtual environment's to `PIP_CONFIG_FILE`, and the later wins;
//! with `PIP_CONFIG_FILE` the user's is not read, and with `/dev/null` none is.

use std::path::PathBuf;

use super::ini::Ini;
use super::{Around, Given, Source, read, words};
use crate::plan::By;
use crate::ports::PortError;

/// What the environment says.
pub fn environment(around: &Around<'_>) -> Source {
    let variable = |name: &str| around.get(name);
    Source {
        what: "PIP_INDEX_URL and its like".to_owned(),
        index: variable("PIP_INDEX_URL").map(|url| Given {
            name: None,
            url,
            what: "PIP_INDEX_URL".to_owned(),
            by: By::User,
        }),
        extra: variable("PIP_EXTRA_INDEX_URL")
            .map(|urls| given(&urls, "PIP_EXTRA_INDEX_URL", By::User))
            .unwrap_or_default(),
        equal: true,
        links: variable("PIP_FIND_LINKS").map(|text| links(&text, around)).unwrap_or_default(),
        no_index: variable("PIP_NO_INDEX").map(|value| is_true(&value)),
        folder: around.folder.to_owned(),
        ..Source::default()
    }
}

/// What the files say. What the environment says takes a value's place, an empty value
/// is none, and of a key in several files the last counts.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn files(around: &Around<'_>) -> Result<Source, PortError> {
    let mut files = Vec::new();
    for path in paths(around) {
        files.extend(read(&path)?.map(|text| (Ini::read(&text), path)));
    }
    let of = |key: &str| {
        let variable = format!("PIP_{}", key.to_ascii_uppercase().replace('-', "_"));
        let last = |section| files.iter().rev().find_map(|(ini, path)| Some((ini.get(section, key)?, path)));
        let values = [last("install"), last("global")].into_iter().flatten();
        let (value, path) = values.into_iter().find(|(value, _)| !value.is_empty())?;
        let by = if (around.is_projects)(path) { By::Project } else { By::User };
        around.get(&variable).is_none().then(|| (value.to_owned(), format!("{key} in {}", path.display()), by))
    };
    let links = of("find-links");
    Ok(Source {
        what: "find-links in pip.conf".to_owned(),
        by: links.as_ref().map_or(By::User, |(_, _, by)| *by),
        index: of("index-url").map(|(url, what, by)| Given { name: None, url, what, by }),
        extra: of("extra-index-url").map(|(urls, what, by)| given(&urls, &what, by)).unwrap_or_default(),
        equal: true,
        links: links.map(|(links, ..)| self::links(&links, around)).unwrap_or_default(),
        no_index: of("no-index").map(|(value, ..)| is_true(&value)),
        folder: around.folder.to_owned(),
        ..Source::default()
    })
}

/// Places of files; `~` is the home.
fn links(text: &str, around: &Around<'_>) -> Vec<String> {
    let home = around.home.map(|home| home.display().to_string());
    let one = |link: String| match (link.strip_prefix('~'), &home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => link,
    };
    words(text).into_iter().map(one).collect()
}

/// A file of CA certificates.
pub fn certificates(around: &Around<'_>) -> Option<PathBuf> {
    let named = ["PIP_CERT", "REQUESTS_CA_BUNDLE"].iter().find_map(|name| around.get(name))?;
    Some(around.folder.join(named))
}

fn paths(around: &Around<'_>) -> Vec<PathBuf> {
    let own = around.get("PIP_CONFIG_FILE").map(|path| around.folder.join(path));
    if own.as_ref().is_some_and(|path| path.as_os_str() == "/dev/null") {
        return Vec::new();
    }
    let mut paths: Vec<_> = around.system_folders().iter().rev().map(|folder| folder.join("pip/pip.conf")).collect();
    paths.push(around.system.join("pip.conf"));
    if own.is_none() {
        paths.extend(around.home.map(|home| home.join(".pip/pip.conf")));
        paths.extend(around.user_folder().map(|folder| folder.join("pip/pip.conf")));
        paths.extend(around.home.map(|home| home.join("Library/Application Support/pip/pip.conf")));
    }
    // Of an environment in the project, the file would be the project's.
    let environment = around.get("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("pip.conf"));
    paths.extend(environment.filter(|path| !(around.is_projects)(path)));
    paths.extend(own);
    paths
}

fn given(urls: &str, what: &str, by: By) -> Vec<Given> {
    let one = |url: String| Given { name: None, url, what: what.to_owned(), by };
    words(urls).into_iter().map(one).collect()
}

/// As pip's `strtobool` and uv's; what is neither is taken as a yes, for they stop there.
pub fn is_true(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "n" | "no" | "f" | "false" | "off" | "0")
}
