//! pip's settings: `PIP_*` and `pip.conf`.
//!
//! Source: pip's documentation, "Configuration". Files are read from the system's to
//! the user's to the virtual environment's to `PIP_CONFIG_FILE`, and the later wins;
//! with `PIP_CONFIG_FILE` the user's is not read, and with `/dev/null` none is.

use std::path::PathBuf;

use super::ini::Ini;
use super::{HostEnvironment, IndexUrl, SettingsSource, read, words};
use crate::operation_error::OperationError;
use crate::plan::Author;

/// What the environment says.
pub fn environment(host: &HostEnvironment<'_>) -> SettingsSource {
    let variable = |name: &str| host.get(name);
    SettingsSource {
        what: "PIP_INDEX_URL and its like".to_owned(),
        index: variable("PIP_INDEX_URL").map(|url| IndexUrl {
            name: None,
            url,
            what: "PIP_INDEX_URL".to_owned(),
            by: Author::User,
        }),
        extra: variable("PIP_EXTRA_INDEX_URL")
            .map(|urls| given(&urls, "PIP_EXTRA_INDEX_URL", Author::User))
            .unwrap_or_default(),
        equal: true,
        links: variable("PIP_FIND_LINKS").map(|text| links(&text, host)).unwrap_or_default(),
        no_index: variable("PIP_NO_INDEX").map(|value| is_true(&value)),
        folder: host.folder.to_owned(),
        ..SettingsSource::default()
    }
}

/// What the files say. What the environment says takes a value's place, an empty value
/// is none, and of a key in several files the last counts.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn files(host: &HostEnvironment<'_>) -> Result<SettingsSource, OperationError> {
    let mut files = Vec::new();
    for path in paths(host) {
        files.extend(read(&path)?.map(|text| (Ini::read(&text), path)));
    }
    let of = |key: &str| {
        let variable = format!("PIP_{}", key.to_ascii_uppercase().replace('-', "_"));
        let last = |section| files.iter().rev().find_map(|(ini, path)| Some((ini.get(section, key)?, path)));
        let values = [last("install"), last("global")].into_iter().flatten();
        let (value, path) = values.into_iter().find(|(value, _)| !value.is_empty())?;
        let by = if (host.is_projects)(path) { Author::Project } else { Author::User };
        host.get(&variable).is_none().then(|| (value.to_owned(), format!("{key} in {}", path.display()), by))
    };
    let links = of("find-links");
    Ok(SettingsSource {
        what: "find-links in pip.conf".to_owned(),
        by: links.as_ref().map_or(Author::User, |(_, _, by)| *by),
        index: of("index-url").map(|(url, what, by)| IndexUrl { name: None, url, what, by }),
        extra: of("extra-index-url").map(|(urls, what, by)| given(&urls, &what, by)).unwrap_or_default(),
        equal: true,
        links: links.map(|(links, ..)| self::links(&links, host)).unwrap_or_default(),
        no_index: of("no-index").map(|(value, ..)| is_true(&value)),
        folder: host.folder.to_owned(),
        ..SettingsSource::default()
    })
}

/// Places of files; `~` is the home.
fn links(text: &str, host: &HostEnvironment<'_>) -> Vec<String> {
    let home = host.home.map(|home| home.display().to_string());
    let one = |link: String| match (link.strip_prefix('~'), &home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => link,
    };
    words(text).into_iter().map(one).collect()
}

/// A file of CA certificates.
pub fn certificates(host: &HostEnvironment<'_>) -> Option<PathBuf> {
    let named = ["PIP_CERT", "REQUESTS_CA_BUNDLE"].iter().find_map(|name| host.get(name))?;
    Some(host.folder.join(named))
}

fn paths(host: &HostEnvironment<'_>) -> Vec<PathBuf> {
    let own = host.get("PIP_CONFIG_FILE").map(|path| host.folder.join(path));
    if own.as_ref().is_some_and(|path| path.as_os_str() == "/dev/null") {
        return Vec::new();
    }
    let mut paths: Vec<_> = host.system_folders().iter().rev().map(|folder| folder.join("pip/pip.conf")).collect();
    paths.push(host.system.join("pip.conf"));
    if own.is_none() {
        paths.extend(host.home.map(|home| home.join(".pip/pip.conf")));
        paths.extend(host.user_folder().map(|folder| folder.join("pip/pip.conf")));
        paths.extend(host.home.map(|home| home.join("Library/Application Support/pip/pip.conf")));
    }
    // Of an environment in the project, the file would be the project's.
    let environment = host.get("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("pip.conf"));
    paths.extend(environment.filter(|path| !(host.is_projects)(path)));
    paths.extend(own);
    paths
}

fn given(urls: &str, what: &str, by: Author) -> Vec<IndexUrl> {
    let one = |url: String| IndexUrl { name: None, url, what: what.to_owned(), by };
    words(urls).into_iter().map(one).collect()
}

/// As pip's `strtobool` and uv's; what is neither is taken as a yes, for they stop there.
pub fn is_true(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "n" | "no" | "f" | "false" | "off" | "0")
}
