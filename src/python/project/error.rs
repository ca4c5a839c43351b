//! Projects that cannot be installed from their files.

use crate::hint::Hint;

/// The reason why a project cannot be installed from its files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    #[error("not TOML: {0}")]
    Syntax(String),
    #[error("it has no `[project]` with a name")]
    NoName,
    #[error("it is called `{0}` in its pyproject.toml")]
    OtherName(String),
    #[error("its version is not known: {0}")]
    NoVersion(String),
    #[error("`{0}` is not a version")]
    Version(String),
    #[error("`[project.scripts]`: {0}")]
    Scripts(String),
    #[error("it is not pure Python: {0}")]
    NotPure(String),
    #[error("its `{0}` is a link to something that is not a file of the project")]
    Link(String),
    #[error("`{0}` is for its build backend only")]
    Backend(&'static str),
    #[error("there is no `{0}` among its files, neither below `src` nor beside pyproject.toml")]
    NoModule(String),
}

impl Hint for ProjectError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax(_) | Self::Version(_) | Self::Scripts(_) | Self::OtherName(_) => None,
            _ => Some("build a wheel of it into a wheelhouse: uv build --wheel --out-dir wheels".to_owned()),
        }
    }
}
