//! Poetry's constraints on versions.
//!
//! Source: Poetry's documentation, "Dependency specification", "Version constraints": the
//! specifiers of PEP 440, `^1.2`, `~1.2`, `1.*`, and alternatives with `||`.

use pep440_rs::{Version, VersionSpecifier};

use crate::python::marker;

/// Alternatives. All specifiers of an alternative must be true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Constraint(Vec<Vec<VersionSpecifier>>);

/// The operators, longer ones first.
const SIGNS: [&str; 10] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">", "=", "^"];
/// The largest size of a constraint, in bytes.
const LONGEST: usize = 4096;

impl Constraint {
    /// Parses a constraint on the version of a distribution; `None` for an invalid one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::read(text, false)
    }

    /// Parses a constraint on the version of Python. `3.9` without an operator means every 3.9.
    pub(super) fn of_python(text: &str) -> Option<Self> {
        Self::read(text, true)
    }

    fn read(text: &str, python: bool) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let alternatives = text.split('|').map(str::trim).filter(|one| !one.is_empty());
        let alternatives: Vec<Vec<_>> = alternatives.map(|one| all(one, python)).collect::<Option<_>>()?;
        (!alternatives.is_empty()).then_some(Self(alternatives))
    }

    /// Returns the number of parts.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    pub(super) fn allows(&self, version: &Version) -> bool {
        let within = |specifier: &VersionSpecifier| marker::within(specifier, version.clone());
        self.0.iter().any(|all| all.iter().all(within))
    }
}

/// Returns whether `requires-python` of a project allows a version, in the notation of PEP 440 or of
/// Poetry; `None` if either is not understood.
#[must_use]
pub fn python_allows(requires: &str, version: &str) -> Option<bool> {
    let version: Version = version.parse().ok()?;
    // As pip does: 3.15.0rc1 is a 3.15.
    Some(Constraint::of_python(requires)?.allows(&version.only_release()))
}

/// Returns the marker for a constraint on the version of Python, as `python_full_version >= '3.8'`;
/// an empty text if every version is allowed, `None` for an invalid constraint.
pub(in crate::python) fn python_marker(text: &str) -> Option<String> {
    let Constraint(alternatives) = Constraint::of_python(text)?;
    if alternatives.iter().any(Vec::is_empty) {
        return Some(String::new());
    }
    let part = |specifier: &VersionSpecifier| {
        let text = specifier.to_string();
        let end = text.find(|c: char| !"=<>!~".contains(c)).unwrap_or(text.len());
        format!("python_full_version {} '{}'", &text[..end], &text[end..])
    };
    let all = |all: &Vec<_>| all.iter().map(part).collect::<Vec<_>>().join(" and ");
    Some(format!("({})", alternatives.iter().map(all).collect::<Vec<_>>().join(" or ")))
}

/// Splits an alternative into parts at commas or spaces. A space may also follow an operator.
fn all(text: &str, python: bool) -> Option<Vec<VersionSpecifier>> {
    let mut out = Vec::new();
    let mut sign = String::new();
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        let whole = format!("{sign}{word}");
        sign.clear();
        if whole.bytes().all(|b| b"=<>!~^".contains(&b)) {
            sign = whole;
        } else {
            out.extend(one(&whole, python)?);
        }
    }
    sign.is_empty().then_some(out)
}

/// Parses a part.
fn one(text: &str, python: bool) -> Option<Vec<VersionSpecifier>> {
    if text == "*" {
        return Some(Vec::new());
    }
    let sign =
        SIGNS.into_iter().find(|sign| text.starts_with(sign)).unwrap_or(if text.starts_with('~') { "~" } else { "" });
    let version = text[sign.len()..].trim_start_matches(['v', 'V']);
    let specifier = |text: String| text.parse::<VersionSpecifier>().ok();
    let until = |kept: usize, version: Version| {
        let mut release = version.release().iter().copied().take(kept).collect::<Vec<_>>();
        let last = release.last_mut()?;
        *last = last.checked_add(1)?;
        let numbers: Vec<_> = release.iter().map(ToString::to_string).collect();
        let epoch = if version.epoch() > 0 { format!("{}!", version.epoch()) } else { String::new() };
        Some(vec![specifier(format!(">={version}"))?, specifier(format!("<{epoch}{}", numbers.join(".")))?])
    };
    match sign {
        "^" => {
            let version: Version = version.parse().ok()?;
            let release = version.release();
            // All numbers after the first number that is not 0 may increase.
            let first = release.iter().position(|number| *number > 0).unwrap_or(release.len().checked_sub(1)?);
            until(first + 1, version)
        }
        "~" => {
            let version: Version = version.parse().ok()?;
            until(version.release().len().min(2), version)
        }
        "" | "=" => {
            let short = python && version.split('.').count() < 3 && !version.contains('*');
            Some(vec![specifier(format!("=={version}{}", if short { ".*" } else { "" }))?])
        }
        sign => Some(vec![specifier(format!("{sign}{version}"))?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_as_poetry_says() {
        for (text, inside, outside) in [
            ("*", &["0.1", "99"][..], &[][..]),
            ("^1.2.3", &["1.2.3", "1.9"], &["1.2.2", "2.0", "2.0a1"]),
            ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3", "1"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4"]),
            ("^0.0", &["0.0.9"], &["0.1"]),
            ("^0", &["0.9"], &["1"]),
            ("^1", &["1.9"], &["2"]),
            ("~1.2.3", &["1.2.9"], &["1.3", "1.2.2"]),
            ("~1.2", &["1.2.9"], &["1.3"]),
            ("~1", &["1.9"], &["2"]),
            ("~=1.2", &["1.9"], &["2"]),
            ("1.*", &["1.9"], &["2"]),
            ("==1.*", &["1.9"], &["2"]),
            ("1.2", &["1.2", "1.2.0"], &["1.2.1"]),
            (">=1,<2", &["1.5"], &["2", "0.9"]),
            (">= 1 < 2", &["1.5"], &["2", "0.9"]),
            ("~2.7 || ^3.9", &["2.7.18", "3.12"], &["3.8", "2.8", "4"]),
            (">=1,!=1.5", &["1.4"], &["1.5"]),
        ] {
            let constraint = Constraint::parse(text).unwrap_or_else(|| panic!("{text}"));
            for version in inside {
                assert!(constraint.allows(&version.parse().unwrap()), "{text} {version}");
            }
            for version in outside {
                assert!(!constraint.allows(&version.parse().unwrap()), "{text} {version}");
            }
        }
        assert_eq!(python_allows(">=3.9, <3.13", "3.13.1"), Some(false));
        assert_eq!((python_allows("^3.9 || 2.7", "3.13.0rc1"), python_allows("?", "3.13.1")), (Some(true), None));
        let python = Constraint::of_python("3.9").unwrap();
        assert!(python.allows(&"3.9.7".parse().unwrap()) && !python.allows(&"3.10".parse().unwrap()));
        for bad in ["", "|", "banana", "^", ">=", "^x", "1.2.3.4.x", "~1.*"] {
            assert_eq!(Constraint::parse(bad), None, "{bad}");
        }
    }
}
