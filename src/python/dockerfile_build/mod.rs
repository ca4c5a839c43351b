//! What the stages of a `Dockerfile` state about an image's Python and its dependencies: the
//! version of Python in an image's name, and the extras and dependency groups that `uv sync`,
//! `poetry install` and `pip install` name.
//!
//! Only the last stage counts, with the stages that it starts from or copies from. Nothing is
//! executed: a command with a part that only a shell can tell is left out.

mod install;
mod name_choice;
mod python_image;
mod stages;

use install::Install;
pub use name_choice::NameChoice;
use python_image::{version_argument, version_of_image};
use stages::stages;

/// The Python and the dependencies of a `Dockerfile`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DockerfileBuild {
    /// The major and minor version of Python: `3.12`.
    pub python: Option<String>,
    pub extras: NameChoice,
    pub groups: NameChoice,
}

impl DockerfileBuild {
    /// Reads the text of a `Dockerfile`.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let stages = stages(text);
        let mut out = Self::default();
        let mut argument = None;
        for command in stages.iter().flat_map(|stage| &stage.commands) {
            argument = argument.or_else(|| version_argument(command));
            if let Some(install) = Install::parse(command) {
                install.add_to(&mut out.extras, &mut out.groups);
            }
        }
        let mut images = stages.iter().flat_map(|stage| &stage.images);
        out.python = images.find_map(|image| version_of_image(image)).or(argument);
        out
    }
}

#[cfg(test)]
mod tests;
