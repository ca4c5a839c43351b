//! The errors that stop a build, with hints for the user.

use std::error::Error;
use std::fmt::Display;
use std::path::PathBuf;

use super::merged_errors::merged;
use crate::compose::Unavailable;
use crate::diagnostic::{Code, Detail, Diagnostic, Diagnostics};
use crate::hint::Hint;
use crate::image::ConfigError;
use crate::layer::PackError;
use crate::layer::budget::ImageError;
use crate::layer::zip::ZipError;
use crate::oci::digest::VerifyError;
use crate::oci::{Architecture, Descriptor, ManifestError, Platform};
use crate::operation_error::OperationError;
use crate::python::project::ProjectError;
use crate::python::tags::Target;
use crate::python::wheel::{InvalidWheel, WheelFault};
use crate::wheels::WheelError;

/// An error that stops a build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Operation(#[from] OperationError),
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
    #[error("{image} is an index with too many manifests or too many nested indexes")]
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
    /// The errors of images, and all platforms of the build.
    #[error("the image has {} errors", found.len())]
    Diagnostics { found: Vec<Diagnostic>, platforms: Vec<Platform> },
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
    #[error("cannot use `app.wheel`: {text}")]
    AppWheel { text: String, hint: &'static str },
    #[error("cannot read `{path}` of the image: {cause}")]
    Read { path: String, cause: String },
    #[error("carboy did not build {0}: its history has no layer of carboy")]
    NotOurs(String),
    #[error("the image has no file `{name}`")]
    NoFile { name: String, nearest: Option<String> },
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error("the cache returned different bytes than carboy stored in it: the disk or memory may be failing")]
    Unreliable,
    #[error("internal error: {0}")]
    Internal(String),
}

impl BuildError {
    /// Makes the error of an image's file that cannot be read.
    pub(super) fn read(path: impl Display, cause: impl Display) -> Self {
        Self::Read { path: path.to_string(), cause: cause.to_string() }
    }

