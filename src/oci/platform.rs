//! The platform an image is for: operating system, architecture, variant.
//!
//! Source: image-spec `image-index.md`; containerd's `platforms` package for
//! the equivalences (`arm64` is `arm64/v8`, `arm` is `arm/v7`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `linux/amd64`, `linux/arm64/v8` and the like.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// A text that names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: write os/architecture, as in linux/arm64")]
pub struct PlatformError(pub String);

impl Platform {
    /// A platform without a variant.
    #[must_use]
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), os: os.to_owned(), variant: None }
    }

    /// Whether an image for `self` is what somebody who asked for `wanted` expects.
    #[must_use]
    pub fn matches(&self, wanted: &Self) -> bool {
        self.os == wanted.os && self.architecture == wanted.architecture && self.level() == wanted.level()
    }

    /// The Debian multiarch triplet, for the architectures carboy knows.
    #[must_use]
    pub fn triplet(&self) -> Option<&'static str> {
        match self.architecture.as_str() {
            "amd64" => Some("x86_64-linux-gnu"),
            "arm64" => Some("aarch64-linux-gnu"),
            _ => None,
        }
    }

    fn level(&self) -> &str {
        match (self.architecture.as_str(), self.variant.as_deref().unwrap_or("")) {
            ("arm64", "" | "v8" | "8") => "v8",
            ("arm", "") => "v7",
            ("amd64", "" | "v1") => "",
            (_, variant) => variant,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_deref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Accepts `os/architecture[/variant]` and the kernel's names of architectures.
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<_> = text.trim().split('/').collect();
        let word =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(|part| word(part)) {
            return Err(PlatformError(text.to_owned()));
        }
        let architecture = match parts[1] {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let variant = parts.get(2).map(|&variant| variant.to_owned());
        Ok(Self { variant, ..Self::new(parts[0], architecture) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_that_mean_the_same_match() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        for (has, wanted, same) in [
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/v8", "linux/aarch64", true),
            ("linux/amd64", "linux/x86_64", true),
            ("linux/amd64/v3", "linux/amd64", false),
            ("linux/arm/v6", "linux/arm", false),
            ("linux/arm/v7", "linux/arm", true),
            ("windows/amd64", "linux/amd64", false),
        ] {
            assert_eq!(platform(has).matches(&platform(wanted)), same, "{has} for {wanted}");
        }
    }

    #[test]
    fn odd_texts_are_refused() {
        for bad in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/am d64"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }
}
