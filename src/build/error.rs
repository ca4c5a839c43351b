//! Everything that can stop a build, with what a person can do about it.

use std::error::Error;
use std::fmt::Display;
use std::path::PathBuf;

use super::problems::{self, Problem};
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint;
use crate::image::{ConfigError, EntrypointError};
use crate::layer::PackError;
use crate::layer::budget::ImageError;
use crate::layer::recipe::RecipeError;
use crate::layer::zip::ZipError;
use crate::oci::{ManifestError, Platform};
use crate::operation_error::OperationError;
use crate::python::PythonError;
use crate::python::entrypoint::EntrypointCandidates;
use crate::python::lock::LockError;
use crate::python::project::ProjectError;
use crate::python::stdlib::ExcludeError;
use crate::python::tags::Target;
use crate::python::wheel::{InvalidWheel, WheelFault};
use crate::rootfs::accounts::AccountError;
use crate::rootfs::resolve::LoopError;
use crate::rootfs::select::SelectError;
use crate::wheels::WheelError;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Port(#[from] OperationError),
    #[error("cannot use {what}")]
    Local {
        what: String,
        #[source]
        cause: OperationError,
    },
    #[error("{image} is not a valid image")]
    Manifest {
        image: String,
        #[source]
        cause: ManifestError,
    },
    #[error("{image} is not a valid image")]
    Config {
        image: String,
        #[source]
        cause: ConfigError,
    },
    #[error("{image} is an index of too many manifests, or of indexes in indexes")]
    Nested { image: String },
    #[error("{image} has no image for {wanted}")]
    Platform { image: String, wanted: Platform, has: Vec<Platform> },
    #[error("{image} is not supported: its {what} has the media type `{media_type}`")]
    MediaType { image: String, what: &'static str, media_type: String },
    #[error("{image} is not a valid image: its {what} has {size} bytes, more than any image needs")]
    TooLarge { image: String, what: &'static str, size: u64 },
    #[error("cannot use layer {layer} of {image}")]
    Layer {
        image: String,
        layer: String,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
        limit: Option<&'static str>,
    },
    #[error("{image} is too large")]
    Bounds {
        image: String,
        #[source]
        cause: ImageError,
    },
    #[error("cannot take {what} from {image}")]
    Select {
        what: String,
        image: String,
        platform: Platform,
        #[source]
        cause: SelectError,
    },
    #[error("cannot take Python from {image}")]
    Python {
        image: String,
        platform: Platform,
        #[source]
        cause: PythonError,
    },
    #[error(transparent)]
    Exclude(#[from] ExcludeError),
    /// Errors of images, and all platforms that were looked at.
    #[error("the image has {} errors", found.len())]
    Wrong { found: Vec<Diagnostic>, platforms: Vec<Platform> },
    #[error("{cause}")]
    Recipe { platform: Platform, cause: RecipeError },
    #[error("cannot install {distribution}")]
    Conflict {
        platform: Platform,
        distribution: String,
        #[source]
        cause: RecipeError,
    },
    #[error("{cause}")]
    Loop { platform: Platform, cause: LoopError },
    #[error("{cause}")]
    Entrypoint { platform: Platform, cause: EntrypointError },
    #[error("no entrypoint is set")]
    NoEntrypoint(EntrypointCandidates),
    #[error(transparent)]
    Lock(LockError),
    #[error(transparent)]
    Zip(Box<ZipError>),
    #[error(transparent)]
    Wheel(Box<InvalidWheel>),
    #[error("no wheel of {distribution} for {target}: {cause}")]
    WheelError { distribution: String, target: Target, cause: WheelError },
    #[error("cannot install {name} from `{}`", folder.display())]
    Project {
        name: String,
        folder: PathBuf,
        #[source]
        cause: ProjectError,
    },
    #[error("the builder does not tell the full version of its Python, which bytecode depends on")]
    NoFullVersion,
    #[error("cannot use `app.wheel`: {text}")]
    AppWheel { text: String, hint: &'static str },
    #[error("invalid `{key}`")]
    Account {
        key: String,
        #[source]
        cause: AccountError,
    },
    #[error("cannot read `{path}` of the image: {cause}")]
    Read { path: String, cause: String },
    #[error("cannot read `{path}` of {image}: {cause}")]
    ReadOf { image: String, path: String, cause: String },
    #[error("carboy did not build {0}: none of its layers says so")]
    NotOurs(String),
    #[error("the image has no file `{name}`")]
    NoFile { name: String, nearest: Option<String> },
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error("the cache returned other bytes than were stored in it: its disk or memory may be failing")]
    Unreliable,
    #[error("internal error: {0}")]
    Internal(String),
}

impl BuildError {
    /// A file of an image that cannot be read.
    pub(super) fn read(path: impl Display, cause: impl Display) -> Self {
        Self::Read { path: path.to_string(), cause: cause.to_string() }
    }

    pub(super) fn config(image: &str, cause: ConfigError) -> Self {
        Self::Config { image: image.to_owned(), cause }
    }

    pub(super) fn wrong(platform: &Platform, problems: &[Problem]) -> Self {
        let found = problems.iter().map(|problem| problem.diagnostic().on(platform)).collect();
        Self::Wrong { found, platforms: vec![platform.clone()] }
    }

    /// One error of several platforms' outcomes: errors of their images are collected, any
    /// other error comes first, alone.
    ///
    /// # Errors
    /// When there is one.
    pub(super) fn all<T>(outcomes: Vec<Result<T, Self>>, all: &[Platform]) -> Result<Vec<T>, Self> {
        let (mut done, mut errors) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(value) => done.push(value),
                Err(Self::Wrong { found, .. }) => errors.extend(found),
                Err(other) => return Err(other),
            }
        }
        if errors.is_empty() { Ok(done) } else { Err(Self::Wrong { found: errors, platforms: all.to_vec() }) }
    }

    /// The platforms of the images that diagnostics are about, where there may be several.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        if let Self::Wrong { platforms, .. } = self { platforms } else { &[] }
    }

    /// The error as diagnostics: several where images have several errors.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Wrong { found, .. } => found.clone(),
            Self::WheelError { distribution, target, cause } => vec![problems::no_wheel(distribution, target, cause)],
            other => vec![other.with_subject(Diagnostic::of(other.code(), other).hint(other.hint()))],
        }
    }

    fn with_subject(&self, diagnostic: Diagnostic) -> Diagnostic {
        match self {
            Self::Manifest { image, .. }
            | Self::Config { image, .. }
            | Self::Nested { image }
            | Self::MediaType { image, .. }
            | Self::TooLarge { image, .. }
            | Self::Layer { image, .. }
            | Self::Bounds { image, .. }
            | Self::NotOurs(image) => diagnostic.image(image),
            Self::Platform { image, wanted, .. } => diagnostic.image(image).on(wanted),
            Self::Select { image, platform, .. } | Self::Python { image, platform, .. } => {
                diagnostic.image(image).on(platform)
            }
            Self::Recipe { platform, .. } | Self::Loop { platform, .. } | Self::Entrypoint { platform, .. } => {
                diagnostic.on(platform)
            }
            Self::Conflict { platform, distribution, .. } => diagnostic.distribution(distribution).on(platform),
            Self::Project { name, folder, .. } => diagnostic.distribution(name).file(folder.display()),
            Self::Read { path, .. } => diagnostic.file(path),
            Self::ReadOf { image, path, .. } => diagnostic.image(image).file(path),
            Self::NoFile { name, .. } => diagnostic.file(name),
            _ => diagnostic,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Port(cause) | Self::Local { cause, .. } => cause.kind.code(),
            Self::Manifest { .. }
            | Self::Config { .. }
            | Self::Nested { .. }
            | Self::MediaType { .. }
            | Self::TooLarge { .. }
            | Self::Layer { limit: None, .. } => Code::InvalidImage,
            Self::Platform { .. } => Code::NoPlatform,
            Self::Layer { .. } | Self::Bounds { .. } => Code::LimitExceeded,
            Self::Select { cause: SelectError::Missing { .. }, .. } | Self::NoFile { .. } => Code::MissingPath,
            Self::Select { cause: SelectError::Loop(_), .. }
            | Self::Recipe { cause: RecipeError::Loop(_), .. }
            | Self::Conflict { cause: RecipeError::Loop(_), .. }
            | Self::Loop { .. } => Code::LinkLoop,
            Self::Select { .. } | Self::Exclude(_) => Code::InvalidConfiguration,
            Self::Python { cause: PythonError::Version { .. }, .. } | Self::NoFullVersion => Code::PythonVersion,
            Self::Python { .. } => Code::NoPython,
            Self::Recipe { .. } | Self::Conflict { .. } => Code::PathConflict,
            Self::Entrypoint { cause, .. } => entrypoint_code(cause),
            Self::NoEntrypoint(_) => Code::NoEntrypoint,
            Self::Lock(_) => Code::InvalidLockFile,
            Self::Zip(_) | Self::Wheel(_) | Self::Pack(PackError::ZipEntry { .. } | PackError::Record { .. }) => {
                Code::InvalidWheel
            }
            Self::WheelError { .. } | Self::AppWheel { .. } => Code::NoWheel,
            Self::Project { cause, .. } => project_code(cause),
            Self::Account { .. } => Code::InvalidAccount,
            Self::Read { .. }
            | Self::ReadOf { .. }
            | Self::Pack(PackError::Read { .. } | PackError::Changed { .. }) => Code::UnreadableFile,
            Self::NotOurs(_) => Code::NotBuiltByCarboy,
            Self::Pack(PackError::Write(_)) => Code::UnusableCache,
            Self::Unreliable => Code::DamagedCache,
            Self::Wrong { .. } | Self::Internal(_) => Code::Internal,
        }
    }
}