    /// Makes the error of a failed transfer, or of content that differs from its digest.
    pub(super) fn transfer(name: &str, blob: &Descriptor, cause: &std::io::Error) -> Self {
        let inner = cause.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<OperationError>()) {
            return BuildError::Operation(OperationError {
                message: format!("{name}: {}", error.message),
                ..error.clone()
            });
        }
        if inner.and_then(|inner| inner.downcast_ref::<VerifyError>()).is_some() {
            let hint =
                "the registry or a proxy sent content that does not match the manifest; carboy kept nothing of it";
            let error = OperationError::new(Code::CorruptContent, format!("{name} is corrupt")).because(cause);
            return BuildError::Operation(error.with_hint(hint));
        }
        let message = format!("cannot read blob {} of {name} as `{}`", blob.digest.short(), blob.media_type);
        BuildError::Operation(OperationError::new(Code::InvalidImage, message).because(cause))
    }

    /// Makes the error of an invalid configuration.
    pub(super) fn config(image: &str, cause: ConfigError) -> Self {
        Self::Config { image: image.to_owned(), cause }
    }

    /// Returns the values of several outcomes, or all their errors as one. An internal error or
    /// an exceeded limit is returned alone.
    ///
    /// # Errors
    /// Any error among the outcomes.
    pub(super) fn collect<T>(outcomes: Vec<Result<T, Self>>) -> Result<Vec<T>, Self> {
        let (mut done, mut found) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(value) => done.push(value),
                Err(error @ (Self::Internal(_) | Self::Bounds { .. })) => return Err(error),
                Err(error) => found.extend(error.diagnostics()),
            }
        }
        if found.is_empty() { Ok(done) } else { Err(found.into()) }
    }

    /// Returns the values of all platforms, or the errors of all: first those of the `project`,
    /// then those of images, then the first other error, such as a failed transfer.
    ///
    /// # Errors
    /// Any error of the project or among the outcomes.
    pub(super) fn of_platforms<T>(
        project: Vec<Diagnostic>,
        outcomes: Vec<(Platform, Result<T, Self>)>,
        all: &[Platform],
    ) -> Result<Vec<T>, Self> {
        let (mut done, mut images, mut other) = (Vec::new(), Vec::new(), None);
        for (platform, outcome) in outcomes {
            match outcome {
                Ok(value) => done.push(value),
                Err(Self::Diagnostics { found, .. }) => images.push((platform, found)),
                Err(error) => other = other.or(Some(error)),
            }
        }
        let found = merged(project, images, all.len());
        match other {
            Some(other) => Err(other.after(found, all)),
            None if found.is_empty() => Ok(done),
            None => Err(Self::Diagnostics { found, platforms: all.to_vec() }),
        }
    }

    /// Returns the values of all profiles, or the errors of all. Profiles share most errors: each
    /// is kept once.
    ///
    /// # Errors
    /// Any error among the outcomes; a single one unchanged.
    pub(super) fn of_profiles<T>(outcomes: Vec<Result<T, Self>>) -> Result<Vec<T>, Self> {
        let (mut done, mut errors) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(value) => done.push(value),
                Err(error @ Self::Internal(_)) => return Err(error),
                Err(error) => errors.push(error),
            }
        }
        if errors.len() < 2 {
            return errors.pop().map_or(Ok(done), Err);
        }
        let platforms = errors.iter().map(Self::platforms).find(|all| !all.is_empty()).unwrap_or_default().to_vec();
        let found = Diagnostics::default();
        for error in &errors {
            found.extend(error.diagnostics());
        }
        Err(Self::Diagnostics { found: found.all(), platforms })
    }

    /// Returns the error together with those that were found before it, each once. An internal error
    /// stays alone.
    pub(super) fn after(self, mut found: Vec<Diagnostic>, platforms: &[Platform]) -> Self {
        if found.is_empty() || matches!(self, Self::Internal(_)) {
            return self;
        }
        let more: Vec<_> = self.diagnostics().into_iter().filter(|one| !found.contains(one)).collect();
        found.extend(more);
        Self::Diagnostics { found, platforms: platforms.to_vec() }
    }

    /// Removes the errors of an image that follow from others.
    pub(super) fn without_consequences(self, unavailable: &Unavailable) -> Self {
        self.map(|found| unavailable.without_consequences(found))
    }

    /// Replaces the errors of images.
    pub(super) fn map(self, change: impl FnOnce(Vec<Diagnostic>) -> Vec<Diagnostic>) -> Self {
        match self {
            Self::Diagnostics { found, platforms } => Self::Diagnostics { found: change(found), platforms },
            other => other,
        }
    }

    /// Returns the platforms of the build for errors of images; empty for any other error.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        if let Self::Diagnostics { platforms, .. } = self { platforms } else { &[] }
    }

    /// Returns the error as diagnostics: several if images have several errors.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Diagnostics { found, .. } => found.clone(),
            Self::WheelError { distribution, target, cause } => vec![no_wheel(distribution, target, cause)],
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
            Self::Project { name, folder, .. } => diagnostic.distribution(name).file(folder.display()),
            Self::Read { path, .. } => diagnostic.file(path),
            Self::NoFile { name, .. } => diagnostic.file(name),
            _ => diagnostic,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Operation(cause) | Self::Local { cause, .. } => cause.code,
            Self::Manifest { .. }
            | Self::Config { .. }
            | Self::Nested { .. }
            | Self::MediaType { .. }
            | Self::TooLarge { .. }
            | Self::Layer { limit: None, .. } => Code::InvalidImage,
            Self::Platform { .. } => Code::NoPlatform,
            Self::Layer { .. } | Self::Bounds { .. } => Code::LimitExceeded,
            Self::NoFile { .. } => Code::MissingPath,
            Self::Zip(_) | Self::Wheel(_) | Self::Pack(PackError::ZipEntry { .. } | PackError::Record { .. }) => {
                Code::InvalidWheel
            }
            Self::WheelError { .. } | Self::AppWheel { .. } => Code::NoWheel,
            Self::Project { cause, .. } => project_code(cause),
            Self::Read { .. } | Self::Pack(PackError::Read { .. } | PackError::Changed { .. }) => Code::UnreadableFile,
            Self::NotOurs(_) => Code::NotBuiltByCarboy,
            Self::Pack(PackError::Write(_)) => Code::UnusableCache,
            Self::Unreliable => Code::DamagedCache,
            Self::Diagnostics { .. } | Self::Internal(_) => Code::Internal,
        }
    }
}

