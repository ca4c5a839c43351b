//! The Python version of a project, from its configuration or its files.
//!
//! `requirement` evaluates `requires-python`.

use std::str::FromStr;

use toml::de::DeValue;

use super::ConfigError;
use super::error::BadValue;
use super::reader::{Node, wrong_type};
use super::requirement::{allows, lowest_allowed};

/// The Python of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PythonChoice {
    /// The major and minor version: `3.13`.
    Version(String),
    /// No Python; the image gets only extracted files.
    Off,
}

impl FromStr for PythonChoice {
    type Err = BadValue;

    /// Parses `3.13`, or `false`.
    fn from_str(text: &str) -> Result<Self, BadValue> {
        if text == "false" {
            return Ok(Self::Off);
        }
        let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match text.split('.').collect::<Vec<_>>()[..] {
            [major, minor] if number(major) && number(minor) => Ok(Self::Version(text.to_owned())),
            [major, minor, _] if number(major) && number(minor) => Err(not_a_minor(text)
                .with_hint(format!("write \"{major}.{minor}\": the builder image decides on the patch release"))),
            _ => Err(not_a_minor(text).with_hint("write major and minor, as in \"3.13\"")),
        }
    }
}

fn not_a_minor(text: &str) -> BadValue {
    BadValue::new(format!("cannot be `{text}`"))
}

impl PythonChoice {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let refuse = |hint: String| Err(node.refuse(wrong_type("a string or false", node.value()).with_hint(hint)));
        match node.value() {
            DeValue::Boolean(false) => Ok(Self::Off),
            DeValue::Boolean(true) => refuse("write the version, as in \"3.13\", or leave the key out".to_owned()),
            DeValue::Float(number) => {
                refuse(format!("write it in quotes: \"{number}\"; as a number, 3.10 would be 3.1"))
            }
            DeValue::Integer(_) => refuse("write major and minor in quotes, as in \"3.13\"".to_owned()),
            DeValue::String(text) if text == "false" => refuse("write false without quotes".to_owned()),
            _ => node.parsed(),
        }
    }
}

/// The texts of a project that state its Python.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StatedPython<'a> {
    /// `.python-version`.
    pub pin: Option<&'a str>,
    /// The version in the image's name of a `Dockerfile`.
    pub dockerfile: Option<&'a str>,
    /// Heroku's `runtime.txt`.
    pub runtime: Option<&'a str>,
    /// `requires-python` of `pyproject.toml`.
    pub requires: Option<&'a str>,
}

impl StatedPython<'_> {
    /// Returns the major and minor version of Python that the files of a project name: the content
    /// of `.python-version`, or else the version of the `Dockerfile` or of `runtime.txt`, if
    /// `requires-python` allows it, or else the lowest minor version that it allows.
    ///
    /// Returns `None` if none of them names a release of `CPython`.
    #[must_use]
    pub fn choose(&self) -> Option<String> {
        let is_allowed = |version: &String| self.requires.is_none_or(|requires| allows(requires, version));
        let runtime = || pinned(self.runtime?.trim_start().strip_prefix("python-")?);
        let deployed = || self.dockerfile.and_then(pinned).or_else(runtime).filter(is_allowed);
        self.pin.and_then(pinned).or_else(deployed).or_else(|| lowest_allowed(self.requires?))
    }
}

/// Parses `.python-version` as pyenv and uv write it: `3.12.4`, `cpython-3.12`, one a line.
fn pinned(contents: &str) -> Option<String> {
    let line = contents.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let version = ["cpython-", "cpython@", "python"].iter().find_map(|name| line.strip_prefix(name)).unwrap_or(line);
    let (major, rest) = version.split_once('.')?;
    let (minor, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let ends = rest.is_empty() || rest.starts_with(['.', '-', '/']);
    (major == "3" && !minor.is_empty() && ends).then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_wins_over_a_requirement() {
        let requires = Some(">=3.10");
        let of = |pin| StatedPython { pin, requires, ..StatedPython::default() }.choose();
        assert_eq!(of(Some("3.12.4\n")).as_deref(), Some("3.12"));
        assert_eq!(of(Some("pypy3.10\n")).as_deref(), Some("3.10"));
        assert_eq!(StatedPython::default().choose(), None);
    }

    #[test]
    fn the_python_that_is_deployed_wins_over_the_lowest_one() {
        let stated = StatedPython { dockerfile: Some("3.12"), requires: Some(">=3.10"), ..StatedPython::default() };
        assert_eq!(stated.choose().as_deref(), Some("3.12"));
        assert_eq!(StatedPython { requires: None, ..stated }.choose().as_deref(), Some("3.12"));
        assert_eq!(StatedPython { pin: Some("3.11"), ..stated }.choose().as_deref(), Some("3.11"));
        assert_eq!(StatedPython { requires: Some(">=3.13"), ..stated }.choose().as_deref(), Some("3.13"));
        assert_eq!(StatedPython { requires: Some("<3.11"), ..stated }.choose().as_deref(), Some("3.9"));
        let heroku = StatedPython { runtime: Some("python-3.11.9\n"), ..StatedPython::default() };
        assert_eq!(heroku.choose().as_deref(), Some("3.11"));
        assert_eq!(StatedPython { dockerfile: Some("3.12"), ..heroku }.choose().as_deref(), Some("3.12"));
        assert_eq!(StatedPython { runtime: Some("pypy-3.11"), ..heroku }.choose(), None);
    }

    #[test]
    fn pins_are_read_as_pyenv_and_uv_write_them() {
        for (contents, version) in [
            ("3.12.4\n", Some("3.12")),
            ("cpython-3.12", Some("3.12")),
            ("3.13", Some("3.13")),
            ("# of the team\n\n3.11\r\n3.12\n", Some("3.11")),
            ("cpython-3.12.1-linux-x86_64-gnu", Some("3.12")),
            ("cpython@3.14", Some("3.14")),
            ("python3.10", Some("3.10")),
            ("3.14.0rc1", Some("3.14")),
            ("3.12.4/envs/shop", Some("3.12")),
            ("3.14t", None),
            ("pypy3.10", None),
            ("2.7.18", None),
            ("3", None),
            ("system", None),
            ("", None),
        ] {
            let stated = StatedPython { pin: Some(contents), ..StatedPython::default() };
            assert_eq!(stated.choose().as_deref(), version, "{contents:?}");
        }
    }

    #[test]
    fn a_choice_is_a_minor_or_false() {
        assert_eq!("3.13".parse(), Ok(PythonChoice::Version("3.13".to_owned())));
        assert_eq!("false".parse(), Ok(PythonChoice::Off));
        for bad in ["", "3", "3.13.1", "3.14t", "py313", "3.", "latest"] {
            assert!(bad.parse::<PythonChoice>().is_err(), "{bad}");
        }
    }
}
