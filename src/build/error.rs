//! Everything that can stop a build, with what a person can do about it.

use std::fmt::Write as _;

use crate::debian::os_release::OsRelease;
use crate::hint::Hint;
use crate::image::{ConfigError, EntrypointError};
use crate::layer::PackError;
use crate::layer::recipe::RecipeError;
use crate::oci::{ManifestError, Platform};
use crate::ports::PortError;
use crate::python::PythonError;
use crate::python::stdlib::ExcludeError;
use crate::rootfs::accounts::AccountError;
use crate::rootfs::resolve::LoopError;
use crate::rootfs::select::SelectError;

/// Whose need is told for libraries that the configuration names.
pub(super) const DLOPEN: &str = "`runtime.dlopen`";

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("{what}: {cause}")]
    Local { what: String, cause: PortError },
    #[error("the cache: {0}")]
    Cache(std::io::Error),
    #[error("{image}: {cause}")]
    Manifest { image: String, cause: ManifestError },
    #[error("{image}: {cause}")]
    Config { image: String, cause: ConfigError },
    #[error("{image} is an index of indexes of indexes")]
    Nested { image: String },
    #[error("{image} has no image for {wanted}")]
    Platform { image: String, wanted: Platform, has: Vec<Platform> },
    #[error("{image}: its {what} has the media type `{media_type}`, which carboy does not know")]
    MediaType { image: String, what: &'static str, media_type: String },
    #[error("{image}: its {what} has {size} bytes, more than any image needs")]
    TooLarge { image: String, what: &'static str, size: u64 },
    #[error("{image}: layer {layer}: {cause}")]
    Layer { image: String, layer: String, cause: String, limit: Option<&'static str> },
    #[error("{what} for {platform}: {image}: {cause}")]
    Select { what: String, image: String, platform: Platform, cause: SelectError },
    #[error("{image} for {platform}: {cause}")]
    Python { image: String, platform: Platform, cause: PythonError },
    #[error(transparent)]
    Exclude(#[from] ExcludeError),
    #[error("base and builder are of different releases: {base_name} is {base}, {builder_name} is {builder}")]
    Mixed { base_name: String, base: OsRelease, builder_name: String, builder: OsRelease },
    #[error("{platform}: {}", missing_text(missing))]
    Missing { platform: Platform, missing: Vec<(String, String)> },
    #[error("{platform}: {cause}")]
    Recipe { platform: Platform, cause: RecipeError },
    #[error("{platform}: {cause}")]
    Loop { platform: Platform, cause: LoopError },
    #[error("{platform}: {cause}")]
    Entrypoint { platform: Platform, cause: EntrypointError },
    #[error("no entrypoint: what should the image start?")]
    NoEntrypoint,
    #[error("`{key}`: {cause}")]
    Account { key: String, cause: AccountError },
    #[error("`{path}` of the image: {cause}")]
    Read { path: String, cause: String },
    #[error("`{path}` is for no directory: {what}")]
    Copy { path: String, what: &'static str },
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error("a fault of carboy's own: {0}")]
    Internal(String),
}

impl BuildError {
    pub(super) fn config(image: &str, cause: ConfigError) -> Self {
        Self::Config { image: image.to_owned(), cause }
    }
}

fn missing_text(missing: &[(String, String)]) -> String {
    let mut text = match missing {
        [_] => "a shared library is nowhere to be found: ".to_owned(),
        _ => format!("{} shared libraries are nowhere to be found: ", missing.len()),
    };
    for (at, (soname, needed_by)) in missing.iter().enumerate() {
        let _ = write!(text, "{}`{soname}`, needed by {needed_by}", if at == 0 { "" } else { "; " });
    }
    text
}

impl Hint for BuildError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Port(cause) | Self::Local { cause, .. } => cause.hint(),
            Self::Layer { limit: Some(key), .. } => {
                Some(format!("if the image is as large as it should be, raise `{key}` under [limits]"))
            }
            Self::Platform { has, .. } if has.is_empty() => None,
            Self::Platform { has, .. } => {
                let list: Vec<_> = has.iter().map(ToString::to_string).collect();
                Some(format!("it has {}; choose with --platform", list.join(", ")))
            }
            Self::Select { cause, .. } => cause.hint(),
            Self::Python { cause, .. } => cause.hint(),
            Self::Entrypoint { cause, .. } => cause.hint(),
            Self::Account { cause, .. } => cause.hint(),
            Self::NoEntrypoint => Some(
                "put it after `--`, as in: carboy build … -- python -m shop, or set `entrypoint` under [image]"
                    .to_owned(),
            ),
            Self::Mixed { .. } => Some(
                "leave one of `base` and `builder` out so that they match, or set allow-mixed = true under [runtime]"
                    .to_owned(),
            ),
            Self::Missing { missing, .. } if missing.iter().all(|(_, by)| by == DLOPEN) => {
                Some("use a builder that has it, or leave it out of `dlopen`".to_owned())
            }
            Self::Missing { missing, .. } => {
                let names: Vec<_> = missing.iter().map(|(soname, _)| format!("\"{soname}\"")).collect();
                let mut names = names;
                names.dedup();
                Some(format!(
                    "use a builder that has it; if it is not needed: allow-missing = [{}] under [runtime]",
                    names.join(", ")
                ))
            }
            Self::Recipe { cause: RecipeError::Blocked { .. } | RecipeError::Folder(_), .. } => {
                Some("choose another destination".to_owned())
            }
            _ => None,
        }
    }
}
