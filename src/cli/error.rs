//! Every error that ends a run, with its hint and its exit code.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::{FAILED, USAGE};
use crate::build::BuildError;
use crate::config::ConfigError;
use crate::hint::{Hint, nearest};
use crate::plan::PlanError;
use crate::ports::OperationError;
use crate::python::lock::LockError;
use crate::python::project::ProjectError;

/// Why a run ended.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("`{}` is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error("cannot read `{}`: {cause}", path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    /// A path of the project's files that leads out of its root.
    #[error("{at}: {cause}")]
    Outside { at: String, cause: OperationError },
    #[error("the working directory has no project, and `{}` has one", .0.display())]
    ConfigElsewhere(PathBuf),
    #[error("`{}`: {cause}", path.display())]
    Project { path: PathBuf, cause: ProjectError },
    #[error("`{}` is called as no lock file is", .0.display())]
    LockName(PathBuf),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("SOURCE_DATE_EPOCH is `{0}`, which is no number of seconds since 1970")]
    Epoch(String),
    #[error("there is no folder for the cache: neither XDG_CACHE_HOME nor HOME is set")]
    NoCache,
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Port(#[from] OperationError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("cannot start: {0}")]
    Start(std::io::Error),
    #[error("the work is done, but its answer cannot be written to stdout: {0}")]
    Stdout(std::io::Error),
}

impl CliError {
    /// 2 for what the user wrote wrong, 1 for everything else.
    pub fn code(&self) -> u8 {
        match self {
            Self::NoFolder(_)
            | Self::Outside { .. }
            | Self::ConfigElsewhere(_)
            | Self::Project { .. }
            | Self::LockName(_)
            | Self::Lock(_)
            | Self::Epoch(_)
            | Self::NoCache
            | Self::Config(_)
            | Self::Plan(_)
            | Self::Build(BuildError::NoEntrypoint(_) | BuildError::Lock(_)) => USAGE,
            Self::Read { cause, .. } if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => USAGE,
            Self::Read { .. } | Self::Port(_) | Self::Build(_) | Self::Start(_) | Self::Stdout(_) => FAILED,
        }
    }
}

impl Hint for CliError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(ConfigError::NoProfile { name, known }) => {
                let built_in = ["debug", "default"];
                let all = known.iter().map(String::as_str).chain(built_in);
                let near = nearest(name, all.clone()).map(|near| format!("did you mean `{near}`?"));
                Some(near.unwrap_or_else(|| format!("there is {}", all.collect::<Vec<_>>().join(", "))))
            }
            Self::Config(cause) => cause.hint(),
            Self::Plan(cause) => cause.hint(),
            Self::Port(cause) | Self::Outside { cause, .. } => cause.hint(),
            Self::ConfigElsewhere(folder) => {
                Some(format!("name the project's folder too: {}; or `.` for the working directory", folder.display()))
            }
            Self::Build(cause) => cause.hint(),
            Self::Lock(cause) => cause.hint(),
            Self::LockName(_) => Some(
                "name a uv.lock, pylock.toml, poetry.lock, Pipfile.lock, or a requirements file that ends in .txt"
                    .to_owned(),
            ),
            Self::NoCache => Some("pass --cache-dir".to_owned()),
            Self::NoFolder(_) => Some("name the project's folder; a command to start goes after `--`".to_owned()),
            Self::Read { .. } | Self::Project { .. } | Self::Epoch(_) | Self::Start(_) | Self::Stdout(_) => None,
        }
    }

    fn lines(&self) -> Vec<String> {
        if let Self::Build(cause) = self { cause.lines() } else { vec![self.to_string()] }
    }

    fn hints(&self) -> Vec<String> {
        if let Self::Build(cause) = self { cause.hints() } else { self.hint().into_iter().collect() }
    }
}
