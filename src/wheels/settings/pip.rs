//! pip's settings: `PIP_*` and `pip.conf`.
//!
//! Source: pip's documentation, "Configuration". Files are read in the order system, user,
//! virtual environment, `PIP_CONFIG_FILE`, and the later file wins. With `PIP_CONFIG_FILE` the
//! user's file is not read; with `/dev/null` no file is read.
//!
//! pip parses the files with Python's `configparser`: see [`Ini`]. A section or key that is there
//! twice is an error; keys of `[DEFAULT]` hold in every section.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::host_environment::HostEnvironment;
use super::index_url::IndexUrl;
use super::settings_file::read;
use super::settings_source::SettingsSource;
use super::values::{is_true, words};
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::python::ini::Ini;

/// Returns the settings of the environment.
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

/// Returns the settings of the files. The environment overrides a value, an empty value counts as
/// missing, and the last of several files wins.
///
/// # Errors
/// An existing file cannot be read or parsed.
pub fn files(host: &HostEnvironment<'_>) -> Result<SettingsSource, OperationError> {
    let mut files = Vec::new();
    for path in paths(host) {
        let Some(text) = read(&path)? else { continue };
        let ini = parsed(&text).map_err(|cause| {
            OperationError::new(Code::InvalidConfiguration, format!("cannot parse `{}`", path.display())).because(cause)
        })?;
        files.push((ini, path));
    }
    let of = |key: &str| {
        let variable = format!("PIP_{}", key.to_ascii_uppercase().replace('-', "_"));
        let last = |section| files.iter().rev().find_map(|(ini, path)| Some((value(ini, section, key)?, path)));
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

/// Returns the locations of files; `~` is the home directory.
fn links(text: &str, host: &HostEnvironment<'_>) -> Vec<String> {
    let home = host.home.map(|home| home.display().to_string());
    let one = |link: String| match (link.strip_prefix('~'), &home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => link,
    };
    words(text).into_iter().map(one).collect()
}

/// Returns the file of CA certificates.
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
    // A virtual environment in the project is under the project's control.
    let environment = host.get("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("pip.conf"));
    paths.extend(environment.filter(|path| !(host.is_projects)(path)));
    paths.extend(own);
    paths
}

fn given(urls: &str, what: &str, by: Author) -> Vec<IndexUrl> {
    let one = |url: String| IndexUrl { name: None, url, what: what.to_owned(), by };
    words(urls).into_iter().map(one).collect()
}

/// Parses a file's text. The messages of errors have the line's number, not its text, which
/// may hold a password.
fn parsed(text: &str) -> Result<Ini, String> {
    let ini = Ini::try_parse(text.trim_start_matches('\u{feff}'))
        .map_err(|line| format!("line {line} is neither a section nor `key = value`"))?;
    let mut sections = BTreeSet::new();
    for (section, options) in ini.sections() {
        let mut keys = BTreeSet::new();
        if !sections.insert(section) || !options.iter().all(|(key, _)| keys.insert(key.to_ascii_lowercase())) {
            return Err(format!("the section `{section}` or one of its keys is there twice"));
        }
    }
    Ok(ini)
}

/// Returns the value of a key in a section; the last of several. Keys are compared as in pip:
/// `Index_URL` is `index-url`.
fn value<'i>(ini: &'i Ini, section: &str, key: &str) -> Option<&'i str> {
    let normalised = |name: &str| name.to_ascii_lowercase().trim_start_matches('-').replace('_', "-");
    let of = |section: &str| {
        let (_, value) = ini.section(section)?.iter().rev().find(|(name, _)| normalised(name) == key)?;
        Some(value.as_str())
    };
    ini.section(section)?;
    of(section).or_else(|| of("DEFAULT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_sections_are_read_with_their_further_lines() {
        let text = "# of mine\n[global]\nindex_url = https://a/simple#x ; y\nExtra-Index-URL =\n    https://b\n    # not \
                    this\n\n    https://c\nno-index: yes\n[install]\nfind-links = wheels\n  more\n[other]\nno-index = \
                    no\n[Global]\nno-index = no\n";
        let ini = parsed(text).unwrap();
        let words = |section, key| value(&ini, section, key).map(words);
        assert_eq!(words("global", "index-url"), Some(["https://a/simple#x", ";", "y"].map(str::to_owned).to_vec()));
        assert_eq!(words("global", "extra-index-url"), Some(["https://b", "https://c"].map(str::to_owned).to_vec()));
        assert_eq!(words("global", "no-index"), Some(vec!["yes".to_owned()]));
        assert_eq!(words("install", "find-links"), Some(["wheels", "more"].map(str::to_owned).to_vec()));
        assert_eq!(words("install", "no-index"), None);
    }

    /// Expected values: `configparser` of Python 3.11.
    #[test]
    fn only_deeper_lines_go_on_with_a_value() {
        for (text, a, b) in [
            ("[global]\n  a = 1\n  b = 2\n", Some("1"), Some("2")),
            ("[global]\n  a = 1\n    2\n  b = 3\n", Some("1\n2"), Some("3")),
            ("  [global]\n  a = 1\n b = 2\n", Some("1"), Some("2")),
            ("[global]\n  a =\n   1\n\n   2\n  b=\n", Some("\n1\n\n2"), Some("")),
            ("[global]\n  a = 1\n[other]\n  b = 2\n", Some("1"), None),
            ("[global]\na = 1\n  [other]\nb = 2\n", Some("1\n[other]"), Some("2")),
            ("[global]\na = 1\n\n  [other]\n  b = 2\n", Some("1\n\n[other]\nb = 2"), None),
            ("[DEFAULT]\na = 1\nb = 1\n[global]\nb = 2\n", Some("1"), Some("2")),
            ("[DEFAULT]\na = 1\n", None, None),
        ] {
            let ini = parsed(text).unwrap();
            assert_eq!((value(&ini, "global", "a"), value(&ini, "global", "b")), (a, b), "{text}");
        }
    }

    #[test]
    fn errors_have_the_number_of_the_line_and_not_its_text() {
        assert!(parsed("[global]\na = 1\n[global]\nb = 2\n").is_err() && parsed("[global]\na = 1\nA = 2\n").is_err());
        for text in ["[global]\n[s3cret\n", "[global]\n= s3cret\n", "[global]\ns3cret\n"] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with("line 2") && !error.contains("s3cret"), "{error}");
        }
    }
}
