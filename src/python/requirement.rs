//! Requirements in the notation of distributions and requirements files.
//!
//! Source: PyPA, "Dependency specifiers" (PEP 508). Names are normalised before comparison (PEP
//! 503, 685). `===` is supported if a version follows.

use pep440_rs::{Operator, Version, VersionSpecifiers};

use super::marker::{self, ActiveExtras, Environment, Marker};
use super::normalised;

/// The largest size of a list of version specifiers, in bytes.
pub(super) const LONGEST_SPECIFIER: usize = 4096;

/// A parsed requirement: `flask[async] >= 3 ; python_version >= '3.9'`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requirement {
    /// The normalised name.
    pub name: String,
    /// The normalised extras.
    pub extras: Vec<String>,
    pub wanted: VersionOrUrl,
    pub marker: Option<Marker>,
}

/// The versions or the URL that a requirement allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VersionOrUrl {
    /// The allowed versions; any version if empty.
    Versions(VersionSpecifiers),
    /// The URL of the distribution, as written.
    Url(String),
}

/// The error for text that is not a requirement.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RequirementError(String);

/// Splits a requirement after the name at its start: `redis` and ` (>=5) ; marker`.
pub(super) fn split_name(text: &str) -> (&str, &str) {
    let letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.split_at(text.find(|c| !letter(c)).unwrap_or(text.len()))
}

impl Requirement {
    /// Parses a requirement.
    ///
    /// # Errors
    /// Returns an error for text that is not a requirement.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim();
        let (name, rest) = split_name(text);
        if !is_name(name) {
            return Err(RequirementError("it does not begin with a distribution's name".to_owned()));
        }
        let (extras, rest) = extras(rest.trim_start())?;
        let (wanted, marker) = if let Some(rest) = rest.strip_prefix('@') {
            let rest = rest.trim_start();
            let (url, rest) = rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len()));
            if url.is_empty() {
                return Err(RequirementError("there is no URL after `@`".to_owned()));
            }
            (VersionOrUrl::Url(url.to_owned()), rest.trim_start())
        } else {
            let (versions, rest) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
            (VersionOrUrl::Versions(specifiers(versions.trim())?), rest)
        };
        let marker = match marker.strip_prefix(';') {
            Some(marker) => Some(Marker::parse(marker).map_err(|error| RequirementError(error.to_string()))?),
            None if marker.is_empty() => None,
            None => return Err(RequirementError("a marker needs `;` before it".to_owned())),
        };
        Ok(Self { name: normalised(name), extras, wanted, marker })
    }

    /// Returns whether the marker may be true on Linux, for some Python and machine.
    #[must_use]
    pub fn may_hold_on_linux(&self) -> bool {
        let Some(marker) = &self.marker else { return true };
        let environment = |minor: u32, machine| Environment {
            python_version: format!("3.{minor}"),
            python_full_version: format!("3.{minor}.1"),
            platform_machine: machine,
        };
        let all = (8..16).flat_map(|minor| ["x86_64", "aarch64"].map(|machine| environment(minor, machine)));
        all.into_iter().any(|environment| marker.may_hold(&environment, &ActiveExtras::default()))
    }

    /// Returns the allowed version, if exactly one is allowed.
    #[must_use]
    pub fn exact(&self) -> Option<&Version> {
        let VersionOrUrl::Versions(specifiers) = &self.wanted else { return None };
        let is_exact = |operator: &Operator| matches!(operator, Operator::Equal | Operator::ExactEqual);
        let version = specifiers.iter().find(|specifier| is_exact(specifier.operator()))?.version();
        self.allows(version).then_some(version)
    }

    /// Returns name and allowed versions, without extras and marker: `werkzeug>=3.1.0`.
    #[must_use]
    pub fn range(&self) -> String {
        match &self.wanted {
            VersionOrUrl::Versions(versions) => format!("{}{versions}", self.name),
            VersionOrUrl::Url(_) => self.name.clone(),
        }
    }

    /// Returns whether a version is allowed.
    #[must_use]
    pub fn allows(&self, version: &Version) -> bool {
        match &self.wanted {
            VersionOrUrl::Versions(specifiers) => specifiers.iter().all(|one| marker::within(one, version.clone())),
            VersionOrUrl::Url(_) => true,
        }
    }
}

