//! The base and builder images for a version of Python.
//!
//! Assumed, as of November 2026, from the tags of docker-library/python and the README of
//! distroless: trixie builds exist from 3.9 on, bookworm builds from 3.7 on; distroless offers cc
//! for debian12 and debian13.

use crate::hint::Hint;

/// The default version of Python.
pub const DEFAULT: &str = "3.13";

/// A base and a builder of the same Debian release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    pub base: String,
    pub builder: String,
}

/// A release of Debian with images of distroless and of docker-library/python.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Release {
    Bookworm,
    Trixie,
}

/// A version without a known pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    #[error("`{0}` is not a version of Python")]
    Version(String),
    #[error("no pair of distroless base and python builder is known for Python {0}")]
    TooOld(String),
}

impl Hint for PairError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Version(_) => "write major and minor, as in \"3.13\"".to_owned(),
            Self::TooOld(_) => "name `base` and `builder` yourself".to_owned(),
        })
    }
}

/// Returns the pair of the newest Debian release that both projects support.
///
/// # Errors
/// Returns an error for text that is not a version, and for versions older than every pair.
pub fn pair(python: &str) -> Result<Pair, PairError> {
    let parts: Option<Vec<u32>> = python.split('.').map(|part| part.parse().ok()).collect();
    let (major, minor) = match parts.as_deref() {
        Some([major, minor] | [major, minor, _]) => (*major, *minor),
        _ => return Err(PairError::Version(python.to_owned())),
    };
    let release = match (major, minor) {
        (3, 9..) => Release::Trixie,
        (3, 7..=8) => Release::Bookworm,
        _ => return Err(PairError::TooOld(python.to_owned())),
    };
    Ok(pair_of(python, release))
}

/// Returns the pair of a release without a check that it exists.
#[must_use]
pub fn pair_of(python: &str, release: Release) -> Pair {
    let (debian, suite) = match release {
        Release::Bookworm => (12, "bookworm"),
        Release::Trixie => (13, "trixie"),
    };
    Pair {
        base: format!("gcr.io/distroless/cc-debian{debian}:nonroot"),
        builder: format!("python:{python}-slim-{suite}"),
    }
}

/// Returns the release in the name of an image, such as `cc-debian12` or `slim-bookworm`.
#[must_use]
pub fn release_named(image: &str) -> Option<Release> {
    let says = |words: [&str; 2]| words.iter().any(|word| image.contains(word));
    if says(["debian12", "bookworm"]) {
        Some(Release::Bookworm)
    } else if says(["debian13", "trixie"]) {
        Some(Release::Trixie)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_of_one_release() {
        for (python, base, builder) in [
            ("3.13", "gcr.io/distroless/cc-debian13:nonroot", "python:3.13-slim-trixie"),
            ("3.12.4", "gcr.io/distroless/cc-debian13:nonroot", "python:3.12.4-slim-trixie"),
            ("3.8", "gcr.io/distroless/cc-debian12:nonroot", "python:3.8-slim-bookworm"),
        ] {
            assert_eq!(pair(python), Ok(Pair { base: base.to_owned(), builder: builder.to_owned() }));
        }
        assert!(pair("2.7").is_err() && pair("three").is_err() && pair("3").is_err());
    }
}
