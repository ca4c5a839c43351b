//! Everything that can stop a build, with what a person can do about it.

use std::fmt::Display;
use std::path::PathBuf;

use super::problems::{Problem, Wrong};
use crate::hint::Hint;
use crate::image::{ConfigError, EntrypointError};
use crate::layer::PackError;
use crate::layer::budget::ImageError;
use crate::layer::recipe::RecipeError;
use crate::layer::zip::ZipError;
use crate::oci::{ManifestError, Platform};
use crate::ports::{OperationError, WheelError};
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

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Port(#[from] OperationError),
    #[error("{what}: {cause}")]
    Local { what: String, cause: OperationError },
    #[error("{image}: {cause}")]
    Manifest { image: String, cause: ManifestError },
    #[error("{image}: {cause}")]
    Config { image: String, cause: ConfigError },
    #[error("{image} is an index of too many manifests, or of indexes in indexes")]
    Nested { image: String },
    #[error("{image} has no image for {wanted}")]
    Platform { image: String, wanted: Platform, has: Vec<Platform> },
    #[error("{image}: its {what} has the media type `{media_type}`, which carboy does not know")]
    MediaType { image: String, what: &'static str, media_type: String },
    #[error("{image}: its {what} has {size} bytes, more than any image needs")]
    TooLarge { image: String, what: &'static str, size: u64 },
    #[error("{image}: layer {layer}: {cause}")]
    Layer { image: String, layer: String, cause: String, limit: Option<&'static str> },
    #[error("{image}: {cause}")]
    Bounds { image: String, cause: ImageError },
    #[error("{what} for {platform}: {image}: {cause}")]
    Select { what: String, image: String, platform: Platform, cause: SelectError },
    #[error("{image} for {platform}: {cause}")]
    Python { image: String, platform: Platform, cause: PythonError },
    #[error(transparent)]
    Exclude(#[from] ExcludeError),
    #[error("{}", .0.text())]
    Wrong(Wrong),
    #[error("{platform}: {cause}")]
    Recipe { platform: Platform, cause: RecipeError },
    #[error("{platform}: {distribution}: {cause}")]
    Conflict { platform: Platform, distribution: String, cause: RecipeError },
    #[error("{platform}: {cause}")]
    Loop { platform: Platform, cause: LoopError },
    #[error("{platform}: {cause}")]
    Entrypoint { platform: Platform, cause: EntrypointError },
    #[error("no entrypoint: what should the image start?")]
    NoEntrypoint(EntrypointCandidates),
    #[error(transparent)]
    Lock(LockError),
    #[error(transparent)]
    Zip(Box<ZipError>),
    #[error(transparent)]
    Wheel(Box<InvalidWheel>),
    #[error("no wheel of {distribution} for {target}: {cause}")]
    WheelError { distribution: String, target: Target, cause: WheelError },
    #[error("{name}, in `{}`: {cause}", folder.display())]
    Project { name: String, folder: PathBuf, cause: ProjectError },
    #[error("the builder does not tell its Python's full version, and bytecode is of one very version")]
    NoFullVersion,
    #[error("`app.wheel`: {text}")]
    AppWheel { text: String, hint: &'static str },
    #[error("`{key}`: {cause}")]
    Account { key: String, cause: AccountError },
    #[error("`{path}` of the image: {cause}")]
    Read { path: String, cause: String },
    #[error("`{path}` of {image}: {cause}")]
    ReadOf { image: String, path: String, cause: String },
    #[error("{0} was not built by carboy: no layer of it says so")]
    NotOurs(String),
    #[error("the image has no file `{name}`")]
    NoFile { name: String, nearest: Option<String> },
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error("the cache gives other bytes than were stored in it: its disk or its memory may be failing")]
    Unreliable,
    #[error("a fault of carboy's own: {0}")]
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

    pub(super) fn wrong(platform: &Platform, problems: Vec<Problem>) -> Self {
        Self::Wrong(Wrong::on(platform, problems))
    }

    /// One error of several platforms' outcomes: what is wrong with their images is
    /// told together; anything else comes first, alone.
    ///
    /// # Errors
    /// When there is one.
    pub(super) fn all<T>(outcomes: Vec<Result<T, Self>>) -> Result<Vec<T>, Self> {
        let count = outcomes.len();
        let mut done = Vec::new();
        let mut all: Option<Wrong> = None;
        for outcome in outcomes {
            match (outcome, &mut all) {
                (Ok(value), _) => done.push(value),
                (Err(Self::Wrong(wrong)), Some(all)) => all.merge(wrong),
                (Err(Self::Wrong(wrong)), None) => all = Some(wrong),
                (Err(other), _) => return Err(other),
            }
        }
        match all {
            Some(mut wrong) => {
                wrong.of(count);
                Err(Self::Wrong(wrong))
            }
            None => Ok(done),
        }
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
            Self::Wrong(wrong) => Some(wrong.hints().join("; ")).filter(|hints| !hints.is_empty()),
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

    fn lines(&self) -> Vec<String> {
        if let Self::Wrong(wrong) = self { wrong.told() } else { vec![self.to_string()] }
    }

    fn hints(&self) -> Vec<String> {
        if let Self::Wrong(wrong) = self { wrong.hints() } else { self.hint().into_iter().collect() }
    }
}