/// Returns whether a text is a valid name of a distribution or an extra.
pub(super) fn is_name(name: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    edge(name.as_bytes().first()) && edge(name.as_bytes().last()) && name.bytes().all(inner)
}

/// Splits the extras in brackets off the start of a text.
fn extras(text: &str) -> Result<(Vec<String>, &str), RequirementError> {
    let Some(rest) = text.strip_prefix('[') else { return Ok((Vec::new(), text)) };
    let (list, rest) = rest.split_once(']').ok_or_else(|| RequirementError("`[` has no `]`".to_owned()))?;
    let names: Vec<_> = list.split(',').map(str::trim).collect();
    if names.iter().any(|name| !is_name(name)) && !list.trim().is_empty() {
        return Err(RequirementError(format!(
            "`[{}]` is not a list of extras",
            list.chars().take(80).collect::<String>()
        )));
    }
    Ok((names.into_iter().filter(|name| !name.is_empty()).map(normalised).collect(), rest.trim_start()))
}

fn specifiers(text: &str) -> Result<VersionSpecifiers, RequirementError> {
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text).trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    let short = Some(inner).filter(|inner| inner.len() <= LONGEST_SPECIFIER);
    short.and_then(|inner| inner.parse().ok()).ok_or_else(|| {
        RequirementError(format!("`{}` is not a version specifier", text.chars().take(80).collect::<String>()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_taken_apart() {
        let all = Requirement::parse("Flask_Login[Async, b.c] >=3,<4 ; python_version >= '3.9'").unwrap();
        assert_eq!(
            (all.name.as_str(), all.extras.as_slice()),
            ("flask-login", &["async".to_owned(), "b-c".to_owned()][..])
        );
        assert!(all.marker.is_some() && all.exact().is_none());
        assert!(all.allows(&"3.1".parse().unwrap()) && !all.allows(&"4".parse().unwrap()));
        let url = Requirement::parse("pip @ https://example.com/pip-1.0.whl#sha256=ab ; os_name == 'posix'").unwrap();
        assert_eq!(url.wanted, VersionOrUrl::Url("https://example.com/pip-1.0.whl#sha256=ab".to_owned()));
        assert!(url.marker.is_some());
        for (text, version) in [
            ("a==1.0", Some("1.0")),
            ("a (==1.0)", Some("1.0")),
            ("a===1.0", Some("1.0")),
            ("a[]==1.0,<2", Some("1.0")),
            ("a==1.0,==2.0", None),
            ("a==1.*", None),
            ("a>=1", None),
            ("a~=1.0", None),
            ("a", None),
        ] {
            let exact = Requirement::parse(text).unwrap().exact().map(ToString::to_string);
            assert_eq!(exact.as_deref(), version, "{text}");
        }
    }

    #[test]
    fn some_requirements_are_never_for_linux() {
        for (text, may) in [
            ("a", true),
            ("a; python_version < '3.10'", true),
            ("a; platform_machine == 'aarch64'", true),
            ("a; platform_release > '5'", true),
            ("a; sys_platform == 'win32'", false),
            ("a; python_version < '3'", false),
        ] {
            assert_eq!(Requirement::parse(text).unwrap().may_hold_on_linux(), may, "{text}");
        }
    }

    #[test]
    fn invalid_requirements_are_errors() {
        for (bad, cause) in [
            ("", "name"),
            ("-a", "name"),
            ("a-", "name"),
            ("a[b", "`]`"),
            ("a[b c]", "extras"),
            ("a = 1", "version specifier"),
            ("a 1.0", "version specifier"),
            ("a @", "URL"),
            ("a @ https://x y", "`;`"),
            ("a==1; os_name", "marker"),
        ] {
            let error = Requirement::parse(bad).unwrap_err().to_string();
            assert!(error.contains(cause), "{bad}: {error}");
        }
    }
}
