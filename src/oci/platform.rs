//! The platform an image is for: operating system, architecture, variant.
//!
//! Source: image-spec `image-index.md`; containerd's `platforms` package for
//! the equivalences (`arm64` is `arm64/v8`, `arm` is `arm/v7`), which the table of
//! architectures has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;

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
    /// Returns a platform without a variant.
    #[must_use]
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), os: os.to_owned(), variant: None }
    }

    /// Returns whether an image for `self` is an image for the requested platform `wanted`.
    #[must_use]
    pub fn matches(&self, wanted: &Self) -> bool {
        self.os == wanted.os && self.architecture == wanted.architecture && self.level() == wanted.level()
    }

    /// Returns the variant, without the `v` that it may begin with; the architecture's own where
    /// none is named.
    fn level(&self) -> &str {
        let variant = self.variant.as_deref().filter(|variant| !variant.is_empty());
        let own = || Architecture::named(&self.architecture).and_then(|architecture| architecture.variant);
        let level = variant.or_else(own).unwrap_or_default();
        level.strip_prefix('v').unwrap_or(level)
    }
}

impl Architecture {
    /// Returns the architecture of a platform; none for systems other than Linux and for
    /// architectures, and older variants of them, that are not in the table.
    #[must_use]
    pub fn of(platform: &Platform) -> Option<&'static Self> {
        let found = Self::named(&platform.architecture).filter(|_| platform.os == "linux")?;
        let level = |variant: &str| variant.strip_prefix('v').unwrap_or(variant).parse::<u32>().ok();
        let older = match (platform.variant.as_deref().and_then(level), found.variant.and_then(level)) {
            (Some(wanted), Some(least)) => wanted < least,
            _ => false,
        };
        (!older).then_some(found)
    }

    /// Returns the platform as people write it: `linux/arm/v7`, `linux/amd64`.
    #[must_use]
    pub fn platform(&self) -> Platform {
        // Other variants of these are no architectures of their own.
        let variant = self.variant.filter(|_| self.name == "arm");
        Platform { variant: variant.map(str::to_owned), ..Platform::new("linux", self.name) }
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
        let variant = parts.get(2).map(|&variant| variant.to_owned());
        // A name other than OCI's own means one variant: `armv7l` is `arm/v7`.
        let known = Architecture::known_as(parts[1]).filter(|known| known.name != parts[1]);
        let Some(known) = known else { return Ok(Self { variant, ..Self::new(parts[0], parts[1]) }) };
        let platform = known.platform();
        Ok(Self { os: parts[0].to_owned(), variant: variant.or(platform.variant), ..platform })
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
            ("linux/arm/v7", "linux/armv7l", true),
            ("linux/arm/7", "linux/armhf", true),
            ("linux/386", "linux/i386", true),
            ("linux/riscv64", "linux/riscv64", true),
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
