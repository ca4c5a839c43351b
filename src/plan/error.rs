//! Invalid or contradictory settings, with hints.

use crate::config::BadValue;
use crate::diagnostic::Code;
use crate::hint::Hint;
use crate::oci::architecture::ARCHITECTURES;
use crate::oci::location::LocationError;
use crate::oci::platform::PlatformError;
use crate::oci::{Architecture, Platform};
use crate::python::releases::PairError;
use crate::rootfs::path::PathError;

/// Returns the platforms that carboy builds for: `linux/amd64, linux/arm64, linux/arm/v7`.
fn supported() -> String {
    let names: Vec<_> = ARCHITECTURES.iter().map(|architecture| architecture.platform().to_string()).collect();
    names.join(", ")
}

/// Returns the hint for a platform that carboy does not build for.
fn other_platform(platform: &Platform) -> String {
    let known = Architecture::named(&platform.architecture);
    match known {
        _ if platform.os != "linux" => {
            format!("carboy assembles images for Linux only: leave {platform} out of `platforms`")
        }
        Some(known) => format!("the oldest variant of this architecture that Debian supports is {}", known.platform()),
        None => format!("leave {platform} out of `platforms`"),
    }
}

/// Returns platforms in words: `linux/amd64, linux/arm64`.
fn list(platforms: &[Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns the hint for a platform without a directory of distributions.
fn site_packages(platform: &Platform) -> String {
    let folder = format!("site-{}", platform.architecture);
    let machine = Architecture::of(platform).map_or(platform.architecture.as_str(), |architecture| architecture.wheel);
    format!(
        "add \"{platform}\" = \"{folder}\", and fill it: `uv pip install --target {folder} --python-platform \
         {machine}-manylinux_2_28 --only-binary :all: -r requirements.txt`; or leave it out of `platforms`"
    )
}

/// An invalid or contradictory setting.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("no target: carboy does not know where to push the image")]
    NoTarget,
    #[error("{place} holds the image of one platform, and there are {}", list(platforms))]
    ArchivePlatforms { place: String, platforms: Vec<Platform> },
    #[error("an image without an index has one platform, and there are {}", list(.0))]
    ManifestPlatforms(Vec<Platform>),
    #[error("`--load` has no image for this machine, {host}: there are {}", list(platforms))]
    LoadPlatform { host: Platform, platforms: Vec<Platform> },
    #[error("`--index` is the package index, and cannot be `{0}`")]
    PackageIndex(String),
    #[error("invalid `{what}`")]
    Location {
        what: String,
        #[source]
        cause: LocationError,
    },
    #[error("a tag cannot be pushed to a digest: `{0}`")]
    TargetDigest(String),
    #[error("{0} is written once: it gets no more tags")]
    ArchiveTag(String),
    #[error("`{0}` names no image: it has neither a tag nor a digest")]
    NoImageTag(String),
    #[error("`{0}` is not a tag")]
    Tag(String),
    #[error("invalid `{what}`")]
    Platform {
        what: String,
        #[source]
        cause: PlatformError,
    },
    #[error("`--platform` names {0} twice")]
    PlatformTwice(Platform),
    #[error("carboy cannot build for {0}, only for {supported}", supported = supported())]
    PlatformUnknown(Platform),
    #[error("`{flag}` {cause}")]
    Flag { flag: &'static str, cause: BadValue },
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error("`dependencies.site-packages` has no directory for {0}")]
    NoSitePackages(Platform),
    #[error("`dependencies.lock` and `dependencies.site-packages` contradict each other")]
    TwoDependencies,
    #[error("`{0}` needs a lock file, and there is none")]
    NoLock(&'static str),
    #[error("`python = false` and `{0}` contradict each other")]
    NoPython(&'static str),
    #[error("`[[extract]]` copies from the builder, and there is none")]
    NoBuilder,
    #[error("the builder is `scratch`, which has no Python")]
    ScratchBuilder,
    #[error("invalid `{key}`")]
    Path {
        key: &'static str,
        #[source]
        cause: PathError,
    },
    #[error("`image.stop-signal`: `{0}` is not a signal")]
    Signal(String),
    #[error("the built-in profile `debug` has no debug variant for the base `{0}`")]
    DebugBase(String),
}

impl PlanError {
    /// Returns the code of the diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::ArchivePlatforms { .. }
            | Self::ManifestPlatforms(_)
            | Self::LoadPlatform { .. }
            | Self::PackageIndex(_)
            | Self::ArchiveTag(_)
            | Self::NoImageTag(_)
            | Self::NoTarget
            | Self::Flag { .. }
            | Self::PlatformTwice(_) => Code::InvalidArgument,
            Self::Location { what, .. } | Self::Platform { what, .. } if what.starts_with("--") => {
                Code::InvalidArgument
            }
            _ => Code::InvalidConfiguration,
        }
    }
}

impl Hint for PlanError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoTarget => "pass --to registry/repository:tag (or oci:FOLDER), or set `to` in carboy.toml",
            Self::ArchivePlatforms { platforms, .. } => {
                let first = platforms.first().map(ToString::to_string).unwrap_or_default();
                return Some(format!(
                    "choose one, as in --platform {first}, or write oci-archive:FILE, which holds all"
                ));
            }
            Self::ManifestPlatforms(platforms) | Self::LoadPlatform { platforms, .. } => {
                let first = platforms.first().map(ToString::to_string).unwrap_or_default();
                return Some(format!("choose one, as in --platform {first}"));
            }
            Self::PackageIndex(word) => return Some(format!("for the image's index: --image-index={word}")),
            Self::Location { cause, .. } => return cause.hint(),
            Self::ArchiveTag(_) => "name the image in a registry or in a layout, or build the archive with --tag",
            Self::NoImageTag(_) => "add one, as in :1.0 or @sha256:…",
            Self::TargetDigest(_) => "leave the digest out of `to`",
            Self::Tag(_) => "letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`",
            Self::Platform { .. } | Self::PlatformTwice(_) => return None,
            Self::PlatformUnknown(platform) => return Some(other_platform(platform)),
            Self::Flag { cause, .. } => return cause.hint(),
            Self::Pair(cause) => return cause.hint(),
            Self::NoSitePackages(platform) => {
                return Some(site_packages(platform));
            }
            Self::NoLock(_) => {
                "make one beside the configuration: uv lock; or name it: lock = \"FILE\" under [dependencies]"
            }
            Self::NoPython("runtime.dlopen") => {
                "take the library with [[extract]]: paths = [\"/usr/lib/*/libNAME.so.1\"], with what it needs"
            }
            Self::NoPython(_) | Self::TwoDependencies => "leave one of them out",
            Self::NoBuilder => "name a `builder`, or an image in `from`",
            Self::ScratchBuilder => "name an image such as python:3.13-slim-trixie, or set python = false",
            Self::Path { .. } => "write an absolute path without `..`",
            Self::Signal(_) => "write a name such as SIGTERM, or a number",
            Self::DebugBase(_) => "describe it in a [profile.debug] table: base = \"IMAGE\"",
        };
        Some(text.to_owned())
    }
}
