//! The setting that chooses the image's Python, for hints.

use super::{Args, Author};
use crate::config::{File, StatedPython};
use crate::python::releases::{self, Release};

/// The setting that chooses the image's Python.
#[derive(Clone, Copy, Debug)]
pub enum PythonSetting {
    /// The version, from which the builder follows.
    Version(Author),
    /// A named builder, with the Debian release that its name or the base's tells.
    Builder(Author, Option<Release>),
}

impl PythonSetting {
    pub(super) fn of(args: &Args, file: &File) -> Self {
        let by = |is_flag| if is_flag { Author::User } else { Author::Project };
        let base = args.base.as_ref().or(file.base.as_ref());
        match args.builder.as_ref().or(file.builder.as_ref()) {
            Some(builder) => {
                let named = base.and_then(|base| releases::release_named(base));
                Self::Builder(by(args.builder.is_some()), named.or_else(|| releases::release_named(builder)))
            }
            None => Self::Version(by(args.python.is_some())),
        }
    }

    /// Returns the setting of a Python that `requires` allows, as it is written: `python = "3.14"`
    /// or `--builder python:3.14-slim-trixie`; `None` if carboy cannot tell a version.
    #[must_use]
    pub fn allowed_by(self, requires: &str) -> Option<String> {
        self.of_version(&StatedPython { requires: Some(requires), ..StatedPython::default() }.choose()?)
    }

    /// Returns the setting of a version as it is written; `None` if no images are known for it.
    #[must_use]
    pub fn of_version(self, version: &str) -> Option<String> {
        let pair = releases::pair(version).ok()?;
        Some(match self {
            Self::Version(Author::User) => format!("--python {version}"),
            Self::Version(Author::Project) => format!("python = \"{version}\""),
            Self::Builder(by, release) => {
                let builder = release.map_or(pair, |release| releases::pair_of(version, release)).builder;
                match by {
                    Author::User => format!("--builder {builder}"),
                    Author::Project => format!("builder = \"{builder}\""),
                }
            }
        })
    }
}
