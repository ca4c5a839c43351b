//! Requirements in a form that a `uv.lock` and a `pyproject.toml` share.
//!
//! Markers are left out: uv simplifies them.

use std::collections::BTreeSet;

use pep440_rs::VersionSpecifiers;

use crate::python::normalised;
use crate::python::requirement::{Requirement, VersionOrUrl};

/// A requirement without its marker.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Wanted {
    pub name: String,
    pub extras: BTreeSet<String>,
    /// The allowed versions, sorted; `None` for a requirement on a URL, path or repository.
    pub versions: Option<Vec<String>>,
}

impl Wanted {
    /// Returns a requirement in the notation of PEP 508; `None` for an invalid one.
    pub fn parse(text: &str) -> Option<Self> {
        let requirement = Requirement::parse(text).ok()?;
        let versions = match &requirement.wanted {
            VersionOrUrl::Versions(specifiers) => Some(sorted(specifiers)),
            VersionOrUrl::Url(_) => None,
        };
        Some(Self { name: requirement.name, extras: requirement.extras.into_iter().collect(), versions })
    }

    /// Returns a requirement in `requires-dist` of a `uv.lock`; `None` for one that is not
    /// understood.
    pub fn locked(table: &toml::Value) -> Option<Self> {
        let name = normalised(table.get("name")?.as_str()?);
        let extras = table.get("extras").and_then(toml::Value::as_array).into_iter().flatten();
        let extras = extras.map(|extra| extra.as_str().map(normalised)).collect::<Option<_>>()?;
        let elsewhere = ["url", "git", "path", "directory", "editable", "virtual"];
        if elsewhere.iter().any(|key| table.get(key).is_some()) {
            return Some(Self { name, extras, versions: None });
        }
        let text = table.get("specifier").map_or(Some(""), toml::Value::as_str)?;
        let specifiers: VersionSpecifiers = text.parse().ok()?;
        Some(Self { name, extras, versions: Some(sorted(&specifiers)) })
    }

    /// Returns whether two requirements are the same, where one may be on a URL, path or repository
    /// because of `[tool.uv.sources]`.
    pub fn is_same(&self, other: &Self) -> bool {
        let versions = match (&self.versions, &other.versions) {
            (Some(own), Some(others)) => own == others,
            _ => true,
        };
        versions && self.name == other.name && self.extras == other.extras
    }

    /// Returns the requirement for a message: `flask[async]>=3`.
    pub fn shown(&self) -> String {
        let extras: Vec<_> = self.extras.iter().map(String::as_str).collect();
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        let versions: Vec<_> = self.versions.iter().flatten().map(String::as_str).collect();
        format!("{}{extras}{}", self.name, versions.join(","))
    }
}

/// Returns specifiers sorted, each with its version in normal form without trailing zeros.
fn sorted(specifiers: &VersionSpecifiers) -> Vec<String> {
    let one = |specifier: &pep440_rs::VersionSpecifier| {
        let text = specifier.to_string();
        let end = text.find(|c: char| !"=<>!~".contains(c)).unwrap_or(text.len());
        // `~=1.0` and `==1.0.*` mean more than `~=1` and `==1.*`.
        let plain = !text.starts_with("~=") && !text.ends_with(".*");
        let (mut version, sign) = (&text[end..], &text[..end]);
        while let Some(short) = version.strip_suffix(".0").filter(|_| plain) {
            version = short;
        }
        format!("{sign}{version}")
    };
    let mut all: Vec<_> = specifiers.iter().map(one).collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_requirements_are_the_same() {
        let locked = |text: &str| Wanted::locked(&toml::Value::Table(toml::from_str(text).unwrap())).unwrap();
        for (own, other, same) in [
            (
                "Flask_X[b, A]>=1.0,<2 ; python_version > '3'",
                "name = 'flask-x'\nextras = ['a', 'b']\nspecifier = '<2,>=1'",
                true,
            ),
            ("a", "name = 'a'", true),
            ("a>=1", "name = 'a'", false),
            ("a>=1", "name = 'a'\nspecifier = '>=2'", false),
            ("a>=1", "name = 'a'\neditable = 'libs/a'", true),
            ("a @ https://h/a.whl", "name = 'a'\nurl = 'https://h/a.whl'", true),
            ("a[x]", "name = 'a'\ngit = 'https://h/a'", false),
            ("a==1.0.*", "name = 'a'\nspecifier = '==1.*'", false),
            ("a~=1.0", "name = 'a'\nspecifier = '~=1.0.0'", false),
        ] {
            assert_eq!(Wanted::parse(own).unwrap().is_same(&locked(other)), same, "{own}");
        }
        assert_eq!(Wanted::parse("a[y,x]>=1,<2").unwrap().shown(), "a[x,y]<2,>=1");
    }
}