/// The code of an entrypoint's error.
pub(super) fn entrypoint_code(error: &EntrypointError) -> Code {
    match error {
        EntrypointError::Empty => Code::NoEntrypoint,
        EntrypointError::NotFound { .. } | EntrypointError::Dangling { .. } => Code::EntrypointNotFound,
        EntrypointError::NotExecutable { .. } | EntrypointError::NotFile { .. } => Code::CannotStart,
    }
}

fn project_code(error: &ProjectError) -> Code {
    match error {
        ProjectError::Syntax(_)
        | ProjectError::NoName
        | ProjectError::OtherName(_)
        | ProjectError::Version(_)
        | ProjectError::Scripts(_) => Code::InvalidProject,
        _ => Code::UnbuiltProject,
    }
}

fn raise(key: &str) -> String {
    format!("if the image is as large as it should be, raise `{key}` under [limits]")
}

impl Hint for BuildError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Port(cause) | Self::Local { cause, .. } => cause.hint(),
            Self::Layer { limit: Some(key), .. } => Some(raise(key)),
            Self::Bounds { cause, .. } => Some(raise(cause.limit())),
            Self::Platform { has, .. } if has.is_empty() => None,
            Self::Platform { has, .. } => {
                let list: Vec<_> = has.iter().map(ToString::to_string).collect();
                Some(format!("it has {}; choose with --platform", list.join(", ")))
            }
            Self::Select { cause, .. } => cause.hint(),
            Self::Python { cause, .. } => cause.hint(),
            Self::Entrypoint { cause, .. } => cause.hint(),
            Self::Account { cause, .. } => cause.hint(),
            Self::NoEntrypoint(EntrypointCandidates(found)) if found.is_empty() => Some(
                "put it after `--`, as in: carboy build … -- python -m shop, or set `entrypoint` under [image]"
                    .to_owned(),
            ),
            Self::NoEntrypoint(EntrypointCandidates(found)) => {
                let found: Vec<_> = found.iter().map(|start| format!("`{}`", start.typed())).collect();
                Some(format!("put one of these after `--`, or set `entrypoint` under [image]: {}", found.join(", ")))
            }
            Self::Lock(cause) => cause.hint(),
            Self::Zip(cause) => cause.hint(),
            Self::Wheel(cause) => cause.hint(),
            Self::Project { cause, .. } => cause.hint(),
            Self::NoFullVersion => {
                Some("set PYTHON_VERSION in the builder, or leave `runtime.bytecode` out".to_owned())
            }
            Self::AppWheel { hint, .. } => Some((*hint).to_owned()),
            Self::NoFile { nearest: Some(near), .. } => Some(format!("it has `{near}`")),
            Self::NoFile { .. } => {
                Some("name a file, as in /usr/bin/tool, or the end of its path, as in libz.so.1".to_owned())
            }
            Self::Recipe { cause: RecipeError::Blocked { .. } | RecipeError::Folder(_), .. } => {
                Some("choose another destination".to_owned())
            }
            Self::Conflict { cause: RecipeError::Blocked { .. } | RecipeError::Folder(_), .. } => Some(
                "another distribution has a file where this one has a folder, or the reverse: leave one of them out"
                    .to_owned(),
            ),
            Self::Unreliable => Some("name a folder on another disk with --cache-dir".to_owned()),
            Self::Pack(PackError::Record { .. }) => Some(WheelFault::CHANGED.to_owned()),
            _ => None,
        }
    }
}