/// Makes the error of a distribution without a wheel. The machine is left out: the platform
/// names it.
fn no_wheel(distribution: &str, target: &Target, cause: &WheelError) -> Diagnostic {
    let reason = cause.message.clone();
    let detail = Detail::NoWheel {
        distribution: distribution.to_owned(),
        target: without_machine(target),
        python: target.python.to_string(),
        reason: reason.clone(),
        build: cause.build.clone(),
        other_pythons: cause.other_pythons.clone(),
    };
    let text = format!("no wheel of {distribution} for {}", without_machine(target));
    let diagnostic = Diagnostic { causes: vec![reason], ..Diagnostic::error(Code::NoWheel, text) };
    diagnostic.distribution(distribution).hint(cause.hint.clone()).detail(detail)
}

/// Describes a target without its machine: `Python 3.13, glibc 2.41`. The platform names the
/// machine.
fn without_machine(target: &Target) -> String {
    Target { machine: "", ..target.clone() }.to_string().trim_end_matches([',', ' ']).to_owned()
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

/// Returns the hint for a media type that carboy does not support.
fn unsupported(what: &str, media_type: &str) -> Option<String> {
    match what {
        _ if media_type.ends_with("+encrypted") => {
            Some("decrypt that image first, as with `skopeo copy --decryption-key`".to_owned())
        }
        "configuration" => {
            Some("it is an artifact of another kind than a container image: check its name and tag".to_owned())
        }
        _ => None,
    }
}

fn raise(key: &str) -> String {
    format!("if the image is meant to be this large, raise `{key}` under [limits]")
}

impl Hint for BuildError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Operation(cause) | Self::Local { cause, .. } => cause.hint(),
            Self::Manifest { cause, .. } => cause.hint(),
            Self::MediaType { what, media_type, .. } => unsupported(what, media_type),
            Self::Layer { limit: Some(key), .. } => Some(raise(key)),
            Self::Bounds { cause, .. } => Some(raise(cause.limit())),
            Self::Platform { has, .. } if has.is_empty() => None,
            Self::Platform { has, .. } => {
                let list: Vec<_> = has.iter().map(ToString::to_string).collect();
                let choose =
                    if has.iter().any(|one| Architecture::of(one).is_some()) { "; choose with --platform" } else { "" };
                Some(format!("it has {}{choose}", list.join(", ")))
            }
            Self::Zip(cause) => cause.hint(),
            Self::Wheel(cause) => cause.hint(),
            Self::Project { cause, .. } => cause.hint(),
            Self::AppWheel { hint, .. } => Some((*hint).to_owned()),
            Self::NoFile { nearest: Some(near), .. } => Some(format!("it has `{near}`")),
            Self::NoFile { .. } => {
                Some("name a file, as in /usr/bin/tool, or the end of its path, as in libz.so.1".to_owned())
            }
            Self::Unreliable => Some("name a directory on another disk with --cache-dir".to_owned()),
            Self::Pack(PackError::Record { .. }) => Some(WheelFault::CHANGED.to_owned()),
            _ => None,
        }
    }
}

impl From<Vec<Diagnostic>> for BuildError {
    /// Keeps the errors of one image, and its warnings, which are emitted before the error is
    /// returned. `of_platforms` attaches the platform.
    fn from(found: Vec<Diagnostic>) -> Self {
        Self::Diagnostics { found, platforms: Vec::new() }
    }
}

impl From<Diagnostic> for BuildError {
    fn from(error: Diagnostic) -> Self {
        vec![error].into()
    }
}

impl From<Box<Diagnostic>> for BuildError {
    fn from(error: Box<Diagnostic>) -> Self {
        vec![*error].into()
    }
}
