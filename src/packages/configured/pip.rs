//! pip's settings: `PIP_*` and `pip.conf`.
//!
//! Source: pip's documentation, "Configuration". Files are read from the system's to
//! the user's to the virtual environment's to `PIP_CONFIG_FILE`, and the later wins;
//! with `PIP_CONFIG_FILE` the user's is not read, and with `/dev/null` none is.

use std::path::PathBuf;

use super::ini::Ini;
use super::{Around, Given, Source, read, words};
use crate::ports::PortError;

/// What the environment says.
pub fn environment(around: &Around<'_>) -> Source {
    let variable = |name: &str| around.get(name);
    Source {
        what: "PIP_INDEX_URL and its like".to_owned(),
        index: variable("PIP_INDEX_URL").map(|url| Given { name: None, url, what: "PIP_INDEX_URL".to_owned() }),
        extra: variable("PIP_EXTRA_INDEX_URL").map(|urls| given(&urls, "PIP_EXTRA_INDEX_URL")).unwrap_or_default(),
        equal: true,
        links: variable("PIP_FIND_LINKS").map(|links| words(&links)).unwrap_or_default(),
        no_index: variable("PIP_NO_INDEX").map(|value| is_true(&value)),
        folder: around.folder.to_owned(),
    }
}

/// What the files say.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn files(around: &Around<'_>) -> Result<Source, PortError> {
    let (what, folder) = ("pip.conf".to_owned(), around.folder.to_owned());
    let mut source = Source { what, folder, equal: true, ..Source::default() };
    for path in paths(around) {
        let Some(text) = read(&path)? else { continue };
        let (ini, what) = (Ini::read(&text), path.display().to_string());
        if let Some(url) = ini.get("index-url") {
            source.index = Some(Given { name: None, url: url.to_owned(), what: what.clone() });
        }
        if let Some(urls) = ini.get("extra-index-url") {
            source.extra = given(urls, &what);
        }
        if let Some(links) = ini.get("find-links") {
            source.links = words(links);
        }
        source.no_index = ini.get("no-index").map(is_true).or(source.no_index);
    }
    Ok(source)
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
    paths.extend(around.get("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("pip.conf")));
    paths.extend(own);
    paths
}

fn given(urls: &str, what: &str) -> Vec<Given> {
    let one = |url: String| Given { name: None, url, what: what.to_owned() };
    words(urls).into_iter().map(one).collect()
}

/// As pip's `strtobool`; what is neither is taken as a yes, for pip stops there.
fn is_true(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "n" | "no" | "f" | "false" | "off" | "0")
}
